import fc from "fast-check";
import { expect, test } from "vitest";
import { givenTokenWorld, tokenStepsFor } from "./ending-schedules.ts";
import { endWorld } from "./schedules.ts";

const schedules = 40;
const stepsMax = 60;

/**
 * As for keys, for what ends tokens: for every ending r and every decision d on a token it covers,
 * d.valid ⇒ d.time ≤ r.effectiveEverywhereBy; and a token that nothing ended is not refused while Postgres answers.
 */
for (const bound of [0, 1, 10]) {
  test(`bound ${bound}: no edge accepts a token past the time that its end was promised for, and none refuses an honest token`, async () => {
    const seen = { ticks: 0, ended: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.commands(tokenStepsFor(bound), { maxCommands: stepsMax, size: "max" }),
        async (steps) => {
          const world = await givenTokenWorld(bound);
          try {
            await fc.asyncModelRun(() => ({ model: {}, real: world }), steps);
            seen.ticks += world.ticks;
            seen.ended += world.tokens.filter(({ ends }) => ends.length > 0).length;
          } finally {
            await endWorld(world);
          }
        },
      ),
      { numRuns: schedules },
    );
    expect(seen.ticks).toBeGreaterThan(schedules * 5);
    expect(seen.ended).toBeGreaterThan(schedules / 5);
  }, 60_000);
}
