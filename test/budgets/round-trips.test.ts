import { expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { budgets, coldBudget } from "./round-trips.ts";

const limit = [{ name: "minute", limit: 1000, windowSeconds: 60 }];

const verify = (isolate: Isolate, key: string) =>
  isolate.rooms.keyVerifier.verifyKey(
    { key, scopes: [], cost: 1, address: null },
    { caller: "given", arrivedAt: isolate.clock.now(), background: isolate.background },
  );

/** The calls made until the answer is there: what runs behind it is let finish only afterwards. */
async function callsUntilAnswer<Answer>(isolate: Isolate, ask: () => Promise<Answer>) {
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await ask();
  const { postgres, redis } = await isolate.calls();
  return { answer, postgres, redis };
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
}

test("a cold check reads the record once and asks Redis no more than twice", async () => {
  const maker = await givenIsolate();
  const { key } = await givenKey(maker, { limits: limit });
  const isolate = await givenIsolate();
  const cold = await callsUntilAnswer(isolate, () => verify(isolate, key));
  expect(cold.answer.valid).toBe(true);
  expect(cold.redis).toBeLessThanOrEqual(coldBudget.redis);
  // The second read of the record, which puts it under the feed's watch, runs behind the answer.
  expect(cold.postgres).toBeLessThanOrEqual(coldBudget.postgres + 1);
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
