import { describe, expect, test } from "vitest";
import { createTokenMemory } from "../../src/tokens/token-memory.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate, issuer, unique } from "../support/given.ts";
import { expectInvalidToken, givenOwnSigner, givenTokenRoute, goodClaims } from "../support/given-jws.ts";
import { givenAccessToken, operatorOf } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

const forever = () => new Promise<void>(() => undefined);

describe("what forgeries cost", () => {
  test("an address that sends six hundred forgeries in a minute is told to wait; good tokens from it still pass", async () => {
    const isolate = await givenIsolate({ waitForRefusals: forever });
    const route = await givenTokenRoute(isolate);
    const { accessToken } = await givenAccessToken(isolate);
    const forged = `${accessToken.slice(0, -20)}${"A".repeat(20)}`;
    for (let time = 0; time < 600; time += 1) {
      const answer = await route.call(forged);
      if (time === 0 || time === 599) await expectInvalidToken(answer);
    }
    const braked = await route.call(forged);
    await expectProblem(braked, 429, "rate_limited");
    expect(Number(braked.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await route.call(accessToken)).status).toBe(200);
  });

  test("unknown key ids cost one look at the table in a second, however many come", async () => {
    const isolate = await givenIsolate();
    const own = await givenOwnSigner(isolate);
    const ask = async (header: object) => {
      const text = await own.sign(goodClaims(isolate), header);
      return isolate.rooms.authentication.authenticate(new Headers({ authorization: `Bearer ${text}` }), {
        credentials: ["access-token"],
        scopes: [],
        audiences: [issuer],
        limits: [],
        routeId: "test",
        cost: 1,
        visit: {
          arrivedAt: isolate.clock.now(),
          address: isolate.address,
          network: isolate.address,
          country: null,
          background: isolate.background,
        },
      });
    };
    expect(await ask(own.header)).toMatchObject({ ok: true });
    await isolate.settle();
    isolate.clock.advance(2000);
    await isolate.forgetCalls();
    for (let time = 0; time < 20; time += 1) {
      const verdict = await ask({ ...own.header, kid: unique("kid") });
      expect(verdict).toMatchObject({ ok: false, refusal: { code: "invalid_token", reason: "unknown_key" } });
    }
    const { postgres, redis } = await isolate.calls();
    expect([postgres, redis]).toEqual([1, 0]);
  });
});

describe("what is remembered", () => {
  test("ten thousand tokens at the most, the least recently asked leaves first, none past its end", () => {
    const clock = createClock();
    const memory = createTokenMemory(clock.now);
    const expiresAtSeconds = Math.floor(clock.now() / 1000) + 600;
    const token = {
      jti: "tok_x",
      subject: "usr_x",
      clientId: "first-party",
      sessionId: null,
      keyId: "kid",
      issuer: "https://auth.gatehouse.test",
      audiences: [],
      scopes: [],
      acr: null,
      actor: null,
      authTimeSeconds: null,
      issuedAtSeconds: 0,
      notBeforeSeconds: 0,
      expiresAtSeconds,
    };
    for (let index = 0; index < 10_000; index += 1) memory.put(`hash-${index}`, token);
    expect(memory.find("hash-0")).toBe(token);
    memory.put("one more", token);
    expect([memory.size(), memory.find("hash-0"), memory.find("hash-1")]).toEqual([10_000, token, null]);
    clock.advance(expiresAtSeconds * 1000 - clock.now());
    expect(memory.find("hash-0")).toBeNull();
  });

  test("a remembered token is still judged each time: by the audience and the scopes of the route it comes to", async () => {
    const isolate = await givenIsolate();
    const [open, scoped, other] = [
      await givenTokenRoute(isolate),
      await givenTokenRoute(isolate, { scopes: ["orders:write"] }),
      await givenTokenRoute(isolate, { audiences: ["urn:other"] }),
    ];
    const { accessToken } = await givenAccessToken(isolate);
    expect((await open.call(accessToken)).status).toBe(200);
    await expectProblem(await scoped.call(accessToken), 403, "insufficient_scope");
    await expectInvalidToken(await other.call(accessToken));
    expect((await open.call(accessToken)).status).toBe(200);
  });
});

describe("revocation and limits together", () => {
  test("bound 0: a token revoked in the very millisecond of its last use is refused at its next, elsewhere", async () => {
    const clock = createClock();
    const environment = { REVOCATION_BOUND_SECONDS: "0" };
    const [authority, edge] = await Promise.all([
      givenIsolate({ clock, environment }),
      givenIsolate({ clock, environment }),
    ]);
    const route = await givenTokenRoute(edge);
    for (let time = 0; time < 5; time += 1) {
      const { accessToken, jti } = await givenAccessToken(authority);
      expect((await route.call(accessToken)).status).toBe(200);
      await authority.rooms.refreshTokens.revokeToken(jti, null, operatorOf(authority));
      await expectInvalidToken(await route.call(accessToken));
    }
  });

  test("of a hundred requests around a revocation none that begins after its answer passes", async () => {
    const environment = { REVOCATION_BOUND_SECONDS: "0" };
    const isolate = await givenIsolate({ environment, waitForRefusals: forever });
    const edge = await givenIsolate({ clock: isolate.clock, environment, waitForRefusals: forever });
    const route = await givenTokenRoute(edge);
    const { accessToken, jti } = await givenAccessToken(isolate);
    const during = Array.from({ length: 50 }, () => route.call(accessToken));
    await isolate.rooms.refreshTokens.revokeToken(jti, null, operatorOf(isolate));
    const after = await Promise.all(Array.from({ length: 50 }, () => route.call(accessToken)));
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([401]));
    for (const { status } of await Promise.all(during)) expect([200, 401]).toContain(status);
  });

  test("a revoked token is told that it is not valid, not that it is over its limit", async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
    const route = await givenTokenRoute(isolate, {
      limits: [{ name: "one", permits: 1, windowSeconds: 60, whenUnavailable: "closed", per: "key" }],
    });
    const { accessToken, jti } = await givenAccessToken(isolate);
    expect((await route.call(accessToken)).status).toBe(200);
    await expectProblem(await route.call(accessToken), 429, "rate_limited");
    await isolate.rooms.refreshTokens.revokeToken(jti, null, operatorOf(isolate));
    await expectInvalidToken(await route.call(accessToken));
  });

  test("an isolate that has never read anything refuses while no store answers, and serves once one does", async () => {
    const warm = await givenIsolate();
    const route = await givenTokenRoute(warm);
    const { accessToken } = await givenAccessToken(warm);
    const cold = await givenIsolate();
    const call = () => cold.fetch(route.url, { headers: { authorization: `Bearer ${accessToken}` } });
    await cold.postgresFault([{ kind: "refuse" }]);
    await cold.redisFault([{ kind: "refuse" }]);
    await expectProblem(await call(), 503, "unavailable");
    await cold.postgresFault([]);
    cold.clock.advance(2000);
    expect((await call()).status).toBe(200);
  });
});
