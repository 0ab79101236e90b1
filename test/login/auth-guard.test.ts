import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenKey, type Isolate, issuer, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { bearerOf, givenSignedInPerson, givenTokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

/** What anybody may call; everything else under /auth/ wants a person's own token. */
const open = [
  "POST /auth/login",
  "POST /auth/refresh",
  "POST /auth/logout",
  "POST /auth/register",
  "POST /auth/verify-email",
  "POST /auth/password/recover",
  "POST /auth/password/reset",
  // By a step of a sign-in, which is no token, or by a passkey.
  "POST /auth/mfa/verify",
  "POST /auth/mfa/sms/send",
  "POST /auth/mfa/passkey/challenge",
  "POST /auth/mfa/passkey/sign-in",
  // By the link of a mail, to an account without a password.
  "POST /auth/mfa/recover",
];
const endpointsOf = (isolate: Isolate) => {
  const words = isolate.endpoints
    .filter(({ method, path }) => path.startsWith("/auth/") && method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replace(":id", `ses_${"A".repeat(22)}`)}`);
  return [...new Set(words)].map((word) => {
    const [method = "", path = ""] = word.split(" ");
    return { word, method, path };
  });
};
const guardedOf = (isolate: Isolate) => endpointsOf(isolate).filter(({ word }) => !open.includes(word));
const callTo = (
  isolate: Isolate,
  { method, path }: { method: string; path: string },
  headers: Record<string, string> = {},
) => isolate.fetch(path, method === "GET" ? { headers } : { ...json({}, headers), method });

test("each endpoint under /auth/ is open by name, or refuses whoever brings no token of this person's own", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const guarded = guardedOf(isolate);
  expect(guarded.length).toBeGreaterThanOrEqual(17);
  expect(endpointsOf(isolate).length - guarded.length).toBe(open.length);
  const person = await givenSignedInPerson(isolate);
  const { key } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const grant = {
    subject: person.account.id,
    clientId: "first-party",
    sessionId: person.session_id,
    audience: issuer,
    scopes: [],
    authTime: new Date(clock.now()),
    acr: "one-factor",
    amr: ["pwd"],
    tokensFrom: null,
  } as const;
  const issue = async (more: object) =>
    (await isolate.rooms.accessTokens.issue({ ...grant, ...more })).accessToken;
  const spoilt = person.access_token.slice(0, -20) + "A".repeat(20);
  const strangers = [
    [{}, 401, "missing_credential"],
    [bearerOf("x"), 401, "invalid_token"],
    [bearerOf(spoilt), 401, "invalid_token"],
    [bearerOf(person.refresh_token), 401, "invalid_token"],
    [bearerOf(await issue({ audience: "https://api.example" })), 401, "invalid_token"],
    [bearerOf(await issue({ clientId: "somebody-elses" })), 403, "credential_not_accepted"],
    [bearerOf(await issue({ sessionId: null })), 403, "credential_not_accepted"],
    [{ "x-api-key": key }, 403, "credential_not_accepted"],
  ] as const;
  const told: string[] = [];
  for (const one of guarded) {
    for (const [headers, status, error] of strangers) {
      const answer = await callTo(isolate, one, headers);
      told.push(`${one.word} ${answer.status} ${((await answer.clone().json()) as { error: string }).error}`);
      await expectProblem(answer, status, error);
      expect(answer.headers.getSetCookie()).toEqual([]);
      const challenge = answer.headers.get("www-authenticate") ?? "";
      if (error === "invalid_token") expect(challenge).toContain('error="invalid_token"');
    }
  }
  expect(told.length).toBe(guarded.length * strangers.length);
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
});

test("a token of a session that ended, of a disabled person and an expired one open nothing", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock, environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const [out, disabled, old] = [
    await givenSignedInPerson(isolate),
    await givenSignedInPerson(isolate),
    await givenSignedInPerson(isolate),
  ];
  await isolate.fetch("/auth/logout", json({ refresh_token: out.refresh_token }));
  const actor = { type: "operator", id: "given" } as const;
  const origin = { requestId: "given", address: "192.0.2.1", country: null };
  const operator = { actor, origin, background: isolate.background };
  await isolate.rooms.accounts.disable(disabled.account.id, operator);
  for (const one of guardedOf(isolate)) {
    for (const token of [out.access_token, disabled.access_token]) {
      await expectProblem(await callTo(isolate, one, bearerOf(token)), 401, "invalid_token");
    }
  }
  expect((await isolate.fetch("/auth/account", { headers: bearerOf(old.access_token) })).status).toBe(200);
  clock.advance(601_000);
  for (const one of guardedOf(isolate))
    await expectProblem(await callTo(isolate, one, bearerOf(old.access_token)), 401, "invalid_token");
});

test("whatever changes something is refused to another site's page, whoever's token or cookie it brings", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const changing = endpointsOf(isolate).filter(({ method }) => method !== "GET");
  expect(changing.length).toBeGreaterThanOrEqual(13);
  const evil = "https://evil.example";
  for (const one of changing) {
    for (const foreign of [
      { origin: evil },
      { origin: "null" },
      { origin: `${issuer}.evil.example` },
      { origin: issuer, "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "none" },
    ]) {
      const headers = {
        ...foreign,
        ...bearerOf(person.access_token),
        cookie: `__Host-refreshToken=${person.refresh_token}`,
      } as Record<string, string>;
      const answer = await callTo(isolate, one, headers);
      await expectProblem(answer, 403, "cross_site_request");
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
  }
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
  const again = await isolate.fetch("/auth/refresh", json({ refresh_token: person.refresh_token }));
  expect(again.status).toBe(200);
});

test("nobody ends another person's session by its id: 404, as for one that never was", async () => {
  const isolate = await givenSignInIsolate();
  const [victim, attacker] = [await givenSignedInPerson(isolate), await givenSignedInPerson(isolate)];
  const own = await givenTokens(isolate, attacker);
  const end = (id: string) =>
    isolate.fetch(`/auth/sessions/${id}`, { method: "DELETE", headers: bearerOf(attacker.access_token) });
  const told = new Set<string>();
  for (const id of [victim.session_id, `ses_${"A".repeat(22)}`, "ses_", victim.account.id, "%20"]) {
    const { detail } = await expectProblem(await end(id), 404, "not_found");
    told.add(detail);
  }
  expect(told.size).toBe(1);
  expect(await isolate.rooms.sessions.list(victim.account.id)).toHaveLength(1);
  expect((await end(own.session_id)).status).toBe(204);
  await expectProblem(await end(own.session_id), 404, "not_found");
});

test("no body is taken that is no JSON of the right shape: 415, 400 with the field's name and never its value, 413", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const secret = "a secret in a wrong place";
  const withBodies = endpointsOf(isolate).filter(
    ({ word, method }) =>
      method !== "GET" && !/sessions|logout-everywhere|DELETE .*(?:factors|devices)/.test(word),
  );
  expect(withBodies.length).toBe(26);
  for (const { method, path } of withBodies) {
    const send = (body: string, type = "application/json") =>
      isolate.fetch(path, {
        method,
        body,
        headers: { "content-type": type, ...bearerOf(person.access_token) },
      });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
      await expectProblem(await send('{"email":"a"}', type), 415, "unsupported_media_type");
    for (const body of ["{", "\u0000", "[1"]) await expectProblem(await send(body), 400, "invalid_json");
    for (const body of ["null", "[]", "3", JSON.stringify({ [secret]: secret }), '{"refresh_token":3}']) {
      const { detail } = await expectProblem(await send(body), 400, "invalid_request");
      expect(detail).not.toContain(secret);
    }
    await expectProblem(await send(`{"x":"${"x".repeat(70_000)}"}`), 413, "content_too_large");
  }
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
});
