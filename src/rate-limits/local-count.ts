import type { Demand, Standing } from "./limits.ts";
import { giveBack, millisecondsUntilFree, type Slices, take, usedPermits } from "./slices.ts";

const subjectsMax = 20_000;

/** Counts of this isolate alone: the cap while Redis is away, and the brake on guessing that costs no call. */
export function createLocalCount(now: () => number) {
  const counts = new Map<string, Slices>();

  function slicesOf(demand: Demand): Slices {
    const key = `${demand.limit.name}:${demand.limit.windowSeconds}:${demand.subject}`;
    const slices = counts.get(key) ?? new Map<number, number>();
    // Least recently asked leaves first: a flood of addresses cannot grow the isolate.
    counts.delete(key);
    counts.set(key, slices);
    if (counts.size > subjectsMax) counts.delete(counts.keys().next().value ?? "");
    return slices;
  }

  function standingOf(
    { limit, cost }: Demand,
    slices: Slices,
  ): Standing & { free: boolean; freeInSeconds: number } {
    const used = usedPermits(slices, now(), limit.windowSeconds);
    return {
      name: limit.name,
      permits: limit.permits,
      windowSeconds: limit.windowSeconds,
      remaining: Math.max(0, limit.permits - used),
      resetSeconds: Math.ceil(millisecondsUntilFree(slices, now(), limit, limit.permits) / 1000),
      free: used + cost <= limit.permits,
      freeInSeconds: Math.ceil(millisecondsUntilFree(slices, now(), limit, cost) / 1000),
    };
  }

  return {
    /** Takes every demand or none. The standings are those after it. */
    take(demands: readonly Demand[]): { granted: boolean; standings: ReturnType<typeof standingOf>[] } {
      const held = demands.map((demand) => ({ demand, slices: slicesOf(demand) }));
      const standings = () => held.map(({ demand, slices }) => standingOf(demand, slices));
      const before = standings();
      if (!before.every((standing) => standing.free)) return { granted: false, standings: before };
      for (const { demand, slices } of held) take(slices, now(), demand.limit.windowSeconds, demand.cost);
      return { granted: true, standings: standings() };
    },

    /** Takes back from the slices in which it was counted. */
    giveBack(demands: readonly Demand[], takenAt: number): void {
      for (const demand of demands)
        giveBack(slicesOf(demand), takenAt, demand.limit.windowSeconds, demand.cost);
    },

    /** Counts even past the limit: for what has already happened, such as a refused guess. */
    add(demand: Demand): void {
      take(slicesOf(demand), now(), demand.limit.windowSeconds, demand.cost);
    },

    /** Whether the demand would be granted now, or when. Takes nothing. */
    standingOf: (demand: Demand) => standingOf(demand, slicesOf(demand)),
  };
}
