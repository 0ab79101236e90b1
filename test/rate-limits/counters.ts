import { inject } from "vitest";
import type { Demand, Limit, Standing } from "../../src/rate-limits/limits.ts";
import { createRateLimits } from "../../src/rate-limits/rate-limits.ts";
import { createRateLimitStore } from "../../src/rate-limits/store.ts";
import { createRedis } from "../../src/storage/redis.ts";
import { type Clock, createClock } from "../support/clock.ts";
import { unique } from "../support/given.ts";

export type Outcome = {
  readonly granted: boolean;
  readonly standings: readonly Standing[];
  readonly names: readonly string[];
  readonly retryAfterSeconds: number | undefined;
  readonly degraded: readonly string[];
};

/** One isolate's counters over the shared Redis; with `away`, over a Redis that does not let it in. */
export async function givenCounters(options: { clock?: Clock; away?: boolean } = {}) {
  const { environment } = inject("stores");
  const clock = options.clock ?? createClock();
  const store = await createRateLimitStore(
    createRedis({
      url: environment["UPSTASH_REDIS_REST_URL"] ?? "",
      token: options.away ? "not-the-token-of-it" : (environment["UPSTASH_REDIS_REST_TOKEN"] ?? ""),
      now: clock.now,
    }),
  );
  const rateLimits = createRateLimits({ store, now: clock.now });
  return {
    clock,
    async take(demands: readonly Demand[]): Promise<Outcome> {
      const trip = rateLimits.openTrip();
      const taking = rateLimits.take(trip, demands);
      await trip.send();
      const taken = await taking;
      const { standings, degraded } = taken;
      return taken.ok
        ? { granted: true, standings, degraded, names: [], retryAfterSeconds: 0 }
        : {
            granted: false,
            standings,
            degraded,
            names: taken.names,
            retryAfterSeconds: taken.retryAfterSeconds,
          };
    },
  };
}

export type Counters = Awaited<ReturnType<typeof givenCounters>>;

export const givenLimit = (more: Partial<Limit> = {}): Limit => ({
  name: unique("limit"),
  permits: 10,
  windowSeconds: 60,
  whenUnavailable: "local",
  ...more,
});

/** The slice's length: a permit comes back at most this much later than its window. */
export const sliceOf = (limit: Limit): number => (limit.windowSeconds * 1000) / 16;
