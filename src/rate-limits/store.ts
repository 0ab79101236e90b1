import { createScript, type RedisStore, type Trip } from "../storage/redis.ts";
import type { Demand } from "./limits.ts";
import { takeScript } from "./take-script.ts";

export type { Trip };
export type Count = {
  readonly used: number;
  readonly freeInMilliseconds: number;
  readonly emptyInMilliseconds: number;
};

export async function createRateLimitStore(redis: RedisStore) {
  const script = await createScript(takeScript);
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
        keys: demands.map(({ limit, subject }) => `limit:${limit.name}:${limit.windowSeconds}:${subject}`),
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
  };
}

export type RateLimitStore = Awaited<ReturnType<typeof createRateLimitStore>>;
