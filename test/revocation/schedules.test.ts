import fc from "fast-check";
import { expect, test } from "vitest";
import { endWorld, givenWorld, stepsFor } from "./schedules.ts";

const schedules = 25;
const stepsMax = 60;

/**
 * The promise of the whole room, held against schedules that nobody thought of: three edges with memories of their
 * own, a driven clock, keys made, used, revoked, disabled, enabled, rotated, deleted, revoked by owner, Redis and Postgres
 * failing for one edge or the other, answers that arrive late, a feed that is lost.
 */
for (const bound of [0, 1, 10]) {
  test(`bound ${bound}: no edge accepts a key past the time that its end was promised for, and none refuses an honest key`, async () => {
    let ran = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.commands(stepsFor(bound), { maxCommands: stepsMax, size: "max" }),
        async (steps) => {
          const world = await givenWorld(bound);
          try {
            await fc.asyncModelRun(() => ({ model: {}, real: world }), steps);
            ran += world.ticks;
          } finally {
            await endWorld(world);
          }
        },
      ),
      { numRuns: schedules },
    );
    expect(ran).toBeGreaterThan(schedules * 5);
  }, 60_000);
}
