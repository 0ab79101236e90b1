import argon2 from "@phi-ag/argon2/argon2.wasm";
import { inArray } from "drizzle-orm";
import { expect, inject } from "vitest";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/env.ts";
import { gatewayRoutes } from "../../src/gateway/tables.ts";
import { deadlineMilliseconds } from "../../src/storage/redis.ts";
import { type Rooms, wire } from "../../src/wiring.ts";
import { type Clock, createClock } from "./clock.ts";
import { inLane } from "./lane.ts";

export const issuer = "https://auth.gatehouse.test";
const operator = { requestId: "given", address: "192.0.2.1", country: null };

let given = 0;
const run = crypto.randomUUID().slice(0, 8);
/** A text no other test uses. */
export function unique(word: string): string {
  given += 1;
  return `${word}-${run}-${given}`;
}

export type IsolateOptions = {
  readonly clock?: Clock;
  readonly lane?: string;
  readonly environment?: Record<string, string>;
  /** Over the Redis that may lose its memory. */
  readonly forgetfulRedis?: boolean;
  /** Refusals that are counted together are written when this settles; at once by default. */
  readonly waitForRefusals?: () => Promise<void>;
};

/**
 * One isolate: its own caches, its own copy of the feed, the stores shared with every other. `lane` names it at the
 * twins, which count its calls and misbehave for it alone.
 */
export async function givenIsolate(options: IsolateOptions = {}) {
  const stores = inject("stores");
  const lane = options.lane ?? unique("lane");
  const clock = options.clock ?? createClock();
  const upstashUrl = stores.environment["UPSTASH_REDIS_REST_URL"] ?? "";
  const redis = options.forgetfulRedis
    ? stores.forgetfulRedis
    : { url: upstashUrl, port: stores.upstashPort };
  const ports = [stores.neonPort, redis.port];
  const environment = { ...inLane(stores.environment, lane, redis.url), ...options.environment };
  // A busy machine is no outage: Redis has its own short deadline only where a test makes it misbehave.
  let redisMisbehaves = false;
  const rooms = await wire(readConfig(environment), {
    argon2,
    now: clock.now,
    waitForRefusals: options.waitForRefusals ?? (() => Promise.resolve()),
    redisDeadlineMilliseconds: () => (redisMisbehaves ? deadlineMilliseconds : 5000),
  });
  const app = createApp(rooms);
  const pending: Promise<unknown>[] = [];
  const background = (work: Promise<unknown>): void => {
    pending.push(work);
  };
  // A network of its own: guesses and sign-ins are counted by /64, over all isolates.
  const [left = "1", right = "1"] = crypto.randomUUID().split("-").slice(1, 3);
  const address = `2001:db8:${left}:${right}::1`;

  return {
    rooms,
    endpoints: app.endpoints,
    clock,
    lane,
    address,
    background,
    /** The Worker's answer to a request as the edge would hand it over. */
    async fetch(path: string, init: RequestInit = {}): Promise<Response> {
      const headers = new Headers(init.headers);
      if (!headers.has("cf-connecting-ip")) headers.set("cf-connecting-ip", address);
      const url = path.startsWith("http") ? path : `${issuer}${path}`;
      return app.serve(new Request(url, { ...init, headers }), background);
    },
    /** Everything handed to `waitUntil`, and what that handed on. */
    async settle(): Promise<void> {
      while (pending.length > 0) await Promise.allSettled(pending.splice(0));
    },
    calls: () => callsOf(ports, lane),
    forgetCalls: () => forgetCallsOf(ports, lane),
    async redisFault(rules: readonly FaultRule[]): Promise<void> {
      redisMisbehaves = rules.length > 0;
      await setFaults(redis.port, lane, rules);
    },
    postgresFault: (rules: readonly FaultRule[]) => setFaults(stores.neonPort, lane, rules),
  };
}

export type Isolate = Awaited<ReturnType<typeof givenIsolate>>;

export type FaultRule = {
  readonly kind: "refuse" | "hang" | "slow" | "status" | "garble" | "partial" | "drop-after";
  readonly ms?: number;
  readonly status?: number;
  /** What is answered with that status. */
  readonly body?: string;
  readonly times?: number;
  readonly match?: string;
};

export async function setFaults(port: number, lane: string, rules: readonly FaultRule[]): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/_faults/${lane}`, {
    method: "PUT",
    body: JSON.stringify(rules),
  });
  expect(response.status).toBeLessThan(300);
}

async function control(method: string, ports: readonly number[], lane: string): Promise<Response[]> {
  return Promise.all(ports.map((port) => fetch(`http://127.0.0.1:${port}/_calls/${lane}`, { method })));
}

export const forgetCallsOf = (ports: readonly number[], lane: string): Promise<Response[]> =>
  control("DELETE", ports, lane);

/** How often this lane called each store since it was last forgotten, and with what. */
export async function callsOf(
  ports: readonly number[],
  lane: string,
): Promise<{ postgres: number; redis: number; summaries: string[]; beganAt: number[] }> {
  const [postgres, redis] = await Promise.all(
    (await control("GET", ports, lane)).map(
      (response) => response.json() as Promise<{ count: number; calls: { summary: string; at: number }[] }>,
    ),
  );
  const calls = [...(postgres?.calls ?? []), ...(redis?.calls ?? [])];
  return {
    postgres: postgres?.count ?? 0,
    redis: redis?.count ?? 0,
    summaries: calls.map((call) => call.summary),
    beganAt: calls.map((call) => call.at),
  };
}

type KeyDraft = Parameters<Rooms["apiKeys"]["create"]>[0];

/** A fresh key of a fresh owner. */
export async function givenKey(isolate: Isolate, draft: Partial<KeyDraft> = {}) {
  const { apiKeys } = isolate.rooms;
  const made = await apiKeys.create(
    {
      name: "given",
      owner: { type: "user", id: unique("user") },
      environment: "live",
      scopes: [],
      allowedAddresses: [],
      limits: [],
      metadata: {},
      expiresAt: null,
      ...draft,
    },
    { actor: { type: "operator", id: "given" }, origin: operator, background: isolate.background },
  );
  await isolate.settle();
  return { ...made, id: made.record.id };
}

export const givenAdminKey = async (isolate: Isolate): Promise<string> =>
  (
    await givenKey(isolate, {
      scopes: ["gatehouse:admin"],
      owner: { type: "service", id: unique("operator") },
    })
  ).key;

type RouteDraft = Parameters<Rooms["routeAdmin"]["create"]>[0];
const routesMade: string[] = [];

/** All files together make more routes than there may be at once: each file's go with it. */
export async function forgetRoutes(): Promise<void> {
  const made = routesMade.splice(0);
  if (made.length === 0) return;
  const { rooms } = await givenIsolate();
  await rooms.database.delete(gatewayRoutes).where(inArray(gatewayRoutes.id, made));
}

/** A fresh route to the test upstream: `path` is what the gateway matches, `/echo` where it leads. */
export async function givenRoute(isolate: Isolate, draft: Partial<RouteDraft> = {}) {
  const name = unique("route");
  const { route } = await isolate.rooms.routeAdmin.create(
    {
      name,
      host: null,
      path: `/${name}`,
      upstream: { kind: "url", url: `${inject("stores").upstream}/echo` },
      keepPath: false,
      credentials: ["api-key"],
      scopes: [],
      level: null,
      maxAgeSeconds: null,
      limits: [],
      timeoutSeconds: 5,
      corsOrigins: [],
      audiences: [],
      enabled: true,
      ...draft,
    },
    { actor: { type: "operator", id: "given" }, origin: operator, background: isolate.background },
  );
  await isolate.settle();
  routesMade.push(route.id);
  return { ...route, url: `/gateway${route.path}` };
}

export const json = (value: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body: JSON.stringify(value),
  headers: { "content-type": "application/json", ...headers },
});

export const withAdmin = (key: string) => ({ authorization: `Bearer ${key}` });

/** Somebody entitled to ask about keys, asking now. */
export const askedOf = ({ rooms, background }: Isolate, caller = "given") => ({
  caller,
  by: { type: "service", id: caller } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  arrivedAt: rooms.revocation.mark(),
  background,
});
