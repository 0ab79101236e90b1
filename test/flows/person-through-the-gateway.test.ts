import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenRoute, type Isolate, json } from "../support/given.ts";
import { freshAddress, givenPerson, goodPassword, linkTo } from "../support/given-people.ts";

type SignedIn = {
  access_token: string;
  token_type: string;
  expires_in: number;
  session_id: string;
  refresh_token: string;
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const native = (email: string, password = goodPassword) => json({ email, password, refresh_in_body: true });

async function givenSignedIn(isolate: Isolate, email: string): Promise<SignedIn> {
  const answer = await isolate.fetch("/auth/login", native(email));
  expect(answer.status).toBe(200);
  return (await answer.json()) as SignedIn;
}

test("somebody registers, confirms, signs in, calls an upstream, stays in by refreshing, signs out and is out at the gateway", async () => {
  const isolate = await givenIsolate();
  const email = freshAddress();
  const registered = await isolate.fetch("/auth/register", json({ email, password: goodPassword }));
  expect(registered.status).toBe(202);
  const early = await isolate.fetch("/auth/login", native(email));
  expect([early.status, ((await early.json()) as { error: string }).error]).toEqual([
    401,
    "invalid_credentials",
  ]);
  const { link } = await linkTo(isolate, email);
  expect((await isolate.fetch("/auth/verify-email", json({ link }))).status).toBe(204);

  const signedIn = await givenSignedIn(isolate, email);
  expect(signedIn).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: 600,
    session_id: expect.stringMatching(/^ses_/),
    refresh_token: expect.stringMatching(/^gr_/),
  });
  const route = await givenRoute(isolate, { credentials: ["access-token"] });
  const call = (token: string) => isolate.fetch(route.url, { headers: bearer(token) });
  const passed = await call(signedIn.access_token);
  expect(passed.status).toBe(200);
  const { headers } = await echoOf(passed);
  expect(headers).toMatchObject({
    "x-user-id": expect.stringMatching(/^usr_/),
    "x-client-id": "first-party",
    "x-session-id": signedIn.session_id,
    "x-auth-method": "access-token",
    "x-auth-level": "one-factor",
  });
  expect(headers).not.toHaveProperty("authorization");

  isolate.clock.advance(601_000);
  expect((await call(signedIn.access_token)).status).toBe(401);
  const again = await isolate.fetch("/auth/refresh", json({ refresh_token: signedIn.refresh_token }));
  expect(again.status).toBe(200);
  const refreshed = (await again.json()) as SignedIn;
  expect(refreshed.session_id).toBe(signedIn.session_id);
  expect((await call(refreshed.access_token)).status).toBe(200);

  // RFC 8176 §2: a password is `pwd`, and nothing else was proved.
  const claims = decodeJwt(refreshed.access_token);
  expect([claims["amr"], claims["acr"], claims["client_id"]]).toEqual([["pwd"], "one-factor", "first-party"]);
  const out = await isolate.fetch("/auth/logout", json({ refresh_token: refreshed.refresh_token }));
  expect(out.status).toBe(204);
  expect((await call(refreshed.access_token)).status).toBe(401);
  const late = await isolate.fetch("/auth/refresh", json({ refresh_token: refreshed.refresh_token }));
  expect([late.status, ((await late.json()) as { error: string }).error]).toEqual([401, "invalid_grant"]);
  // RFC 7009 §2.2: what has ended already, or never was, is no error.
  for (const refresh_token of [refreshed.refresh_token, "gr_none"]) {
    expect((await isolate.fetch("/auth/logout", json({ refresh_token }))).status).toBe(204);
  }
});

test("a browser gets three cookies, each in a field of its own, and no refresh token in the body (RFC 6265 §3)", async () => {
  const isolate = await givenIsolate();
  const { email, password } = await givenPerson(isolate);
  const answer = await isolate.fetch("/auth/login", json({ email, password }));
  expect(await answer.json()).not.toHaveProperty("refresh_token");
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.replace(/=[^;]+/, ""));
  expect(cookies).toEqual([
    "__Host-refreshToken; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=2592000",
    "__Host-gatehouse-session; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000",
    "__Host-gatehouse-device; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=15552000",
  ]);
});

test("a thief who replays a stolen refresh token throws both out of that session, and of no other", async () => {
  const isolate = await givenIsolate();
  const email = freshAddress();
  await isolate.fetch("/auth/register", json({ email, password: goodPassword }));
  const { link } = await linkTo(isolate, email);
  await isolate.fetch("/auth/verify-email", json({ link }));
  const [robbed, other] = [await givenSignedIn(isolate, email), await givenSignedIn(isolate, email)];
  const refresh = async (token: string) => {
    const answer = await isolate.fetch("/auth/refresh", json({ refresh_token: token }));
    return { status: answer.status, body: (await answer.json()) as SignedIn };
  };
  const owners = (await refresh(robbed.refresh_token)).body;
  isolate.clock.advance(11_000);

  expect((await refresh(robbed.refresh_token)).status).toBe(401);

  expect((await refresh(owners.refresh_token)).status).toBe(401);
  const route = await givenRoute(isolate, { credentials: ["access-token"] });
  const call = async (token: string) => (await isolate.fetch(route.url, { headers: bearer(token) })).status;
  expect([await call(owners.access_token), await call(other.access_token)]).toEqual([401, 200]);
  const sessions = await isolate.fetch("/auth/sessions", { headers: bearer(other.access_token) });
  const { data } = (await sessions.json()) as { data: { id: string; current: boolean }[] };
  expect(data.map(({ id, current }) => [id, current])).toEqual([[other.session_id, true]]);
});
