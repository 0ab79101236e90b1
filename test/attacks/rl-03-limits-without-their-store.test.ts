// RL-03. What each declaration does in a lasting outage is in test/rate-limits/without-redis.test.ts; here the attacker can make the
// store come and go, answer late, or fail for one door only, and wants more than was declared.
import { expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate, json, withAdmin } from "../support/given.ts";
import { listenToLog } from "./traces.ts";

const permits = 5;
const faults = [
  { kind: "refuse" },
  { kind: "status", status: 500 },
  { kind: "garble" },
  { kind: "drop-after" },
  { kind: "partial" },
] as const;

async function givenLimited(whenUnavailable: "local" | "closed") {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const limit = { name: "capped", permits, windowSeconds: 3600, per: "key" as const, whenUnavailable };
  const route = await givenRoute(isolate, { limits: [limit] });
  await isolate.fetch((await givenRoute(isolate)).url, { headers: { "x-api-key": key } });
  await isolate.settle();
  const ask = (url = route.url) => isolate.fetch(url, { headers: { "x-api-key": key } });
  return { isolate, key, route, ask };
}

/** The statuses of so many calls, each with what it says of the limit. */
async function statusesOf(count: number, ask: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < count; call += 1) {
    const answer = await ask();
    await answer.body?.cancel();
    statuses.push(answer.status);
    if (answer.status !== 200) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  return statuses;
}
const passed = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

/** Redis goes and comes, again and again, with a burst at each turn. */
async function flap(isolate: Isolate, ask: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = [];
  for (const fault of faults) {
    await isolate.redisFault([fault]);
    statuses.push(...(await statusesOf(permits + 1, ask)));
    await isolate.redisFault([]);
    // The rest after a failure is over: Redis is asked again.
    isolate.clock.advance(1001);
    statuses.push(...(await statusesOf(permits + 1, ask)));
  }
  return statuses;
}

test("RL-03: a closed limit grants its permits and not one more, however often its store comes and goes", async () => {
  const { isolate, ask } = await givenLimited("closed");
  const statuses = await flap(isolate, ask);
  expect(passed(statuses)).toBeLessThanOrEqual(permits);
  expect(new Set(statuses)).toEqual(new Set([200, 429, 503]));
});

test("RL-03: a local limit grants at most what Redis and this isolate each count, however often its store comes and goes", async () => {
  const { isolate, ask } = await givenLimited("local");
  const statuses = await flap(isolate, ask);
  expect(passed(statuses)).toBeLessThanOrEqual(2 * permits);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
});

test("RL-03: a burst upon a store that answers too late is capped too: thirty at once get the permits", async () => {
  for (const whenUnavailable of ["local", "closed"] as const) {
    const { isolate, ask } = await givenLimited(whenUnavailable);
    for (const fault of [{ kind: "slow", ms: 5000 }, { kind: "hang" }] as const) {
      await isolate.redisFault([fault]);
      const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
      const most = whenUnavailable === "local" ? permits : 0;
      expect(passed(answers.map(({ status }) => status))).toBeLessThanOrEqual(most);
      for (const answer of answers) {
        const told = [fault.kind, answer.status, answer.headers.get("gatehouse-degraded")];
        expect(told).toEqual([fault.kind, answer.status, `limit;capped=${whenUnavailable}`]);
        await answer.body?.cancel();
      }
      await isolate.redisFault([]);
      isolate.clock.advance(1001);
    }
  }
});

test("RL-03: without Redis a key's own limit holds over all doors of the isolate together", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "own", limit: permits, windowSeconds: 3600 }] });
  const verifier = withAdmin((await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] })).key);
  const [route, other] = [await givenRoute(isolate), await givenRoute(isolate)];
  const warm = await givenKey(isolate);
  await isolate.fetch(route.url, { headers: { "x-api-key": warm.key } });
  await isolate.settle();
  await isolate.redisFault([{ kind: "refuse" }]);
  const headers = { "x-api-key": key };
  const doors = [
    () => isolate.fetch(route.url, { headers }),
    () => isolate.fetch(other.url, { headers }),
    () => isolate.fetch("/v1/authenticate", { headers }),
  ];
  let granted = 0;
  for (let turn = 0; turn < 5; turn += 1) {
    for (const door of doors) granted += passed(await statusesOf(1, door));
    const answer = await isolate.fetch("/v1/keys/verify", json({ key }, verifier));
    const verdict = (await answer.json()) as { valid: boolean; degraded: string[] };
    expect(verdict.degraded).toEqual(["own=local"]);
    granted += Number(verdict.valid);
  }
  expect(granted).toBe(permits);
});

test("RL-03: the brake on guessing needs no store: without Redis and Postgres a flood of forgeries is braked, and costs them nothing", async () => {
  const log = listenToLog();
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const { key } = await givenKey(isolate);
  expect((await isolate.fetch(route.url, { headers: { "x-api-key": key } })).status).toBe(200);
  await isolate.settle();
  await isolate.redisFault([{ kind: "refuse" }]);
  await isolate.postgresFault([{ kind: "refuse" }]);
  await isolate.forgetCalls();
  const forged = { "x-api-key": `gk_live_${"a".repeat(60)}` };
  const address = `2001:db8:bad:${crypto.randomUUID().slice(0, 4)}::1`;
  const guess = async (from: string) => {
    const answer = await isolate.fetch(route.url, { headers: { ...forged, "cf-connecting-ip": from } });
    await answer.body?.cancel();
    return answer;
  };
  const statuses: number[] = [];
  for (let turn = 0; turn < 601; turn += 1) statuses.push((await guess(address)).status);
  expect(statuses.slice(0, 600).every((status) => status === 403)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
  expect(Number((await guess(address)).headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  // Nobody is locked out by it: another network is answered, and so is a good key from the braked one.
  expect((await guess("2001:db8:900d::1")).status).toBe(403);
  const good = await isolate.fetch(route.url, { headers: { "x-api-key": key, "cf-connecting-ip": address } });
  expect(good.status).toBe(200);
  await isolate.settle();
  // With nowhere else to go the refusals are in the log, and nothing of what was guessed.
  expect(log()).toContain("key.refused");
  expect(log()).not.toContain(forged["x-api-key"].slice(12));
});
