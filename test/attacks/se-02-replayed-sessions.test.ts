import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { json } from "../support/given.ts";
import { givenSignInIsolate, refreshCookie, sessionCookie } from "../support/given-browser.ts";
import { expectInvalidToken, givenTokenRoute } from "../support/given-jws.ts";
import { givenPerson } from "../support/given-people.ts";
import { bearerOf, givenSignedInPerson, type Tokens } from "../support/given-sessions.ts";
import { familyRow } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

/** SE-02, ASVS V7.4.1: what was a session is none after signing out, also for who asks at the same moment. */
const bound0 = { environment: { REVOCATION_BOUND_SECONDS: "0" } };
const familyIdOf = (refreshToken: string) => refreshToken.split("_")[1] ?? "";

test("SE-02: page cookie, refresh cookie, refresh token and access token of a session that signed out open nothing", async () => {
  const isolate = await givenSignInIsolate(bound0);
  const { email, password } = await givenPerson(isolate);
  const signedIn = await isolate.fetch("/auth/login", json({ email, password }));
  const { access_token } = (await signedIn.json()) as Tokens;
  const jar = new Map(
    signedIn.headers.getSetCookie().map((line) => (line.split(";")[0] ?? "").split("=") as [string, string]),
  );
  const route = await givenTokenRoute(isolate);
  expect((await route.call(access_token)).status).toBe(200);
  const pageCookie = `${sessionCookie}=${jar.get(sessionCookie)}`;
  const page = () => isolate.fetch("/account", { redirect: "manual", headers: { cookie: pageCookie } });
  expect((await page()).status).toBe(200);

  const out = await isolate.fetch("/auth/logout", { method: "POST", headers: { cookie: pageCookie } });
  expect(out.status).toBe(204);

  expect((await page()).status).toBe(303);
  await expectInvalidToken(await route.call(access_token));
  await expectProblem(
    await isolate.fetch("/auth/sessions", { headers: bearerOf(access_token) }),
    401,
    "invalid_token",
  );
  const refreshToken = jar.get(refreshCookie) ?? "";
  const byCookie = { method: "POST", headers: { cookie: `${refreshCookie}=${refreshToken}` } };
  await expectProblem(await isolate.fetch("/auth/refresh", byCookie), 401, "invalid_grant");
  const inBody = json({ refresh_token: refreshToken });
  await expectProblem(await isolate.fetch("/auth/refresh", inBody), 401, "invalid_grant");
});

test("SE-02: refreshes that race a sign-out leave no token that rotates, and no access token that is let in", async () => {
  const clock = createClock();
  const [isolate, other] = [
    await givenSignInIsolate({ clock, ...bound0 }),
    await givenSignInIsolate({ clock, ...bound0 }),
  ];
  const route = await givenTokenRoute(other);
  for (let round = 0; round < 8; round += 1) {
    const { refresh_token, access_token } = await givenSignedInPerson(isolate);
    const refresh = (at: typeof isolate, text = refresh_token) =>
      at.fetch("/auth/refresh", json({ refresh_token: text }));
    const [before, out, ...after] = await Promise.all([
      refresh(other),
      isolate.fetch("/auth/logout", json({ refresh_token })),
      refresh(isolate),
      refresh(other),
      refresh(isolate),
    ]);
    expect(out.status).toBe(204);
    await isolate.settle();
    const given = [before, ...after].filter(({ status }) => status === 200);
    const bodies = await Promise.all(given.map(async (one) => (await one.json()) as Tokens));
    for (const body of bodies) {
      await expectInvalidToken(await route.call(body.access_token));
      await expectProblem(await refresh(other, body.refresh_token), 401, "invalid_grant");
    }
    await expectInvalidToken(await route.call(access_token));
    // A refresh that came too late by a moment is no replay: nobody stole anything.
    expect(await familyRow(isolate, familyIdOf(refresh_token))).toMatchObject({
      revokedReason: "signed_out",
    });
  }
}, 60_000);
