import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import { bearerOf, givenSignedInPerson } from "../support/given-sessions.ts";
import { familyRow } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

const familyIdOf = (refreshToken: string) => refreshToken.split("_")[1] ?? "";

test("an access token alone ends its session; a dead one, another client's and no token at all are answered 204 alike", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const bystander = await givenSignedInPerson(isolate);
  const out = (headers: Record<string, string>) => isolate.fetch("/auth/logout", { method: "POST", headers });
  const { accessToken: foreign } = await isolate.rooms.accessTokens.issue({
    subject: bystander.account.id,
    clientId: "somebody-elses",
    sessionId: bystander.session_id,
    audience: isolate.rooms.config.issuer,
    scopes: [],
    authTime: new Date(isolate.clock.now()),
    acr: "one-factor",
    amr: ["pwd"],
    tokensFrom: null,
  });
  for (const token of [person.access_token, person.access_token, foreign, "x"])
    expect((await out(bearerOf(token))).status).toBe(204);
  expect((await out({})).status).toBe(204);
  expect(await familyRow(isolate, familyIdOf(person.refresh_token))).toMatchObject({
    revokedReason: "signed_out",
  });
  expect(await familyRow(isolate, familyIdOf(bystander.refresh_token))).toMatchObject({ revokedAt: null });
});

test("whoever signs out with a token that cannot be checked now is not told to be out: 503, and nothing was ended", async () => {
  const isolate = await givenSignInIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const person = await givenSignedInPerson(isolate);
  const out = () => isolate.fetch("/auth/logout", { method: "POST", headers: bearerOf(person.access_token) });
  await isolate.redisFault([{ kind: "refuse" }]);
  await isolate.postgresFault([{ kind: "refuse" }]);
  const answer = await out();
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(answer.headers.getSetCookie()).toEqual([]);
  await expectProblem(answer, 503, "unavailable");
  await isolate.redisFault([]);
  await isolate.postgresFault([]);
  isolate.clock.advance(1001);
  expect(await familyRow(isolate, familyIdOf(person.refresh_token))).toMatchObject({ revokedAt: null });
  expect((await out()).status).toBe(204);
  expect(await familyRow(isolate, familyIdOf(person.refresh_token))).toMatchObject({
    revokedReason: "signed_out",
  });
});

test("page cookie, refresh cookie and access token of three sessions end all three; a 204 takes both cookies away", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const [first, second, third] = [
    await isolate.fetch("/auth/login", json({ email: person.email, password: person.password })),
    await isolate.fetch("/auth/login", json({ email: person.email, password: person.password })),
    person,
  ];
  const cookieOf = ({ headers }: Response, name: string) =>
    headers
      .getSetCookie()
      .find((line) => line.startsWith(name))
      ?.split(";")[0] ?? "";
  const cookie = `${cookieOf(first, "__Host-gatehouse-session")}; ${cookieOf(second, "__Host-refreshToken")}`;
  const answer = await isolate.fetch("/auth/logout", {
    method: "POST",
    headers: { cookie, ...bearerOf(third.access_token) },
  });
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([
    204,
    [
      "__Host-refreshToken=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0",
      "__Host-gatehouse-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0",
    ],
  ]);
  expect(await isolate.rooms.sessions.list(person.account.id)).toEqual([]);
});

test("a limit of one's own account that cannot be counted is said in Gatehouse-Degraded and noticed by audit, and the call is served", async () => {
  const isolate = await givenSignInIsolate();
  const { access_token: token } = await givenSignedInPerson(isolate);
  expect((await isolate.fetch("/auth/account", { headers: bearerOf(token) })).status).toBe(200);
  await isolate.settle();
  await isolate.redisFault([{ kind: "refuse" }]);
  const requestId = "req_degraded_own_account";
  const answer = await isolate.fetch("/auth/account", {
    headers: { ...bearerOf(token), "x-request-id": requestId },
  });
  expect([answer.status, answer.headers.get("gatehouse-degraded")]).toEqual([200, "limit;own-account=local"]);
  await isolate.redisFault([]);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ requestId, limit: 5 });
  expect(events).toMatchObject([{ type: "limit.degraded", subject: { id: "own-account=local" } }]);
});

test("who signs in within the second in which scopes were taken away gets a token that the gateway takes", async () => {
  const isolate = await givenSignInIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const person = await givenSignedInPerson(isolate);
  const { accounts } = isolate.rooms;
  const operator = {
    actor: { type: "operator", id: "given" } as const,
    origin: { requestId: "given", address: "192.0.2.1", country: null },
    background: isolate.background,
  };
  await accounts.setScopes(person.account.id, ["a", "b"], operator);
  isolate.clock.advance(1000 - (isolate.clock.now() % 1000) + 500);
  await accounts.setScopes(person.account.id, ["a"], operator);
  const route = await givenTokenRoute(isolate);
  const answer = await isolate.fetch(
    "/auth/login",
    json({ email: person.email, password: person.password, refresh_in_body: true }),
  );
  const { access_token: young } = (await answer.json()) as { access_token: string };
  expect((await route.call(young)).status).toBe(200);
  expect((await route.call(person.access_token)).status).toBe(401);
});
