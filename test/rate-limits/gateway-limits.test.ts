import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { askedOf, givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { givenCounters, givenLimit, sliceOf } from "./counters.ts";

const routeLimit = (more: object = {}) => ({
  name: "burst",
  permits: 10,
  windowSeconds: 60,
  per: "key" as const,
  whenUnavailable: "closed" as const,
  ...more,
});
const call = (isolate: Isolate, url: string, key: string, init: RequestInit = {}) =>
  isolate.fetch(url, { ...init, headers: { "x-api-key": key, ...init.headers } });

test("RL-01: of 200 requests in one millisecond over four edges exactly the limit passes, and every other is told 429 and when to retry", async () => {
  const clock = createClock();
  const edges = await Promise.all(Array.from({ length: 4 }, () => givenIsolate({ clock })));
  const [first] = edges;
  if (!first) throw new Error("no edge");
  const { key } = await givenKey(first);
  const route = await givenRoute(first, { limits: [routeLimit()] });
  // Every edge knows key and route already: only the limit decides.
  const warm = await givenRoute(first);
  for (const edge of edges) expect((await call(edge, warm.url, key)).status).toBe(200);
  await Promise.all(edges.map((edge) => edge.settle()));

  // Forty at once: with all 200 in flight the last would wait for a loaded machine longer than Redis' deadline.
  const answers: Response[] = [];
  for (let burst = 0; burst < 5; burst += 1) {
    const calls = Array.from({ length: 40 }, (_, index) => call(edges[index % 4] ?? first, route.url, key));
    answers.push(...(await Promise.all(calls)));
  }

  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(190);
  for (const answer of answers) {
    expect(answer.headers.get("gatehouse-degraded")).toBeNull();
    expect(answer.headers.get("ratelimit-policy")).toBe('"burst";q=10;w=60');
    if (answer.status === 200) continue;
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(60);
    expect(await answer.json()).toMatchObject({ error: "rate_limited", "violated-policies": ["burst"] });
  }
  const granted = answers.filter(({ status }) => status === 200);
  const remaining = granted.map((answer) => /r=(\d+)/.exec(answer.headers.get("ratelimit") ?? "")?.[1]);
  expect(remaining.map(Number).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("Retry-After is true: one slice before it the call is still refused, and in that second it is granted", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate, { limits: [routeLimit({ permits: 2, windowSeconds: 3600 })] });
  expect((await call(isolate, route.url, key)).status).toBe(200);
  isolate.clock.advance(400_000);
  expect((await call(isolate, route.url, key)).status).toBe(200);
  const refused = await call(isolate, route.url, key);
  expect(refused.status).toBe(429);
  const retryAfter = Number(refused.headers.get("retry-after"));
  // The first permit comes back, not both: the wait is counted from the oldest use.
  expect(retryAfter).toBeGreaterThan(3600 - 400);
  expect(retryAfter).toBeLessThanOrEqual(3600 - 400 + 3600 / 16);

  isolate.clock.advance(retryAfter * 1000 - (3600 / 16) * 1000);
  expect((await call(isolate, route.url, key)).status).toBe(429);
  isolate.clock.advance((3600 / 16) * 1000);
  expect((await call(isolate, route.url, key)).status).toBe(200);
  expect((await call(isolate, route.url, key)).status).toBe(429);
});

test("a limit of the key and limits of the route are taken together or not at all", async () => {
  const isolate = await givenIsolate();
  const owner = { type: "user", id: unique("user") } as const;
  const narrow = await givenKey(isolate, { owner, limits: [{ name: "own", limit: 1, windowSeconds: 3600 }] });
  const wide = await givenKey(isolate, { owner, limits: [{ name: "own", limit: 50, windowSeconds: 3600 }] });
  const limits = [routeLimit({ name: "of-owner", permits: 4, windowSeconds: 3600, per: "owner" })];
  const route = await givenRoute(isolate, { limits });
  expect((await call(isolate, route.url, narrow.key)).status).toBe(200);
  for (let refusal = 0; refusal < 5; refusal += 1) {
    const refused = await call(isolate, route.url, narrow.key);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ "violated-policies": ["own"] });
    // What was refused took nothing from the limit that would have granted it.
    expect(refused.headers.get("ratelimit")).toMatch(/"own";r=0;t=\d+, "of-owner";r=3;t=\d+/);
  }
  const remaining: number[] = [];
  for (let use = 0; use < 4; use += 1) remaining.push((await call(isolate, route.url, wide.key)).status);
  expect(remaining).toEqual([200, 200, 200, 429]);
});

test("costs are taken whole: what does not fit takes nothing, and what fits exactly is granted", async () => {
  const counters = await givenCounters();
  const [few, many] = [givenLimit({ permits: 5 }), givenLimit({ permits: 9 })];
  const take = (cost: number) =>
    counters.take([
      { limit: few, subject: "key:cost", cost },
      { limit: many, subject: "key:cost", cost: cost * 2 },
    ]);
  expect(await take(3)).toMatchObject({ granted: true });
  const refused = await take(2);
  expect(refused).toMatchObject({ granted: false, names: [many.name] });
  expect(refused.standings.map(({ remaining }) => remaining)).toEqual([2, 3]);
  expect(await take(1)).toMatchObject({ granted: true });
  expect((await take(1)).names).toEqual([many.name]);
  expect((await take(2)).names).toEqual([few.name, many.name]);
  expect(await take(0)).toMatchObject({ granted: true });
});

test("a cost larger than the limit is never granted, not even when nothing was taken, and takes nothing", async () => {
  const counters = await givenCounters();
  const limit = givenLimit({ permits: 5 });
  const take = (cost: number) => counters.take([{ limit, subject: "key:large", cost }]);
  expect(await take(6)).toMatchObject({ granted: false, names: [limit.name] });
  // A wait that could never come true is not told.
  expect((await take(6)).retryAfterSeconds).toBeUndefined();
  expect(await take(5)).toMatchObject({ granted: true });
  counters.clock.advance(60_000 + sliceOf(limit));
  expect(await take(6)).toMatchObject({ granted: false });
});

test("a cost above a limit is rate_limited without a time to retry, in Redis and without it", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "own", limit: 5, windowSeconds: 60 }] });
  const verifier = { address: null, scopes: [], key };
  const check = (cost: number) =>
    isolate.rooms.keyVerifier.verifyKey({ ...verifier, cost }, askedOf(isolate));
  for (const away of [false, true]) {
    if (away) await isolate.redisFault([{ kind: "refuse" }]);
    const never = await check(6);
    expect(never).toMatchObject({ valid: false, code: "rate_limited" });
    expect(never).not.toHaveProperty("retry_after_seconds");
    expect(await check(5)).toMatchObject({ valid: true });
    const later = await check(1);
    expect(later).toMatchObject({ valid: false, code: "rate_limited" });
    expect(later.retry_after_seconds).toBeGreaterThanOrEqual(60);
  }
});

test("a guesser is told 429 with the standing of his brake, under one name however far his guesses got", async () => {
  for (const [guess, permits] of [
    [() => `legacy_${crypto.randomUUID()}`, 30],
    [() => "gk_live_0", 600],
  ] as const) {
    const isolate = await givenIsolate();
    const { url } = await givenRoute(isolate);
    // A network of its own: guesses are counted over all isolates.
    const headers = { "cf-connecting-ip": `2001:db8:${crypto.randomUUID().slice(0, 4)}:9::1` };
    for (let tries = 0; tries < permits; tries += 1)
      expect((await call(isolate, url, guess(), { headers })).status).toBe(403);
    await isolate.settle();
    const braked = await call(isolate, url, guess(), { headers });
    expect(braked.status).toBe(429);
    expect(Number(braked.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(braked.headers.get("ratelimit-policy")).toBe(`"guessing";q=${permits};w=60`);
    expect(braked.headers.get("ratelimit")).toMatch(/^"guessing";r=0;t=[1-9]\d*$/);
    expect(await braked.json()).toMatchObject({ error: "rate_limited", "violated-policies": ["guessing"] });
  }
});

test("a limit counts by what it says: each key, each owner or each address has a budget of its own", async () => {
  const isolate = await givenIsolate();
  const owner = { type: "organization", id: unique("org") } as const;
  const [one, two] = [await givenKey(isolate, { owner }), await givenKey(isolate, { owner })];
  const other = await givenKey(isolate);
  const used = async (per: "key" | "owner" | "address", texts: string[], addresses: string[]) => {
    const route = await givenRoute(isolate, { limits: [routeLimit({ permits: 1, per })] });
    const statuses: number[] = [];
    for (const [index, key] of texts.entries()) {
      const headers = { "cf-connecting-ip": addresses[index] ?? "192.0.2.1" };
      statuses.push((await call(isolate, route.url, key, { headers })).status);
    }
    return statuses;
  };
  const keys = [one.key, two.key, other.key, one.key];
  expect(await used("key", keys, [])).toEqual([200, 200, 200, 429]);
  expect(await used("owner", keys, [])).toEqual([200, 429, 200, 429]);
  expect(await used("address", keys, ["192.0.2.8", "192.0.2.9", "192.0.2.8", "192.0.2.7"])).toEqual([
    200, 200, 429, 200,
  ]);
});

test("two routes never share a budget, even under one name", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const routes = [
    await givenRoute(isolate, { limits: [routeLimit({ permits: 1 })] }),
    await givenRoute(isolate, { limits: [routeLimit({ permits: 1 })] }),
  ];
  for (const { url } of routes) {
    expect((await call(isolate, url, key)).status).toBe(200);
    expect((await call(isolate, url, key)).status).toBe(429);
  }
});

test("a refused key takes nothing from anyone's limit: not when disabled, not without the scope", async () => {
  const isolate = await givenIsolate();
  const owner = { type: "user", id: unique("user") } as const;
  const route = await givenRoute(isolate, {
    scopes: ["read"],
    limits: [routeLimit({ permits: 2, per: "owner" })],
  });
  const unscoped = await givenKey(isolate, { owner });
  for (let use = 0; use < 3; use += 1)
    expect((await call(isolate, route.url, unscoped.key)).status).toBe(403);
  const scoped = await givenKey(isolate, { owner, scopes: ["read"] });
  const granted = await call(isolate, route.url, scoped.key);
  expect(granted.status).toBe(200);
  expect(granted.headers.get("ratelimit")).toMatch(/^"burst";r=1;/);
});
