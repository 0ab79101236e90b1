import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { expectInvalidToken, givenTokenRoute } from "../support/given-jws.ts";
import { askedBy, expectRotated, givenFamily, givenRefreshTokens } from "../support/given-tokens.ts";

test("RT-01, RFC 9700 §4.14.2: a stolen token replayed after the grace ends the family: its newest refresh token and all its access tokens", async () => {
  const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const { refreshTokens, notices } = await givenRefreshTokens(isolate);
  const route = await givenTokenRoute(isolate);
  const { refreshToken: stolen, sessionId } = await givenFamily(isolate, refreshTokens);
  const ask = (text: string) => refreshTokens.refresh(text, askedBy(isolate));
  const first = expectRotated(await ask(stolen));
  const second = expectRotated(await ask(first.refreshToken));
  for (const { accessToken } of [first, second]) expect((await route.call(accessToken)).status).toBe(200);
  isolate.clock.advance(11_000);
  expect(await ask(stolen)).toEqual({ ok: false, reason: "replayed" });
  expect(await ask(second.refreshToken)).toEqual({ ok: false, reason: "unknown" });
  for (const { accessToken } of [first, second]) await expectInvalidToken(await route.call(accessToken));
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "refresh.replayed", subjectId: sessionId, limit: 5 });
  expect(events).toHaveLength(1);
  expect(notices).toHaveLength(1);
});

test("RT-01: the thief who is first is thrown out as well, as soon as the owner comes with what he was robbed of", async () => {
  const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const { refreshTokens } = await givenRefreshTokens(isolate);
  const route = await givenTokenRoute(isolate);
  const { refreshToken: stolen } = await givenFamily(isolate, refreshTokens);
  const ask = (text: string) => refreshTokens.refresh(text, askedBy(isolate));
  let thief = expectRotated(await ask(stolen));
  thief = expectRotated(await ask(thief.refreshToken));
  expect(await ask(stolen)).toEqual({ ok: false, reason: "replayed" });
  expect(await ask(thief.refreshToken)).toEqual({ ok: false, reason: "unknown" });
  await expectInvalidToken(await route.call(thief.accessToken));
});
