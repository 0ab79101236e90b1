import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenSignInIsolate, refreshCookie, sessionCookie } from "../support/given-browser.ts";
import { givenPerson, goodPassword } from "../support/given-people.ts";
import { bearerOf, givenSignedInPerson, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

const cleared = [
  "__Host-refreshToken=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0",
  "__Host-gatehouse-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0",
];
const deviceCookie = "__Host-gatehouse-device";

/** A browser's application that signed in: its cookies by name. */
async function givenCookies(isolate: Isolate, cookie = "") {
  const person = await givenPerson(isolate);
  const headers: Record<string, string> = cookie === "" ? {} : { cookie };
  const answer = await isolate.fetch(
    "/auth/login",
    json({ email: person.email, password: person.password }, headers),
  );
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
  const jar = Object.fromEntries(
    answer.headers.getSetCookie().map((line) => (line.split(";")[0] ?? "").split("=") as [string, string]),
  );
  const of = (...names: string[]) => ({ cookie: names.map((name) => `${name}=${jar[name]}`).join("; ") });
  return { ...person, jar, of, ...((await answer.json()) as Tokens) };
}

const refresh = (isolate: Isolate, body?: object, headers: Record<string, string> = {}) =>
  isolate.fetch("/auth/refresh", body ? json(body, headers) : { method: "POST", headers });

test("a browser refreshes by its cookie alone: a new cookie for the rest of the session, and no token in the body", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const here = await givenCookies(isolate);
  clock.advance(3_600_000);
  const answer = await refresh(isolate, undefined, here.of(refreshCookie));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: 600,
    session_id: here.session_id,
  });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const [line = "", ...more] = answer.headers.getSetCookie();
  expect(more).toEqual([]);
  expect(line).toMatch(
    /^__Host-refreshToken=gr_[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=2588400$/,
  );
  expect(line).not.toContain(here.jar[refreshCookie]);
});

test("a token in the body is answered in the body, and no cookie is set; nothing at all is 401", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const answer = await refresh(isolate, { refresh_token: person.refresh_token });
  const { refresh_token } = (await answer.json()) as Tokens;
  expect(refresh_token).toMatch(/^gr_/);
  expect(refresh_token).not.toBe(person.refresh_token);
  expect(answer.headers.getSetCookie()).toEqual([]);
  for (const headers of [{}, { cookie: "refreshToken=x" }, { cookie: `${refreshCookie}=` }] as const)
    await expectProblem(await refresh(isolate, undefined, headers), 401, "missing_credential");
});

test("two different refresh tokens in one request are no guess of ours: 400, and neither is used up", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenCookies(isolate);
  const other = await givenSignedInPerson(isolate);
  for (const path of ["/auth/refresh", "/auth/logout"]) {
    const both = json({ refresh_token: other.refresh_token }, here.of(refreshCookie));
    await expectProblem(await isolate.fetch(path, both), 400, "several_credentials");
  }
  const tossed = { cookie: `${here.of(refreshCookie).cookie}; ${refreshCookie}=gr_tossed` };
  await expectProblem(await refresh(isolate, undefined, tossed), 401, "missing_credential");
  expect((await refresh(isolate, undefined, here.of(refreshCookie))).status).toBe(200);
  expect((await refresh(isolate, { refresh_token: other.refresh_token })).status).toBe(200);
  const same = json({ refresh_token: here.jar[refreshCookie] }, here.of(refreshCookie));
  expect((await isolate.fetch("/auth/refresh", same)).status).toBe(200);
});

test("a refresh token that is dead for ever is taken out of the browser with its page cookie; the device stays known", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const here = await givenCookies(isolate);
  const stale = here.of(refreshCookie);
  expect((await refresh(isolate, undefined, stale)).status).toBe(200);
  clock.advance(11_000);
  for (const headers of [stale, { cookie: `${refreshCookie}=gr_${"A".repeat(60)}` }]) {
    const answer = await refresh(isolate, undefined, headers);
    await expectProblem(answer, 401, "invalid_grant");
    expect(answer.headers.getSetCookie()).toEqual(cleared);
  }
  // A native application has none of ours to clear.
  const answer = await refresh(isolate, { refresh_token: here.jar[refreshCookie] });
  await expectProblem(answer, 401, "invalid_grant");
  expect(answer.headers.getSetCookie()).toEqual([]);
});

test("signing out by either cookie, by the token or by the bearer ends that session, clears both cookies, and is 204 again", async () => {
  const isolate = await givenSignInIsolate();
  const ways = {
    session: (here: Awaited<ReturnType<typeof givenCookies>>) => ({
      method: "POST",
      headers: here.of(sessionCookie),
    }),
    refresh: (here: Awaited<ReturnType<typeof givenCookies>>) => ({
      method: "POST",
      headers: here.of(refreshCookie),
    }),
    body: (here: Awaited<ReturnType<typeof givenCookies>>) =>
      json({ refresh_token: here.jar[refreshCookie] }),
    bearer: (here: Awaited<ReturnType<typeof givenCookies>>) => ({
      method: "POST",
      headers: bearerOf(here.access_token),
    }),
  };
  for (const [way, init] of Object.entries(ways)) {
    const here = await givenCookies(isolate);
    const elsewhere = await givenTokens(isolate, here);
    for (let time = 0; time < 2; time += 1) {
      const answer = await isolate.fetch("/auth/logout", init(here));
      expect([way, answer.status, await answer.text()]).toEqual([way, 204, ""]);
      expect(answer.headers.getSetCookie()).toEqual(cleared);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
    const live = await isolate.rooms.sessions.list(here.account.id);
    expect(live.map(({ id }) => id)).toEqual([elsewhere.session_id]);
    await expectProblem(await refresh(isolate, undefined, here.of(refreshCookie)), 401, "invalid_grant");
  }
  const nobody = await isolate.fetch("/auth/logout", { method: "POST" });
  expect([nobody.status, nobody.headers.getSetCookie()]).toEqual([204, cleared]);
});

test("signing out everywhere and deleting oneself clear both cookies; a wrong password deletes nothing and clears none", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenCookies(isolate);
  const remove = (password: string) =>
    isolate.fetch("/auth/account", {
      ...json({ password }, bearerOf(here.access_token)),
      method: "DELETE",
    });
  const refused = await remove("not the password");
  await expectProblem(refused, 403, "password_wrong");
  expect(refused.headers.getSetCookie()).toEqual([]);
  const removed = await remove(goodPassword);
  expect([removed.status, removed.headers.getSetCookie()]).toEqual([204, cleared]);

  const person = await givenSignedInPerson(isolate);
  const out = await isolate.fetch("/auth/logout-everywhere", {
    method: "POST",
    headers: bearerOf(person.access_token),
  });
  expect([out.status, out.headers.getSetCookie()]).toEqual([204, cleared]);
  expect(await isolate.rooms.sessions.list(person.account.id)).toEqual([]);
});

test("a browser that signs in again is a new session; the earlier one of its cookie is over, a native one of it goes on", async () => {
  const isolate = await givenSignInIsolate();
  const first = await givenCookies(isolate);
  const native = await isolate.fetch(
    "/auth/login",
    json({ email: first.email, password: first.password, refresh_in_body: true }, first.of(sessionCookie)),
  );
  expect(native.headers.getSetCookie()).toEqual([]);
  expect(await isolate.rooms.sessions.list(first.account.id)).toHaveLength(2);
  const second = await givenCookies(isolate, first.of(sessionCookie, deviceCookie).cookie);
  expect(second.session_id).not.toBe(first.session_id);
  expect(second.jar[sessionCookie]).not.toBe(first.jar[sessionCookie]);
  await expectProblem(await refresh(isolate, undefined, first.of(refreshCookie)), 401, "invalid_grant");
  const { session_id } = (await native.json()) as Tokens;
  expect((await isolate.rooms.sessions.list(first.account.id)).map(({ id }) => id)).toEqual([session_id]);
});

test("a wrong password and an unknown address are one answer; too many guesses are 429 with the time to wait", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenPerson(isolate);
  const attempt = (address: string) =>
    isolate.fetch("/auth/login", json({ email: address, password: "not the password" }));
  const [known, unknown] = [await attempt(email), await attempt(`nobody-${email}`)];
  const told = [await expectProblem(known, 401, "invalid_credentials")];
  told.push(await expectProblem(unknown, 401, "invalid_credentials"));
  expect(told[0]?.detail).toBe(told[1]?.detail);
  for (let time = 0; time < 4; time += 1) await attempt(email);
  const over = await attempt(email);
  expect(over.headers.get("retry-after")).toMatch(/^[1-9]\d?$/);
  await expectProblem(over, 429, "rate_limited");
  expect(over.headers.getSetCookie()).toEqual([]);
});
