import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  refusalsOf,
} from "../support/given-jws.ts";
import { bearer, givenFamily } from "../support/given-tokens.ts";

test("JW-07, RFC 8725 §3.11, RFC 9068 §4: a JWT of any other kind is no access token, though our own key signed it", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const types = [
    "JWT",
    "at+JWT",
    "application/at+jwt",
    "logout+jwt",
    "dpop+jwt",
    "refresh+jwt",
    "oauth-authz-req+jwt",
    "client-authentication+jwt",
    "gatehouse-identity+jwt",
    "",
  ];
  for (const typ of types) {
    await expectInvalidToken(await route.call(await own.sign(claims, { ...own.header, typ })));
  }
  const { typ: _, ...untyped } = own.header;
  await expectInvalidToken(await route.call(await own.sign(claims, untyped)));
  expect(await refusalsOf(isolate, route)).toEqual(["wrong_type"]);
});

test("JW-07: the identity that an upstream was handed is no access token", async () => {
  const isolate = await givenIsolate();
  const upstream = await givenRoute(isolate);
  const route = await givenTokenRoute(isolate);
  const { key } = await givenKey(isolate);
  const answer = await isolate.fetch(upstream.url, { headers: { "x-api-key": key } });
  const identity = (await echoOf(answer)).headers["x-gatehouse-identity"] ?? "";
  expect(identity.split(".")).toHaveLength(3);
  await expectInvalidToken(await route.call(identity));
});

test("JW-07: a refresh token is no access token, nor is a key in its place", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const { refreshToken } = await givenFamily(isolate);
  await expectInvalidToken(await route.call(refreshToken));
  await expectInvalidToken(await isolate.fetch("/v1/authenticate", bearer(refreshToken)));
});

test("JW-07, RFC 9068 §2.2: a token without one of the required claims, or with one of another shape, is refused", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const spoilt: Record<string, unknown>[] = [
    ...["iss", "sub", "aud", "client_id", "jti", "iat", "exp"].map((name) => ({ [name]: undefined })),
    { sub: "" },
    { sub: 7 },
    { exp: String(claims.exp) },
    { exp: claims.iat + 901 },
    { exp: 1e300 },
    { nbf: "now" },
    { aud: [] },
    { aud: [7] },
    { aud: { 0: "https://auth.gatehouse.test" } },
    { scope: ["gatehouse:admin"] },
    { sid: "" },
    { acr: 2 },
  ];
  for (const change of spoilt) {
    const token = await own.sign({ ...claims, ...change });
    await expectInvalidToken(await route.call(token));
  }
  for (const payload of ["", "null", "[]", "7", "text", '{"sub":']) {
    await expectInvalidToken(await route.call(await own.sign(payload)));
  }
  expect(await refusalsOf(isolate, route)).toEqual(["malformed"]);
  expect((await route.call(await own.sign(claims))).status).toBe(200);
});
