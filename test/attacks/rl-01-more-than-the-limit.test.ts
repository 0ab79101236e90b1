// RL-01. The burst of 200 over four edges is in test/rate-limits/gateway-limits.test.ts and the arithmetic in any-window.test.ts;
// here are the ways to get a second budget: another moment, door, spelling, address, method or key.
import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const permits = 10;
const limitOf = (per: "key" | "owner" | "address", more: object = {}) => ({
  name: "burst",
  permits,
  windowSeconds: 60,
  per,
  whenUnavailable: "closed" as const,
  ...more,
});

async function expectOver(answer: Response): Promise<void> {
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(answer.headers.get("ratelimit")).toContain("r=0;");
  await expectProblem(answer, 429, "rate_limited");
}

/** How many of these calls passed; every other was told 429 and when to retry. */
async function passedOf(answers: Iterable<Response>): Promise<number> {
  let passed = 0;
  for (const answer of answers) {
    if (answer.status === 200) passed += 1;
    else await expectOver(answer);
  }
  return passed;
}

test("RL-01: forty calls a millisecond before the window's edge and forty after it are one limit's worth, over four edges", async () => {
  const windowEdge = Math.ceil(Date.now() / 60_000) * 60_000;
  const clock = createClock(windowEdge - 1);
  const edges = await Promise.all(Array.from({ length: 4 }, () => givenIsolate({ clock })));
  const [first] = edges;
  if (!first) throw new Error("no edge");
  const { key } = await givenKey(first);
  const route = await givenRoute(first, { limits: [limitOf("key")] });
  const warm = await givenRoute(first);
  const ask = (edge: Isolate, url: string) => edge.fetch(url, { headers: { "x-api-key": key } });
  for (const edge of edges) expect((await ask(edge, warm.url)).status).toBe(200);
  await Promise.all(edges.map((edge) => edge.settle()));
  const burst = () =>
    Promise.all(Array.from({ length: 40 }, (_, index) => ask(edges[index % 4] ?? first, route.url)));

  const before = await passedOf(await burst());
  clock.advance(2);
  const after = await passedOf(await burst());
  expect([before, after]).toEqual([permits, 0]);
  // Nor at any other seam inside the window, though slices change.
  for (const at of [3750, 15_000, 30_000, 59_000]) {
    clock.advance(windowEdge + at - clock.now());
    expect([at, await passedOf(await burst())]).toEqual([at, 0]);
  }
});

test("RL-01: no spelling, method, query, body or door gives a key a second budget", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "own", limit: 8, windowSeconds: 3600 }] });
  const verifier = withAdmin((await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] })).key);
  const route = await givenRoute(isolate);
  const other = await givenRoute(isolate);
  const headers = { "x-api-key": key };
  const ways: (() => Promise<Response>)[] = [
    () => isolate.fetch(route.url, { headers }),
    () => isolate.fetch(route.url, { headers: { authorization: `Bearer ${key}` } }),
    () => isolate.fetch(`${route.url}/`.toUpperCase().replace("/GATEWAY", "/gateway"), { headers }),
    () => isolate.fetch(`${route.url}/x?${unique("q")}=1`, { headers }),
    () => isolate.fetch(route.url, { method: "POST", body: "x", headers }),
    () => isolate.fetch(other.url, { headers: { ...headers, "cf-connecting-ip": "198.51.100.9" } }),
    () => isolate.fetch("/v1/authenticate", { headers }),
    () => isolate.fetch(`/v1/authenticate?route=${route.name}`, { headers }),
  ];
  for (const [index, way] of ways.entries()) expect([index, (await way()).status]).toEqual([index, 200]);
  for (const way of ways) await expectOver(await way());
  const verdict = await isolate.fetch("/v1/keys/verify", json({ key }, verifier));
  expect(await verdict.json()).toMatchObject({ valid: false, code: "rate_limited" });
  await expectProblem(
    await isolate.fetch("/v1/keys/verify", json({ key, cost: -5 }, verifier)),
    400,
    "invalid_request",
  );
  await expectOver(await isolate.fetch(route.url, { headers }));
});

test("RL-01: a caller has one budget by address, whatever addresses it claims or takes of its own network", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { credentials: ["public"], limits: [limitOf("address")] });
  const word = crypto.randomUUID().slice(0, 4);
  const six = (host: string) => ({ "cf-connecting-ip": `2001:db8:${word}:1:${host}` });
  const disguises = Array.from(
    { length: 30 },
    (_, at): Record<string, string> => ({
      ...six(`${at.toString(16)}::${at}`.replace(/^0::0$/, "0:0:0:1")),
      "x-forwarded-for": `203.0.113.${at}`,
      "x-real-ip": `203.0.113.${at}`,
      "true-client-ip": `203.0.113.${at}`,
      forwarded: `for=203.0.113.${at}`,
      "cf-connecting-ipv6": `2001:db9::${at}`,
      "x-user-id": `user-${at}`,
      "x-client-id": `key_${at}`,
      "x-request-id": unique("request"),
      cookie: `id=${at}`,
      "user-agent": `agent ${at}`,
    }),
  );
  const answers: Response[] = [];
  for (const headers of disguises) answers.push(await isolate.fetch(route.url, { headers }));
  expect(await passedOf(answers)).toBe(permits);
  // Two spellings of one IPv4 address are one caller, and a neighbour's network has its own budget.
  const four = await givenRoute(isolate, {
    credentials: ["public"],
    limits: [limitOf("address", { permits: 1 })],
  });
  const from = (address: string) => isolate.fetch(four.url, { headers: { "cf-connecting-ip": address } });
  expect((await from("192.0.2.44")).status).toBe(200);
  for (const same of ["::ffff:192.0.2.44", "::FFFF:c000:022c"]) await expectOver(await from(same));
  expect((await from("192.0.2.45")).status).toBe(200);
});

test("RL-01: keys, rotations, edits and owners that look alike give an owner no second budget, and nobody else's is spent", async () => {
  const isolate = await givenIsolate();
  const admin = withAdmin(await givenAdminKey(isolate));
  const owner = { type: "user", id: unique("owner") } as const;
  const route = await givenRoute(isolate, {
    limits: [limitOf("owner", { permits: 3, windowSeconds: 3600 })],
  });
  const ask = (key: string) => isolate.fetch(route.url, { headers: { "x-api-key": key } });
  const one = await givenKey(isolate, { owner });
  const two = await givenKey(isolate, { owner, environment: "test" });
  expect([(await ask(one.key)).status, (await ask(two.key)).status]).toEqual([200, 200]);
  const rotated = await isolate.fetch(
    `/admin/v1/keys/${one.id}/rotate`,
    json({ overlap_seconds: 60 }, admin),
  );
  const successor = (await rotated.json()) as { key: string };
  expect((await ask(successor.key)).status).toBe(200);
  const edited = await isolate.fetch(`/admin/v1/keys/${two.id}`, {
    ...json({ enabled: false }, admin),
    method: "PATCH",
  });
  expect(edited.status).toBe(200);
  await isolate.fetch(`/admin/v1/keys/${two.id}`, { ...json({ enabled: true }, admin), method: "PATCH" });
  for (const key of [one.key, two.key, successor.key]) await expectOver(await ask(key));
  for (const type of ["organization", "service"] as const) {
    const namesake = await givenKey(isolate, { owner: { type, id: owner.id } });
    expect([type, (await ask(namesake.key)).status]).toEqual([type, 200]);
  }
  // An owner whose id imitates the way limits are named is still its own.
  const imitator = await givenKey(isolate, { owner: { type: "user", id: `${owner.id}:key` } });
  expect((await ask(imitator.key)).status).toBe(200);
});
