import { createScript, type RedisStore, type Trip } from "../storage/redis.ts";
import type { Demand } from "./limits.ts";
import { giveBackScript, takeScript } from "./take-script.ts";

export type { Trip };
export type Count = {
  readonly used: number;
  readonly freeInMilliseconds: number;
  readonly emptyInMilliseconds: number;
};

export async function createRateLimitStore(redis: RedisStore) {
  const script = await createScript(takeScript);
  const giveBackOf = await createScript(giveBackScript);
  return {
    openTrip: () => redis.trip(),

    /** Takes every demand or none. Rejects when Redis could not be asked. Leaves with the trip. */
    async take(
      trip: Trip,
      demands: readonly Demand[],
      now: number,
    ): Promise<{ granted: boolean; counts: Count[] }> {
      const answer = await trip.add({
        verb: "script",
        script,
        keys: demands.map(keyOf),
        args: [
          now,
          ...demands.flatMap(({ limit, cost }) => [limit.permits, limit.windowSeconds * 1000, cost]),
        ],
      });
      if (!Array.isArray(answer) || answer.length !== 1 + demands.length * 3)
        throw new Error("redis_garbled");
      const numbers = answer.map(Number);
      if (!numbers.every(Number.isFinite)) throw new Error("redis_garbled");
      const counts = demands.map((_, index) => ({
        used: numbers[1 + index * 3] ?? 0,
        freeInMilliseconds: numbers[2 + index * 3] ?? 0,
        emptyInMilliseconds: numbers[3 + index * 3] ?? 0,
      }));
      return { granted: numbers[0] === 1, counts };
    },

    /** Undoes a granted take of that time. Leaves with the trip. */
    async giveBack(trip: Trip, demands: readonly Demand[], takenAt: number): Promise<void> {
      await trip.add({
        verb: "script",
        script: giveBackOf,
        keys: demands.map(keyOf),
        args: [takenAt, ...demands.flatMap(({ limit, cost }) => [limit.windowSeconds * 1000, cost])],
      });
    },
  };
}

const keyOf = ({ limit, subject }: Demand): string => `limit:${limit.name}:${limit.windowSeconds}:${subject}`;

export type RateLimitStore = Awaited<ReturnType<typeof createRateLimitStore>>;
