import { AuthError } from "../errors/auth-error.ts";
import type { Revocation } from "../revocation/revocation.ts";
import type { Route } from "./route.ts";
import type { RouteStore } from "./store.ts";

export type Snapshot = {
  readonly routes: readonly Route[];
  readonly readBeganAt: number;
  readonly covered: boolean;
};

/** Without news from the feed a copy is read anew behind an answer after this long. */
const snapshotMilliseconds = 60_000;
const retryMilliseconds = 1000;

/**
 * All routes, as this isolate last read them. A change is felt within the revocation bound, like that of a key. When
 * neither Redis nor Postgres can be asked, the last good copy stays in force: an outage of a store must not close
 * every door, and it cannot open one that was closed for longer than the outage lasts.
 */
export function createRouteBook(options: {
  store: Pick<RouteStore, "list">;
  revocation: Pick<Revocation, "feed" | "openTrip" | "evidenceNeededSince">;
  now: () => number;
}) {
  const { store, revocation, now } = options;
  const { feed } = revocation;
  let snapshot: Snapshot | null = null;
  let isStale = false;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  const forget = () => {
    isStale = true;
  };
  feed.onChange("routes", forget, forget);

  async function read(): Promise<Snapshot> {
    const readBeganAt = now();
    triedAt = readBeganAt;
    const coverage = feed.coverageOf("routes");
    const routes = await store.list().catch((failure: unknown) => {
      failedAt = now();
      throw failure;
    });
    if (!snapshot || snapshot.readBeganAt <= readBeganAt) {
      snapshot = { routes, readBeganAt, covered: coverage.keepsAll() };
      isStale = false;
    }
    return snapshot;
  }

  function isFresh(used: Snapshot, arrivedAt: number): boolean {
    const knownSince = used.covered ? Math.max(used.readBeganAt, feed.readBeganAt()) : used.readBeganAt;
    return !isStale && used === snapshot && knownSince >= revocation.evidenceNeededSince(arrivedAt);
  }

  async function refreshFeed(): Promise<void> {
    const trip = revocation.openTrip();
    const refreshed = feed.refresh(trip);
    await trip.send();
    await refreshed;
  }

  async function readFirst(): Promise<Snapshot> {
    // A source that has just failed is not asked again for each request of a flood.
    if (now() - failedAt < retryMilliseconds) throw new AuthError("unavailable");
    return await read();
  }

  async function renew(used: Snapshot, arrivedAt: number): Promise<Snapshot> {
    if (!isStale) await refreshFeed();
    if (isFresh(used, arrivedAt)) return used;
    // A copy known to be stale is read anew at once, unless Postgres has just shown that it cannot be asked.
    if (now() - (isStale ? failedAt : triedAt) < retryMilliseconds) return snapshot ?? used;
    return await read().catch(() => snapshot ?? used);
  }

  return {
    isLoaded: (): boolean => snapshot !== null,

    /** The copy in hand, or the first read of this isolate. Rejects only when there never was one. */
    routes(background: (work: Promise<unknown>) => void): Snapshot | Promise<Snapshot> {
      if (!snapshot) return readFirst();
      const isOld = now() - snapshot.readBeganAt > snapshotMilliseconds || !snapshot.covered;
      if (isOld && now() - triedAt >= retryMilliseconds) background(read().catch(() => undefined));
      return snapshot;
    },

    /**
     * Asked after a request was judged by `used`: that copy when it is still true, or the newer one to judge by.
     * Costs nothing when the check of the credential has just read the feed.
     */
    confirm: (used: Snapshot, arrivedAt: number): Snapshot | Promise<Snapshot> =>
      isFresh(used, arrivedAt) ? used : renew(used, arrivedAt),

    forget,
  };
}

export type RouteBook = ReturnType<typeof createRouteBook>;
