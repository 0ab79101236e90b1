import fc from "fast-check";
import { expect, test } from "vitest";
import {
  millisecondsUntilFree,
  type Slices,
  sliceMilliseconds,
  take,
  usedPermits,
} from "../../src/rate-limits/slices.ts";
import { createClock } from "../support/clock.ts";
import { givenCounters, givenLimit, sliceOf } from "./counters.ts";

type Grant = { readonly at: number; readonly cost: number };

/** The most that was granted within any span as long as the window, both its ends included. */
function mostInAnyWindow(grants: readonly Grant[], windowMilliseconds: number): number {
  const sums = grants.map(({ at: from }) =>
    grants
      .filter(({ at }) => at >= from && at <= from + windowMilliseconds)
      .reduce((sum, { cost }) => sum + cost, 0),
  );
  return Math.max(0, ...sums);
}

test("in no span as long as the window are more permits granted than the limit has, whatever the times and costs", () => {
  const arrivals = fc.array(
    fc.record({
      wait: fc.oneof(fc.constant(0), fc.nat({ max: 200 }), fc.nat({ max: 20_000 }), fc.constant(60_000)),
      cost: fc.integer({ min: 0, max: 5 }),
    }),
    { minLength: 5, maxLength: 120 },
  );
  const limit = fc.record({
    permits: fc.integer({ min: 1, max: 12 }),
    windowSeconds: fc.constantFrom(1, 7, 60),
  });
  fc.assert(
    fc.property(limit, arrivals, fc.nat({ max: 10 ** 9 }), ({ permits, windowSeconds }, calls, start) => {
      const slices: Slices = new Map();
      const grants: Grant[] = [];
      let now = start;
      for (const { wait, cost } of calls) {
        now += wait;
        if (usedPermits(slices, now, windowSeconds) + cost > permits) continue;
        take(slices, now, windowSeconds, cost);
        grants.push({ at: now, cost });
      }
      expect(mostInAnyWindow(grants, windowSeconds * 1000)).toBeLessThanOrEqual(permits);
    }),
    { numRuns: 500 },
  );
});

test("a refused caller is told the first millisecond in which the same call is granted, and no later one", () => {
  const arrivals = fc.array(
    fc.record({ wait: fc.nat({ max: 9000 }), cost: fc.integer({ min: 1, max: 4 }) }),
    {
      minLength: 3,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 9 }), arrivals, (permits, calls) => {
      const limit = { permits, windowSeconds: 60 };
      const slices: Slices = new Map();
      let now = 1_000_000_007;
      for (const { wait, cost } of calls) {
        now += wait;
        const free = (at: number) => usedPermits(slices, at, limit.windowSeconds) + cost <= permits;
        const wait2 = millisecondsUntilFree(slices, now, limit, cost);
        expect(free(now)).toBe(wait2 === 0);
        expect(free(now + wait2)).toBe(true);
        if (wait2 > 0) expect(free(now + wait2 - 1)).toBe(false);
        if (wait2 === 0) take(slices, now, limit.windowSeconds, cost);
      }
    }),
    { numRuns: 300 },
  );
});

test("a permit comes back at most a sixteenth of the window late", () => {
  const windowSeconds = 60;
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 9 }), (at) => {
      const slices: Slices = new Map();
      take(slices, at, windowSeconds, 1);
      const freeAfter = millisecondsUntilFree(slices, at, { permits: 1, windowSeconds }, 1);
      expect(freeAfter).toBeGreaterThan(windowSeconds * 1000);
      expect(freeAfter).toBeLessThanOrEqual(windowSeconds * 1000 + sliceMilliseconds(windowSeconds));
    }),
  );
});

test("Redis too grants no more than the limit in any span, over the edge between two windows", async () => {
  const clock = createClock(Math.ceil(Date.now() / 60_000) * 60_000);
  const edges = await Promise.all([givenCounters({ clock }), givenCounters({ clock })]);
  const limit = givenLimit({ permits: 10 });
  const grants: Grant[] = [];
  // A burst just before the minute, another just after it, and then one in every slice of the next minute.
  for (const wait of [59_990, 20, ...Array.from({ length: 17 }, () => sliceOf(limit))]) {
    clock.advance(wait);
    const burst = Array.from({ length: 12 }, (_, index) =>
      edges[index % 2]?.take([{ limit, subject: "key:burst", cost: 1 }]),
    );
    for (const outcome of await Promise.all(burst)) {
      expect(outcome?.degraded).toEqual([]);
      if (outcome?.granted) grants.push({ at: clock.now(), cost: 1 });
    }
  }
  expect(grants.filter(({ at }) => at === grants[0]?.at)).toHaveLength(10);
  expect(mostInAnyWindow(grants, 60_000)).toBe(10);
  expect(grants.length).toBeGreaterThan(10);
});
