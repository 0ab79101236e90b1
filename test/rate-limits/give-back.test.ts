import fc from "fast-check";
import { expect, test } from "vitest";
import type { Demand, Taken } from "../../src/rate-limits/limits.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate, unique } from "../support/given.ts";
import { givenLimit } from "./counters.ts";

type Limits = Awaited<ReturnType<typeof givenIsolate>>["rooms"]["rateLimits"];

async function take(rateLimits: Limits, demands: readonly Demand[]): Promise<Taken> {
  const trip = rateLimits.openTrip();
  const taking = rateLimits.take(trip, demands);
  await trip.send();
  return await taking;
}

const remainingOf = async (rateLimits: Limits, demand: Demand): Promise<number> =>
  (await take(rateLimits, [{ ...demand, cost: 0 }])).standings[0]?.remaining ?? -1;

const step = fc.record({
  act: fc.constantFrom("take", "take", "give back", "give back twice", "wait"),
  which: fc.nat({ max: 20 }),
  cost: fc.integer({ min: 1, max: 3 }),
  slices: fc.constantFrom(0.4, 1, 5, 16, 18),
});

for (const store of ["Redis", "the isolate alone"]) {
  test(`whatever is taken and given back, in whatever order and how often, ${store} never counts less than what was kept`, async () => {
    const clock = createClock();
    const isolate = await givenIsolate({ clock });
    const { rateLimits } = isolate.rooms;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        // An outage rests for a second by the clock: it is told again for each run.
        if (store !== "Redis") await isolate.redisFault([{ kind: "status", status: 500 }]);
        const limit = givenLimit({ permits: 8, windowSeconds: 60 });
        const subject = `account:${unique("subject")}`;
        const held: { taken: Taken; demands: Demand[]; at: number; given: boolean }[] = [];
        for (const { act, which, cost, slices } of steps) {
          const one = held[which % Math.max(held.length, 1)];
          if (act === "wait") clock.advance(Math.round((slices * 60_000) / 16));
          else if (act === "take") {
            const demands = [{ limit, subject, cost }];
            const taken = await take(rateLimits, demands);
            // A busy machine made Redis late: that run says nothing of it.
            if (store === "Redis" && taken.degraded.length > 0) return;
            held.push({ taken, demands, at: clock.now(), given: !taken.ok });
          } else if (one) {
            await rateLimits.giveBack(one.taken, one.demands);
            if (act === "give back twice") await rateLimits.giveBack(one.taken, one.demands);
            one.given = true;
          }
          const kept = held.filter(({ given, at }) => !given && at > clock.now() - 60_000);
          const used = kept.reduce((sum, { demands }) => sum + (demands[0]?.cost ?? 0), 0);
          const remaining = await remainingOf(rateLimits, { limit, subject, cost: 0 });
          expect(remaining).toBeLessThanOrEqual(8 - used);
          expect(remaining).toBeLessThanOrEqual(8);
        }
      }),
      { numRuns: store === "Redis" ? 25 : 15 },
    );
  }, 60_000);
}

test("what was given back may be taken again at once", async () => {
  const { rateLimits } = (await givenIsolate()).rooms;
  const demand = { limit: givenLimit({ permits: 2 }), subject: `account:${unique("subject")}`, cost: 2 };
  for (let time = 0; time < 5; time += 1) {
    const taken = await take(rateLimits, [demand]);
    expect(taken.ok).toBe(true);
    expect((await take(rateLimits, [demand])).ok).toBe(false);
    await rateLimits.giveBack(taken, [demand]);
  }
});

test("of sixty parallel takers who all give back, none finds more than the limit, and in the end all of it is free", async () => {
  const { rateLimits } = (await givenIsolate()).rooms;
  const demand = {
    limit: givenLimit({ permits: 10, windowSeconds: 600 }),
    subject: `account:${unique("subject")}`,
    cost: 1,
  };
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 60 }, async () => {
      const taken = await take(rateLimits, [demand]);
      if (!taken.ok || taken.degraded.length > 0) return;
      inside += 1;
      most = Math.max(most, inside);
      await Promise.resolve();
      inside -= 1;
      await rateLimits.giveBack(taken, [demand]);
    }),
  );
  expect(most).toBeLessThanOrEqual(10);
  expect(await remainingOf(rateLimits, demand)).toBe(10);
});

test("a refund that comes after its window touches nothing of the window that is", async () => {
  const clock = createClock();
  const { rateLimits } = (await givenIsolate({ clock })).rooms;
  const demand = { limit: givenLimit({ permits: 3 }), subject: `account:${unique("subject")}`, cost: 1 };
  const old = await take(rateLimits, [demand]);
  clock.advance(70_000);
  await take(rateLimits, [demand]);
  await rateLimits.giveBack(old, [demand]);
  expect(await remainingOf(rateLimits, demand)).toBe(2);
});
