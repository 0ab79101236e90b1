import { expect, test } from "vitest";
import {
  askedOf,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { budgets, coldBudget } from "./round-trips.ts";

const limit = [{ name: "minute", limit: 1000, windowSeconds: 60 }];

const verify = (isolate: Isolate, key: string) =>
  isolate.rooms.keyVerifier.verifyKey({ key, scopes: [], cost: 1, address: null }, askedOf(isolate));

/** The calls made until the answer is there: what runs behind it is let finish only afterwards. */
async function callsUntilAnswer<Answer>(isolate: Isolate, ask: () => Promise<Answer>) {
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await ask();
  const { postgres, redis, summaries } = await isolate.calls();
  return { answer, postgres, redis, words: summaries.flat() };
}

for (const budget of budgets) {
  test(`${budget.operation}: ${budget.postgres} calls to Postgres, ${budget.redis} to Redis, at the gateway too`, async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: budget.bound } });
    const { key } = await givenKey(isolate, { limits: budget.limited ? limit : [] });
    const route = await givenRoute(isolate);
    const through = () => isolate.fetch(route.url, { headers: { "x-api-key": key } });
    for (let time = 0; time < 3; time += 1) {
      await through();
      await isolate.settle();
    }
    const verified = await callsUntilAnswer(isolate, () => verify(isolate, key));
    expect(verified.answer.valid).toBe(true);
    expect([verified.postgres, verified.redis]).toEqual([budget.postgres, budget.redis]);
  });

  test(`${budget.operation}, over HTTP: the caller's own key and the key it asks about are checked in the same calls`, async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: budget.bound } });
    const { key } = await givenKey(isolate, { limits: budget.limited ? limit : [] });
    const { key: caller } = await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] });
    const ask = () => isolate.fetch("/v1/keys/verify", json({ key }, withAdmin(caller)));
    for (let time = 0; time < 3; time += 1) {
      await ask();
      await isolate.settle();
    }
    const asked = await callsUntilAnswer(isolate, ask);
    expect(await asked.answer.json()).toMatchObject({ valid: true });
    const trips = budget.bound === "0" && budget.limited ? 2 : budget.redis;
    expect([asked.postgres, asked.redis]).toEqual([budget.postgres, trips]);
  });
}

test("a service verifies its own traffic without a limit of ours: 1300 questions in one minute are all answered", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const { key: caller } = await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] });
  const ask = () => isolate.fetch("/v1/keys/verify", json({ key }, withAdmin(caller)));
  const statuses = new Set<number>();
  for (let batch = 0; batch < 26; batch += 1) {
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    for (const answer of answers) statuses.add(answer.status);
  }
  expect([...statuses]).toEqual([200]);
});

test("a cold check reads the record once and asks Redis no more than twice", async () => {
  const maker = await givenIsolate();
  const { key } = await givenKey(maker, { limits: limit });
  const isolate = await givenIsolate();
  const cold = await callsUntilAnswer(isolate, () => verify(isolate, key));
  expect(cold.answer.valid).toBe(true);
  expect(cold.redis).toBeLessThanOrEqual(coldBudget.redis);
  // The second read of the record, which puts it under the feed's watch, runs behind the answer; so does the one note of
  // its use, which is no read.
  const notes = cold.words.filter((word) => word === "UPDATE").length;
  expect(notes).toBeLessThanOrEqual(1);
  expect(cold.postgres - notes).toBeLessThanOrEqual(coldBudget.postgres + 1);
});

test("a cold check whose record is there before the feed's starting point reads it no more often", async () => {
  const maker = await givenIsolate();
  const { key } = await givenKey(maker);
  const isolate = await givenIsolate();
  await isolate.redisFault([{ kind: "slow", ms: 120, times: 1 }]);
  const cold = await callsUntilAnswer(isolate, () => verify(isolate, key));
  expect(cold.answer.valid).toBe(true);
  await isolate.settle();
  const { summaries } = await isolate.calls();
  expect(summaries.flat().filter((word) => word === "SELECT")).toHaveLength(coldBudget.postgres + 1);
});

test("fifty malformed and forged keys in a cold isolate are refused without one call", async () => {
  const forever = new Promise<void>(() => undefined);
  const isolate = await givenIsolate({ waitForRefusals: () => forever });
  const other = await givenIsolate({
    environment: {
      API_KEY_TAG_SECRETS: `1:${btoa(unique("another secret, not ours at all")).replace(/=+$/, "")}`,
    },
  });
  const { key: forged } = await givenKey(other);
  await isolate.forgetCalls();
  for (let time = 0; time < 25; time += 1) {
    for (const key of [forged, `gk_live_${"x".repeat(60)}`]) {
      const response = await isolate.fetch("/gateway/anything", { headers: { "x-api-key": key } });
      expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
        403,
        "Invalid API Key",
      ]);
    }
  }
  const { postgres, redis } = await isolate.calls();
  expect([postgres, redis]).toEqual([0, 0]);
});
