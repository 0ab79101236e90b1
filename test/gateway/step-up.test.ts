import { describe, expect, test } from "vitest";
import { levels } from "../../src/tokens/levels.ts";
import { createClock } from "../support/clock.ts";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, issuer, unique } from "../support/given.ts";
import { expectInvalidToken, givenOwnSigner, givenTokenRoute, goodClaims } from "../support/given-jws.ts";
import { askedBy, bearer, givenAccessToken, operatorOf } from "../support/given-tokens.ts";
import { challengeOf, expectProblem } from "../support/problem.ts";

/** RFC 9470 §3: the client is told what to ask its authorization server for. */
async function expectStepUp(response: Response, manner: string, asked: string): Promise<void> {
  await expectProblem(response, 401, "insufficient_user_authentication");
  expect(challengeOf(response)).toBe(
    'Bearer realm="gatehouse", error="insufficient_user_authentication", ' +
      `error_description="This needs a ${manner} authentication", ${asked}`,
  );
}

describe("a route with a level", () => {
  test.each(levels.map((level, at) => ({ level, at })))(
    "of $level lets tokens of it and of stronger levels in, and asks the others to step up",
    async ({ level, at }) => {
      const isolate = await givenIsolate();
      const route = await givenTokenRoute(isolate, { level });
      for (const [had, acr] of levels.entries()) {
        const { accessToken } = await givenAccessToken(isolate, { acr });
        const answer = await route.call(accessToken);
        if (had < at) await expectStepUp(answer, "stronger", `acr_values="${level}"`);
        else expect((await echoOf(answer)).headers["x-auth-level"]).toBe(acr);
      }
    },
  );

  test("is closed to a token without acr or with one that is not ours, both well signed by us", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, { level: "one-factor" });
    const own = await givenOwnSigner(isolate);
    for (const acr of [undefined, "urn:mace:incommon:iap:silver", "TWO-FACTOR"]) {
      const answer = await route.call(await own.sign({ ...goodClaims(isolate), acr }));
      await expectStepUp(answer, "stronger", 'acr_values="one-factor"');
    }
    expect((await route.call(await own.sign(goodClaims(isolate)))).status).toBe(200);
  });

  test("takes a key where it lists keys, since a key proves no person, and none where it does not", async () => {
    const isolate = await givenIsolate();
    const strict = { level: "phishing-resistant", maxAgeSeconds: 1 } as const;
    const both = await givenTokenRoute(isolate, { ...strict, credentials: ["access-token", "api-key"] });
    const tokens = await givenTokenRoute(isolate, strict);
    const { key } = await givenKey(isolate);
    const shown = { headers: { "x-api-key": key } };
    expect((await isolate.fetch(both.url, shown)).status).toBe(200);
    await expectProblem(await isolate.fetch(tokens.url, shown), 403, "credential_not_accepted");
    const weak = await givenAccessToken(isolate);
    await expectProblem(await both.call(weak.accessToken), 401, "insufficient_user_authentication");
  });
});

describe("a route with a maximum age", () => {
  test("lets a token in until its person's sign-in is too old, though the token itself is good and was seen before", async () => {
    const clock = createClock();
    clock.advance(1000 - (clock.now() % 1000));
    const isolate = await givenIsolate({ clock });
    const route = await givenTokenRoute(isolate, { maxAgeSeconds: 300 });
    const open = await givenTokenRoute(isolate);
    const { accessToken } = await givenAccessToken(isolate);
    clock.advance(300_000);
    expect((await route.call(accessToken)).status).toBe(200);
    clock.advance(1);
    await expectStepUp(await route.call(accessToken), "more recent", 'max_age="300"');
    expect((await open.call(accessToken)).status).toBe(200);
  });

  test("judges a fresh token by when its person signed in, and not by when it was issued", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, { level: "two-factor", maxAgeSeconds: 300 });
    const authTime = new Date(isolate.clock.now() - 301_000);
    const { accessToken } = await givenAccessToken(isolate, { authTime, acr: "phishing-resistant" });
    await expectStepUp(
      await route.call(accessToken),
      "stronger or more recent",
      'acr_values="two-factor", max_age="300"',
    );
  });

  test("is closed to a token that does not say when; one that says it wrongly is no token of ours", async () => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate, { maxAgeSeconds: 2_592_000 });
    const own = await givenOwnSigner(isolate);
    const silent = await own.sign({ ...goodClaims(isolate), auth_time: undefined });
    await expectStepUp(await route.call(silent), "more recent", 'max_age="2592000"');
    for (const auth_time of ["9999999999", true, {}, [9_999_999_999]])
      await expectInvalidToken(await route.call(await own.sign({ ...goodClaims(isolate), auth_time })));
  });
});

describe("what is refused for a level", () => {
  test("is refused for its audience, its scopes or its end first: no new sign-in would mend these", async () => {
    const isolate = await givenIsolate();
    const strict = { level: "phishing-resistant", maxAgeSeconds: 1 } as const;
    const { accessToken, jti } = await givenAccessToken(isolate);
    const elsewhere = await givenTokenRoute(isolate, { ...strict, audiences: ["urn:elsewhere"] });
    await expectInvalidToken(await elsewhere.call(accessToken));
    const scoped = await givenTokenRoute(isolate, { ...strict, scopes: ["orders.write"] });
    const scopeless = await scoped.call(accessToken);
    await expectProblem(scopeless, 403, "insufficient_scope");
    const route = await givenTokenRoute(isolate, strict);
    await expectProblem(await route.call(accessToken), 401, "insufficient_user_authentication");
    await isolate.rooms.refreshTokens.revokeToken(jti, null, {
      ...askedBy(isolate),
      actor: { type: "operator", id: "given" },
    });
    await isolate.settle();
    await expectInvalidToken(await route.call(accessToken));
  });

  test("takes nothing of a limit and costs no call, and audit learns who and where", async () => {
    const waiting = Promise.withResolvers<void>();
    const isolate = await givenIsolate({ waitForRefusals: () => waiting.promise });
    const limit = {
      name: "one",
      permits: 1,
      windowSeconds: 60,
      whenUnavailable: "closed",
      per: "owner",
    } as const;
    const route = await givenTokenRoute(isolate, { level: "two-factor", limits: [limit] });
    const open = await givenTokenRoute(isolate);
    const subject = unique("usr");
    const weak = await givenAccessToken(isolate, { subject });
    const strong = await givenAccessToken(isolate, { subject, acr: "two-factor" });
    for (let time = 0; time < 3; time += 1) {
      expect((await open.call(weak.accessToken)).status).toBe(200);
      await isolate.settle();
      isolate.clock.advance(1001);
    }
    await isolate.forgetCalls();
    const requestId = unique("request");
    const headers = { authorization: `Bearer ${weak.accessToken}`, "x-request-id": requestId };
    const refused = await isolate.fetch(route.url, { headers });
    const { postgres, redis } = await isolate.calls();
    expect([refused.status, postgres, redis]).toEqual([401, 0, 0]);
    expect((await route.call(strong.accessToken)).status).toBe(200);
    expect((await route.call(strong.accessToken)).status).toBe(429);
    waiting.resolve();
    await isolate.settle();
    expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
      {
        type: "access.refused",
        outcome: "refused",
        reason: "insufficient_user_authentication",
        actor: { type: "user", id: subject },
        subject: { type: "route", id: route.id },
      },
    ]);
  });

  test("may be read by a page of a listed origin, challenge and all", async () => {
    const isolate = await givenIsolate();
    const origin = "https://app.example.test";
    const route = await givenTokenRoute(isolate, { level: "two-factor", corsOrigins: [origin] });
    const { accessToken } = await givenAccessToken(isolate);
    const headers = { authorization: `Bearer ${accessToken}`, origin };
    const refused = await isolate.fetch(route.url, { headers });
    await expectStepUp(refused, "stronger", 'acr_values="two-factor"');
    expect(refused.headers.get("access-control-allow-origin")).toBe(origin);
    expect(refused.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
  });
});

test("a level or an age that a route is given, or loses, is felt by edges that knew it otherwise", async () => {
  const clock = createClock();
  const environment = { REVOCATION_BOUND_SECONDS: "0" };
  const [authority, edge] = [
    await givenIsolate({ clock, environment }),
    await givenIsolate({ clock, environment }),
  ];
  const route = await givenTokenRoute(authority);
  const { accessToken } = await givenAccessToken(authority, { authTime: new Date(clock.now() - 60_000) });
  const call = () => edge.fetch(route.url, bearer(accessToken));
  expect((await call()).status).toBe(200);
  for (const [edit, asked] of [
    [{ level: "two-factor" }, 'acr_values="two-factor"'],
    [{ level: null, maxAgeSeconds: 30 }, 'max_age="30"'],
  ] as const) {
    await authority.rooms.routeAdmin.update(route.id, edit, operatorOf(authority));
    const refused = await call();
    await expectProblem(refused, 401, "insufficient_user_authentication");
    expect(refused.headers.get("www-authenticate")).toContain(`authentication", ${asked}`);
    // A refusal is confirmed by a copy of a second ago at the most.
    clock.advance(1001);
  }
  await authority.rooms.routeAdmin.update(route.id, { maxAgeSeconds: null }, operatorOf(authority));
  expect((await call()).status).toBe(200);
});

describe("LEVEL_POLICY", () => {
  const environment = {
    LEVEL_POLICY: "scope:orders.write=two-factor,client:kiosk=two-factor,client:first-party=one-factor",
  };

  test("demands a scope's level at each route that needs the scope, of tokens alone", async () => {
    const isolate = await givenIsolate({ environment });
    const scopes = ["orders.write"];
    const credentials = ["access-token", "api-key"] as const;
    const route = await givenTokenRoute(isolate, { scopes, credentials });
    const open = await givenTokenRoute(isolate);
    const weak = await givenAccessToken(isolate, { scopes });
    const strong = await givenAccessToken(isolate, { scopes, acr: "two-factor" });
    await expectStepUp(await route.call(weak.accessToken), "stronger", 'acr_values="two-factor"');
    expect((await open.call(weak.accessToken)).status).toBe(200);
    expect((await route.call(strong.accessToken)).status).toBe(200);
    const { key } = await givenKey(isolate, { scopes });
    expect((await isolate.fetch(route.url, { headers: { "x-api-key": key } })).status).toBe(200);
  });

  test("demands a client's level of its tokens at every route", async () => {
    const isolate = await givenIsolate({ environment });
    const route = await givenTokenRoute(isolate);
    const weak = await givenAccessToken(isolate, { clientId: "kiosk" });
    const strong = await givenAccessToken(isolate, { clientId: "kiosk", acr: "phishing-resistant" });
    const other = await givenAccessToken(isolate);
    await expectStepUp(await route.call(weak.accessToken), "stronger", 'acr_values="two-factor"');
    expect((await route.call(strong.accessToken)).status).toBe(200);
    expect((await route.call(other.accessToken)).status).toBe(200);
  });

  test("does not lock people out of their own account, where they add the factor that it demands", async () => {
    const isolate = await givenIsolate({ environment: { LEVEL_POLICY: "client:first-party=two-factor" } });
    const { accessToken } = await givenAccessToken(isolate, { audience: issuer });
    const route = await givenTokenRoute(isolate);
    await expectProblem(await route.call(accessToken), 401, "insufficient_user_authentication");
    expect((await isolate.fetch("/auth/sessions", bearer(accessToken))).status).toBe(200);
  });
});
