import { describe, expect, test } from "vitest";
import { givenKey, givenRoute } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import {
  type Edge,
  expectValid,
  type Fault,
  givenEdge,
  operatorAt,
  redisMilliseconds,
  revokeElsewhere,
  within,
} from "./fault.ts";

const soon = (ask: () => Promise<Response>) => within(redisMilliseconds, ask);
/** Longer than Redis rests after a failure. */
const rested = 1001;

async function expectServed({ throughGateway, verified }: Edge): Promise<void> {
  expect((await soon(throughGateway)).status).toBe(200);
  await expectValid(await soon(verified));
}

async function expectRefused({ throughGateway, verified }: Edge): Promise<void> {
  await expectProblem(await soon(throughGateway), 403, "Invalid API Key");
  expect(await (await soon(verified)).json()).toMatchObject({ valid: false, code: "revoked" });
}

/** What must hold when Redis fails in one way. Postgres is well: every decision can still be made. */
export function describeRedisFault({ rule }: Fault): void {
  describe.concurrent.each([0, 10])("Redis at fault, bound %i s", (bound) => {
    test("a warm key is served in time, and refused once it was revoked, never later than was said", async () => {
      const edge = await givenEdge(bound);
      await edge.warmUp();
      await edge.isolate.redisFault([rule]);
      await expectServed(edge);
      edge.clock.advance(bound * 1000 + rested);
      await expectServed(edge);

      const effective = await revokeElsewhere(edge);
      edge.clock.advance(Math.max(0, effective.getTime() - edge.clock.now()) + 1);
      await expectRefused(edge);
    });

    test("a cold isolate tells a valid key from an unknown, a revoked and a forged one", async () => {
      const edge = await givenEdge(bound);
      const revoked = await givenKey(edge.healthy);
      await edge.healthy.rooms.apiKeys.revoke(revoked.id, operatorAt(edge.healthy));
      await edge.isolate.redisFault([rule]);
      await expectServed(edge);
      const unknown = `legacy_${crypto.randomUUID()}`;
      for (const [text, code] of [
        [unknown, "unknown"],
        [revoked.key, "revoked"],
        [`${edge.key.key.slice(0, -1)}-`, "malformed"],
      ] as const) {
        await expectProblem(await soon(() => edge.throughGateway(text)), 403, "Invalid API Key");
        const told = await soon(() => edge.verified(text));
        expect(await told.json()).toMatchObject({ valid: false, code });
      }
    });

    test("keys are made, changed, rotated and revoked, each change true at once here and said to spread late", async () => {
      const edge = await givenEdge(bound);
      await edge.warmUp();
      await edge.isolate.redisFault([rule]);
      const owner = { type: "user", id: edge.key.record.owner.id };
      const created = await soon(() => edge.manage("POST", "/keys", { name: "made", owner }));
      expect(created.status).toBe(201);
      const made = (await created.json()) as { id: string; key: string };
      await expectValid(await soon(() => edge.verified(made.key)));
      const rotated = await soon(() =>
        edge.manage("POST", `/keys/${made.id}/rotate`, { overlap_seconds: 60 }),
      );
      expect(rotated.status).toBe(201);
      expect(await rotated.json()).toMatchObject({ replaces: made.id, propagation: "delayed" });
      const changed = await soon(() => edge.manage("PATCH", `/keys/${made.id}`, { enabled: false }));
      expect([changed.status, await changed.json()]).toMatchObject([200, { propagation: "delayed" }]);
      const revoked = await soon(() => edge.manage("POST", `/keys/${edge.key.id}/revoke`));
      expect([revoked.status, await revoked.json()]).toMatchObject([200, { propagation: "delayed" }]);
      await expectRefused(edge);
      expect(await (await soon(() => edge.verified(made.key))).json()).toMatchObject({ code: "disabled" });
    });

    test("once Redis is well the edges learn of what was changed meanwhile, and limits are exact again", async () => {
      const edge = await givenEdge(bound);
      const other = await givenEdge(bound, edge.clock);
      const watcher = { ...other, ...pathsOf(other, edge) };
      await edge.warmUp();
      expect((await watcher.throughGateway()).status).toBe(200);
      await edge.isolate.redisFault([rule]);
      await edge.manage("POST", `/keys/${edge.key.id}/revoke`);
      await edge.isolate.settle();
      await edge.isolate.redisFault([]);
      edge.clock.advance(3000);
      await edge.healthy.rooms.revocation.repair();
      edge.clock.advance(bound * 1000 + 1);
      await expectProblem(await watcher.throughGateway(), 403, "Invalid API Key");
      const ready = await edge.isolate.fetch("/health/ready");
      expect([ready.status, await ready.json()]).toMatchObject([200, { status: "ok" }]);
    });
  });

  describe.concurrent("Redis at fault", () => {
    test("a limit does what it declared: closed refuses with 503, local and open serve and say so", async () => {
      const edge = await givenEdge(10);
      const limit = { name: "few", permits: 2, windowSeconds: 60, per: "key" } as const;
      const routes = {
        closed: await givenRoute(edge.healthy, { limits: [{ ...limit, whenUnavailable: "closed" }] }),
        local: await givenRoute(edge.healthy, { limits: [{ ...limit, whenUnavailable: "local" }] }),
        open: await givenRoute(edge.healthy, { limits: [{ ...limit, whenUnavailable: "open" }] }),
      };
      await edge.isolate.redisFault([rule]);
      const ask = (of: keyof typeof routes) =>
        soon(() => edge.isolate.fetch(routes[of].url, { headers: { "x-api-key": edge.key.key } }));
      const closed = await ask("closed");
      expect(closed.headers.get("retry-after")).toMatch(/^\d+$/);
      await expectProblem(closed, 503, "limit_unavailable");
      for (const [of, statuses] of [
        ["local", [200, 200, 429]],
        ["open", [200, 200, 200]],
      ] as const) {
        for (const status of statuses) {
          const answer = await ask(of);
          expect(answer.status).toBe(status);
          expect(answer.headers.get("gatehouse-degraded")).toBe(`limit;few=${of}`);
        }
      }
      await edge.isolate.redisFault([]);
      edge.clock.advance(60_000 + rested);
      const exact = await ask("local");
      expect([exact.status, exact.headers.get("gatehouse-degraded")]).toEqual([200, null]);
      expect(exact.headers.get("ratelimit")).toMatch(/^"few";r=1;t=\d+$/);
    });

    test("warm keys within the bound cost no call; past it each is read once a bound, however many ask", async () => {
      const edge = await givenEdge(10);
      const keys = await Promise.all([0, 1, 2].map(() => givenKey(edge.healthy)));
      const askAll = async (times: number) => {
        for (let time = 0; time < times; time += 1)
          for (const { key } of keys) expect((await soon(() => edge.throughGateway(key))).status).toBe(200);
        await edge.isolate.settle();
      };
      await askAll(2);
      await edge.isolate.redisFault([rule]);
      await edge.isolate.forgetCalls();
      await askAll(20);
      expect(await edge.isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });

      edge.clock.advance(10_000 + 1);
      await askAll(20);
      const calls = await edge.isolate.calls();
      // Each key, and the routes.
      expect(calls.postgres).toBeLessThanOrEqual(keys.length + 1);
      expect(calls.redis).toBeLessThanOrEqual(2);
    });

    test("an outage is asked about once a second, not once a request", async () => {
      const edge = await givenEdge(0);
      await edge.warmUp();
      await edge.isolate.redisFault([rule]);
      for (let time = 0; time < 10; time += 1) expect((await soon(edge.throughGateway)).status).toBe(200);
      expect((await edge.isolate.calls()).redis).toBe(1);
      edge.clock.advance(rested);
      for (let time = 0; time < 10; time += 1) expect((await soon(edge.throughGateway)).status).toBe(200);
      expect((await edge.isolate.calls()).redis).toBe(2);
    });

    test("the key set is published, liveness is told, and readiness names Redis alone", async () => {
      const { isolate } = await givenEdge(10);
      await isolate.redisFault([rule]);
      expect((await soon(() => isolate.fetch("/.well-known/jwks.json"))).status).toBe(200);
      expect((await soon(() => isolate.fetch("/health/live"))).status).toBe(200);
      const ready = await soon(() => isolate.fetch("/health/ready"));
      expect([ready.status, await ready.json()]).toMatchObject([
        503,
        {
          status: "degraded",
          dependencies: { redis: { status: "unavailable" }, postgres: { status: "ok" } },
        },
      ]);
    });
  });
}

/** The other edge's own way to the first one's route, with its key. */
const pathsOf = ({ isolate }: Edge, { route, key }: Edge) => ({
  throughGateway: () => isolate.fetch(route.url, { headers: { "x-api-key": key.key } }),
});
