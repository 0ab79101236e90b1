import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, unique } from "../support/given.ts";
import { expectInvalidToken, givenTokenRoute, goodClaims, refusalsOf } from "../support/given-jws.ts";
import { bearer, givenAccessToken } from "../support/given-tokens.ts";
import { challengeOf, expectProblem } from "../support/problem.ts";

const issuer = "https://auth.gatehouse.test";

describe("RFC 9068 §2: what an access token is", () => {
  test("RFC 9068 §2.1, §2.2: RS256 with kid and typ at+jwt, every required claim, verifiable with the published keys", async () => {
    const isolate = await givenIsolate();
    const { accessToken, jti, expiresInSeconds, grant } = await givenAccessToken(isolate, {
      scopes: ["profile", "orders:read"],
    });
    const keySet = await (await isolate.fetch("/.well-known/jwks.json")).json();
    const verified = await jwtVerify(accessToken, createLocalJWKSet(keySet as never), {
      issuer,
      audience: issuer,
      typ: "at+jwt",
      algorithms: ["RS256"],
    });
    expect(decodeProtectedHeader(accessToken)).toEqual({
      alg: "RS256",
      kid: expect.any(String) as string,
      typ: "at+jwt",
    });
    const now = Math.floor(isolate.clock.now() / 1000);
    expect(expiresInSeconds).toBe(600);
    expect(jti).toMatch(/^tok_[0-9A-Za-z]{22}$/);
    expect(verified.payload).toEqual({
      iss: issuer,
      sub: grant.subject,
      aud: issuer,
      client_id: "first-party",
      iat: now,
      exp: now + 600,
      jti,
      sid: grant.sessionId,
      auth_time: now,
      acr: "one-factor",
      amr: ["pwd"],
      scope: "profile orders:read",
    });
  });

  test("RFC 9068 §2.2.1: no two tokens have one jti, and one without a session says none", async () => {
    const isolate = await givenIsolate();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => givenAccessToken(isolate, { sessionId: null })),
    );
    expect(new Set(tokens.map(({ jti }) => jti)).size).toBe(20);
    const payload = JSON.parse(atob(tokens[0]?.accessToken.split(".")[1] ?? "")) as object;
    expect(Object.keys(payload)).not.toContain("sid");
  });

  test("its life is the configured one, and never longer than its session's", async () => {
    const isolate = await givenIsolate({ environment: { ACCESS_TOKEN_SECONDS: "300" } });
    const endsAt = new Date(isolate.clock.now() + 100_000);
    const lives = await Promise.all([
      givenAccessToken(isolate),
      givenAccessToken(isolate, { endsAt }),
      givenAccessToken(isolate, { endsAt: new Date(endsAt.getTime() + 900_000) }),
    ]);
    const [whole, cut, long] = lives.map(({ expiresInSeconds }) => expiresInSeconds);
    expect([whole, long]).toEqual([300, 300]);
    expect(cut).toBeLessThanOrEqual(100);
    expect(cut).toBeGreaterThanOrEqual(99);
  });
});

describe("RFC 9068 §4: a token at the gateway", () => {
  test("a good token passes, and the upstream is told whose it is, never the token", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, { scopes: ["orders:read"] });
    const { accessToken, grant } = await givenAccessToken(isolate, { scopes: ["orders:read", "profile"] });
    const answer = await route.call(accessToken);
    expect(answer.status).toBe(200);
    const { headers } = await echoOf(answer);
    expect(headers).toMatchObject({
      "x-user-id": grant.subject,
      "x-user-scopes": "orders:read,profile",
      "x-client-id": "first-party",
      "x-session-id": grant.sessionId,
      "x-auth-method": "access-token",
      "x-auth-level": "one-factor",
    });
    expect(JSON.stringify(headers)).not.toContain(accessToken);
  });

  test("it expires to the second, whether it was seen before or not", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate);
    const [seen, unseen] = [await givenAccessToken(isolate), await givenAccessToken(isolate)];
    const expiresAt = (Math.floor(isolate.clock.now() / 1000) + 600) * 1000;
    isolate.clock.advance(expiresAt - isolate.clock.now() - 1);
    expect((await route.call(seen.accessToken)).status).toBe(200);
    isolate.clock.advance(1);
    await expectInvalidToken(await route.call(seen.accessToken));
    await expectInvalidToken(await route.call(unseen.accessToken));
    expect(await refusalsOf(isolate, route)).toEqual(["expired"]);
  });

  test("a token that is a minute ahead is a clock's difference, two minutes ahead it is not", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate);
    const sign = async (aheadSeconds: number, claim: "iat" | "nbf") => {
      const claims = goodClaims(isolate);
      return isolate.rooms.signingKeys.sign("access-token", "at+jwt", {
        ...claims,
        [claim]: claims.iat + aheadSeconds,
      });
    };
    for (const claim of ["iat", "nbf"] as const) {
      expect([claim, (await route.call(await sign(59, claim))).status]).toEqual([claim, 200]);
      await expectInvalidToken(await route.call(await sign(120, claim)));
    }
    expect(await refusalsOf(isolate, route)).toEqual(["not_yet_valid"]);
  });

  test("a token made after a revocation says no earlier time than that, and passes at once", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate);
    const tokensFrom = new Date(isolate.clock.now() + 1);
    const { accessToken } = await givenAccessToken(isolate, { tokensFrom });
    const { iat } = JSON.parse(atob(accessToken.split(".")[1] ?? "")) as { iat: number };
    expect(iat * 1000).toBeGreaterThanOrEqual(tokensFrom.getTime());
    expect((await route.call(accessToken)).status).toBe(200);
  });

  test("RFC 6750 §3.1: a missing scope is 403 and named, a missing token 401 without an error word", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, { scopes: ["orders:write"] });
    const { accessToken } = await givenAccessToken(isolate, { scopes: ["orders:read"] });
    const refused = await route.call(accessToken);
    await expectProblem(refused, 403, "insufficient_scope");
    expect(challengeOf(refused)).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope", scope="orders:write"',
    );
    const missing = await isolate.fetch(route.url);
    await expectProblem(missing, 401, "missing_credential");
    expect(challengeOf(missing)).toBe('Bearer realm="gatehouse", scope="orders:write"');
  });

  test("a route takes tokens for its own address and for the issuer, or for the audiences it names, and no others", async () => {
    const isolate = await givenIsolate();
    const standard = await givenTokenRoute(isolate);
    const named = await givenTokenRoute(isolate, { audiences: ["https://orders.example", "urn:orders"] });
    const own = `${issuer}${standard.url}`;
    for (const [route, audience, status] of [
      [standard, issuer, 200],
      [standard, own, 200],
      [standard, `${own}/`, 401],
      [standard, "urn:orders", 401],
      [named, "urn:orders", 200],
      [named, issuer, 401],
    ] as const) {
      const { accessToken } = await givenAccessToken(isolate, { audience });
      const answer = await route.call(accessToken);
      expect([audience, answer.status]).toEqual([audience, status]);
    }
    for (const route of [standard, named]) {
      expect(await refusalsOf(isolate, route)).toEqual(["wrong_audience"]);
    }
  });

  test("a key is no token and a token no key: a route takes what it names", async () => {
    const isolate = await givenIsolate();
    const [tokens, keys] = [await givenTokenRoute(isolate), await givenRoute(isolate)];
    const { key } = await givenKey(isolate);
    const { accessToken } = await givenAccessToken(isolate);
    await expectInvalidToken(await isolate.fetch(keys.url, bearer(accessToken)));
    await expectProblem(
      await isolate.fetch(tokens.url, { headers: { "x-api-key": key } }),
      403,
      "credential_not_accepted",
    );
    const both = await givenRoute(isolate, { credentials: ["api-key", "access-token"] });
    for (const text of [key, accessToken])
      expect((await isolate.fetch(both.url, bearer(text))).status).toBe(200);
  });

  test("on a public route an upstream's own bearer token passes untouched, and ours is not looked at", async () => {
    const isolate = await givenIsolate();
    const open = await givenRoute(isolate, { credentials: ["public"] });
    const foreign = bearer("an.upstream.token");
    const answer = await isolate.fetch(open.url, foreign);
    expect((await echoOf(answer)).headers).toMatchObject({
      authorization: "Bearer an.upstream.token",
      "x-auth-method": "public",
    });
    const { accessToken } = await givenAccessToken(isolate);
    const unjudged = await isolate.fetch(open.url, bearer(accessToken));
    expect((await echoOf(unjudged)).headers["x-auth-method"]).toBe("public");
  });

  test("the management API takes no person's token, whatever it says", async () => {
    const isolate = await givenIsolate();
    const { accessToken } = await givenAccessToken(isolate, { scopes: ["gatehouse:admin"] });
    await expectInvalidToken(await isolate.fetch("/admin/v1/keys", bearer(accessToken)));
  });

  test("forward-auth admits with a token as with a key, and says the same headers", async () => {
    const isolate = await givenIsolate();
    const { accessToken, grant } = await givenAccessToken(isolate, { scopes: ["profile"] });
    const admitted = await isolate.fetch("/v1/authenticate?scopes=profile", bearer(accessToken));
    expect([
      admitted.status,
      admitted.headers.get("x-user-id"),
      admitted.headers.get("x-session-id"),
    ]).toEqual([200, grant.subject, grant.sessionId]);
    const refused = await isolate.fetch("/v1/authenticate?scopes=orders", bearer(accessToken));
    await expectProblem(refused, 403, "insufficient_scope");
    const elsewhere = await givenAccessToken(isolate, { audience: "urn:elsewhere" });
    await expectInvalidToken(await isolate.fetch("/v1/authenticate", bearer(elsewhere.accessToken)));
  });

  test("a route's limits count a session through all its tokens, and each session for itself", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, {
      limits: [{ name: "three", permits: 3, windowSeconds: 60, whenUnavailable: "closed", per: "key" }],
    });
    const sessionId = unique("ses");
    const tokens = await Promise.all(
      Array.from({ length: 4 }, () => givenAccessToken(isolate, { sessionId })),
    );
    const answers: number[] = [];
    for (const { accessToken } of tokens) answers.push((await route.call(accessToken)).status);
    expect(answers).toEqual([200, 200, 200, 429]);
    const other = await givenAccessToken(isolate);
    expect((await route.call(other.accessToken)).status).toBe(200);
  });
});
