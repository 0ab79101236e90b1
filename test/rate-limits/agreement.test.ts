import fc from "fast-check";
import { expect, test } from "vitest";
import type { Demand } from "../../src/rate-limits/limits.ts";
import { createClock } from "../support/clock.ts";
import { unique } from "../support/given.ts";
import { givenCounters, givenLimit } from "./counters.ts";

const limit = fc.record({
  permits: fc.integer({ min: 1, max: 12 }),
  // Also windows that sixteen does not divide into whole milliseconds.
  windowSeconds: fc.constantFrom(30, 37, 60, 61, 3600),
});
const step = fc.record({
  // In slices of the first window: within one, over one, over a whole window.
  slices: fc.constantFrom(0, 0, 0.3, 1, 2.7, 8, 15.9, 16, 17, 40),
  costs: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 14 })),
});

test("the script in Redis and the count in an isolate grant the same, and say the same of what remains and when to retry", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(limit, limit),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.nat({ max: 3_600_000 }),
      async (shapes, steps, offset) => {
        const clock = createClock(Date.now() + offset);
        const inRedis = await givenCounters({ clock });
        const alone = await givenCounters({ clock, away: true });
        const limits = shapes.map((shape) => givenLimit(shape));
        const subject = `key:${unique("subject")}`;
        for (const { slices, costs } of steps) {
          clock.advance(Math.round((slices * (limits[0]?.windowSeconds ?? 0) * 1000) / 16));
          const demands = limits.map(
            (one, index): Demand => ({ limit: one, subject, cost: costs[index] ?? 0 }),
          );
          const { degraded: none, ...counted } = await inRedis.take(demands);
          const { degraded, ...local } = await alone.take(demands);
          expect(none).toEqual([]);
          expect(degraded).toEqual(limits.map(({ name }) => `${name}=local`));
          expect(
            local.standings.map(({ name, remaining, resetSeconds }) => ({ name, remaining, resetSeconds })),
          ).toEqual(
            counted.standings.map(({ name, remaining, resetSeconds }) => ({ name, remaining, resetSeconds })),
          );
          expect({ ...local, standings: [] }).toEqual({ ...counted, standings: [] });
        }
      },
    ),
    { numRuns: 60 },
  );
});
