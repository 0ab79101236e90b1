import { type Demand, limits, type OwnLimit, type Standing, type Taken } from "./limits.ts";
import { createLocalCount } from "./local-count.ts";
import { millisecondsTaken } from "./slices.ts";
import type { Count, RateLimitStore, Trip } from "./store.ts";

/**
 * Every limit of one request in one atomic step of one round trip: all are taken, or none is. When Redis cannot
 * be asked each limit answers as it declared, and the answer says which did.
 */
export function createRateLimits(options: { store: RateLimitStore; now: () => number }) {
  const { store, now } = options;
  const local = createLocalCount(now);
  const givenBack = new WeakSet<Taken>();

  function takeWithoutRedis(demands: readonly Demand[]): Taken {
    const takenAt = now();
    const degraded = demands.map(({ limit }) => `${limit.name}=${limit.whenUnavailable}`);
    const closed = demands.filter(({ limit }) => limit.whenUnavailable === "closed");
    if (closed.length > 0) {
      const names = closed.map(({ limit }) => limit.name);
      return { ok: false, reason: "unavailable", names, retryAfterSeconds: 1, standings: [], degraded };
    }
    const counted = local.take(demands.filter(({ limit }) => limit.whenUnavailable === "local"));
    if (counted.granted) return { ok: true, takenAt, standings: counted.standings, degraded };
    const refusing = counted.standings.filter((standing) => !standing.free);
    const names = refusing.map((standing) => standing.name);
    return {
      ok: false,
      reason: "over",
      names,
      retryAfterSeconds: canEverFit(demands, names)
        ? Math.max(1, ...refusing.map((standing) => standing.freeInSeconds))
        : undefined,
      standings: counted.standings,
      degraded,
    };
  }

  /** Leaves with the trip. Never rejects. */
  async function take(trip: Trip, demands: readonly Demand[]): Promise<Taken> {
    const at = now();
    if (demands.length === 0) return { ok: true, takenAt: at, standings: [], degraded: [] };
    let taken: Awaited<ReturnType<RateLimitStore["take"]>>;
    try {
      taken = await store.take(trip, demands, at);
    } catch {
      return takeWithoutRedis(demands);
    }
    const standings = demands.map((demand, index) => {
      const takenMilliseconds =
        taken.granted && demand.cost > 0 ? millisecondsTaken(at, demand.limit.windowSeconds) : 0;
      return standingOf(demand, taken.counts[index], taken.granted, takenMilliseconds);
    });
    if (taken.granted) return { ok: true, takenAt: at, standings, degraded: [] };
    const refusing = demands.flatMap((demand, index) => {
      const count = taken.counts[index];
      return count && count.used + demand.cost > demand.limit.permits ? [{ demand, count }] : [];
    });
    const names = refusing.map(({ demand }) => demand.limit.name);
    return {
      ok: false,
      reason: "over",
      names,
      retryAfterSeconds: canEverFit(demands, names)
        ? Math.max(1, ...refusing.map(({ count }) => Math.ceil(count.freeInMilliseconds / 1000)))
        : undefined,
      standings,
      degraded: [],
    };
  }

  return {
    openTrip: store.openTrip,
    take,

    /**
     * Takes back, behind an answer, what turned out not to count: a sign-in that succeeded. Only what was granted, only once
     * and only there where it was counted; so refunds never make more than was taken.
     */
    async giveBack(taken: Taken, demands: readonly Demand[]): Promise<void> {
      if (!taken.ok || givenBack.has(taken) || demands.length === 0) return;
      givenBack.add(taken);
      if (taken.degraded.length > 0) {
        const counted = demands.filter(({ limit }) => limit.whenUnavailable === "local");
        return local.giveBack(counted, taken.takenAt);
      }
      const trip = store.openTrip();
      const given = store.giveBack(trip, demands, taken.takenAt);
      await trip.send();
      await given;
    },

    /** A demand on one of our own limits. */
    demandOf: (name: OwnLimit, subject: string, cost = 1): Demand => ({ limit: limits[name], subject, cost }),

    /** The brake on guessing, held in this isolate: seconds to wait, 0 when there is none, and where it stands. No call. */
    brakeOf(name: OwnLimit, subject: string): { retryAfterSeconds: number; standing: Standing } {
      const { free, freeInSeconds, ...standing } = local.standingOf({
        limit: limits[name],
        subject,
        cost: 1,
      });
      return { retryAfterSeconds: free ? 0 : Math.max(1, freeInSeconds), standing };
    },

    /** Notes in this isolate what already happened. No call. */
    note: (name: OwnLimit, subject: string): void => local.add({ limit: limits[name], subject, cost: 1 }),

    /** Counts over all isolates, behind an answer; when it is over everywhere, this isolate brakes too. */
    async noteEverywhere(name: OwnLimit, subject: string): Promise<void> {
      const demand = { limit: limits[name], subject, cost: 1 };
      const trip = store.openTrip();
      // Without Redis this isolate's own note is all there is: a second one here would count each guess twice.
      const taking = store.take(trip, [demand], now()).catch(() => null);
      await trip.send();
      const taken = await taking;
      if (taken && !taken.granted) local.add({ ...demand, cost: demand.limit.permits });
    },
  };
}

export type RateLimits = ReturnType<typeof createRateLimits>;

/** A wait is told only when it can come true. */
const canEverFit = (demands: readonly Demand[], names: readonly string[]): boolean =>
  demands.every(({ limit, cost }) => !names.includes(limit.name) || cost <= limit.permits);

function standingOf(
  { limit, cost }: Demand,
  count: Count | undefined,
  granted: boolean,
  takenMilliseconds: number,
): Standing {
  const used = (count?.used ?? 0) + (granted ? cost : 0);
  return {
    name: limit.name,
    permits: limit.permits,
    windowSeconds: limit.windowSeconds,
    remaining: Math.max(0, limit.permits - used),
    resetSeconds: Math.ceil(Math.max(takenMilliseconds, count?.emptyInMilliseconds ?? 0) / 1000),
  };
}
