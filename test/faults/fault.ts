import { expect } from "vitest";
import { type Clock, createClock } from "../support/clock.ts";
import {
  type FaultRule,
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  withAdmin,
} from "../support/given.ts";

/** One way for a store to fail, and what is true of it. */
export type Fault = {
  readonly rule: FaultRule;
  /** The command was carried out, though its answer never came. */
  readonly ran: boolean;
  /** Postgres, which is given three seconds, answers after all; Redis, which is given a quarter of one, never does. */
  readonly postgresAnswers: boolean;
};

/** Deadlines of src/storage, with room for a busy machine: what matters is that there is an end. */
export const redisMilliseconds = 1800;
export const postgresMilliseconds = 5500;
/** A cold call reads several things one after the other, each of them late. */
export const lateMilliseconds = 14_000;

/** The answer, and that it came in time. */
export async function within(milliseconds: number, ask: () => Promise<Response>): Promise<Response> {
  const began = performance.now();
  const answer = await ask();
  expect(performance.now() - began).toBeLessThan(milliseconds);
  return answer;
}

export type Edge = Awaited<ReturnType<typeof givenEdge>>;

/** An isolate with a caller and an operator, and the two ways to have a key checked. */
export async function givenEdge(boundSeconds: number, clock: Clock = createClock()) {
  const isolate = await givenIsolate({
    clock,
    environment: { REVOCATION_BOUND_SECONDS: String(boundSeconds) },
  });
  const healthy = await givenIsolate({
    clock,
    environment: { REVOCATION_BOUND_SECONDS: String(boundSeconds) },
  });
  // Made elsewhere: nothing of them is in this isolate's memory.
  const [key, admin, route] = [
    await givenKey(healthy),
    await givenAdminKey(healthy),
    await givenRoute(healthy),
  ];
  await healthy.rooms.signingKeys.ensure(healthy.background);
  const throughGateway = (text = key.key) => isolate.fetch(route.url, { headers: { "x-api-key": text } });
  const verified = (text = key.key) =>
    isolate.fetch("/v1/keys/verify", json({ key: text }, withAdmin(admin)));
  return {
    isolate,
    healthy,
    clock,
    key,
    admin,
    route,
    throughGateway,
    verified,
    async warmUp(): Promise<void> {
      // Twice: the first look of an isolate at a key is not yet watched by the feed.
      for (let time = 0; time < 2; time += 1) {
        expect((await throughGateway()).status).toBe(200);
        expect(await (await verified()).json()).toMatchObject({ valid: true });
        await isolate.settle();
      }
      await isolate.forgetCalls();
    },
    manage: (method: string, path: string, body?: unknown) =>
      isolate.fetch(`/admin/v1${path}`, {
        ...(body === undefined ? {} : json(body)),
        method,
        headers: { ...withAdmin(admin), "content-type": "application/json" },
      }),
  };
}

/** Somebody revokes the key at an edge whose stores are well; what this answers is the time by which all know. */
export async function revokeElsewhere({ healthy, key }: Edge): Promise<Date> {
  const { reach } = await healthy.rooms.apiKeys.revoke(key.id, operatorAt(healthy));
  await healthy.settle();
  expect(reach.announced).toBe(true);
  return reach.effectiveEverywhereBy;
}

export const operatorAt = (isolate: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background: isolate.background,
});

/** The documented answer of what cannot be decided: 503, and when to come again. */
export async function expectUnavailable(answer: Response): Promise<void> {
  const text = await answer.text();
  expect([answer.status, text.slice(0, 300)]).toEqual([
    503,
    expect.stringContaining('"error":"unavailable"'),
  ]);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

export async function expectValid(answer: Response): Promise<void> {
  const text = await answer.text();
  expect([answer.status, text.slice(0, 300)]).toEqual([200, expect.stringContaining('"valid":true')]);
}
