import { expect, test } from "vitest";
import { givenIsolate, type Isolate } from "../support/given.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import { askedBy, expectRotated, givenAccessToken, givenFamily } from "../support/given-tokens.ts";
import { refreshBudget, tokenBudgets } from "./round-trips.ts";

const limit = [
  { name: "minute", permits: 1000, windowSeconds: 60, whenUnavailable: "closed", per: "key" } as const,
];

/** The calls made until the answer is there: what runs behind it is let finish only afterwards. */
async function callsUntilAnswer<Answer>(isolate: Isolate, ask: () => Promise<Answer>) {
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await ask();
  const { postgres, redis } = await isolate.calls();
  return { answer, calls: [postgres, redis] };
}

for (const budget of tokenBudgets) {
  test(`${budget.operation}: ${budget.postgres} calls to Postgres, ${budget.redis} to Redis`, async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: budget.bound } });
    const route = await givenTokenRoute(isolate, { limits: budget.limited ? limit : [] });
    const { accessToken } = await givenAccessToken(isolate);
    for (let time = 0; time < 3; time += 1) {
      await route.call(accessToken);
      await isolate.settle();
    }
    const seen = await callsUntilAnswer(isolate, () => route.call(accessToken));
    expect(seen.answer.status).toBe(200);
    expect(seen.calls).toEqual([budget.postgres, budget.redis]);
    // A token seen for the first time costs a signature more, and no call.
    const fresh = await givenAccessToken(isolate);
    const unseen = await callsUntilAnswer(isolate, () => route.call(fresh.accessToken));
    expect(unseen.answer.status).toBe(200);
    expect(unseen.calls).toEqual([budget.postgres, budget.redis]);
  });
}

test(`a refresh, and its retry: ${refreshBudget.postgres} call to Postgres, ${refreshBudget.redis} to Redis`, async () => {
  const isolate = await givenIsolate();
  const { refreshTokens } = isolate.rooms;
  await givenAccessToken(isolate);
  const { refreshToken } = await givenFamily(isolate);
  for (const _ of ["rotation", "retry"]) {
    const made = await callsUntilAnswer(isolate, () => refreshTokens.refresh(refreshToken, askedBy(isolate)));
    expectRotated(made.answer);
    expect(made.calls).toEqual([refreshBudget.postgres, refreshBudget.redis]);
  }
});

test("an expired, a forged and a foreign token cost no call, and a revoked one none once it is known", async () => {
  const forever = new Promise<void>(() => undefined);
  const isolate = await givenIsolate({ waitForRefusals: () => forever });
  const route = await givenTokenRoute(isolate);
  const [good, revoked] = [await givenAccessToken(isolate), await givenAccessToken(isolate)];
  const operator = { ...askedBy(isolate), actor: { type: "operator", id: "given" } as const };
  await isolate.rooms.refreshTokens.revokeToken(revoked.jti, null, operator);
  expect((await route.call(good.accessToken)).status).toBe(200);
  await isolate.forgetCalls();
  const spoilt = good.accessToken.slice(0, -40) + "A".repeat(40);
  for (const text of [spoilt, "a.b.c", "x", revoked.accessToken]) {
    expect([text.slice(0, 8), (await route.call(text)).status]).toEqual([text.slice(0, 8), 401]);
  }
  const { postgres, redis } = await isolate.calls();
  expect([postgres, redis]).toEqual([0, 0]);
});
