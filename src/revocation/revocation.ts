import { createDenylist } from "./denylist.ts";
import { isEnding, type PendingChange } from "./ending.ts";
import { createFeed } from "./feed.ts";
import type { RevocationStore } from "./store.ts";

/**
 * No copy of a record outlives this, whatever the feed says. So even a change that never reached Redis is felt
 * everywhere within it, and that is the time a revocation answers when Redis could not be written.
 */
export const recordLifeSeconds = 300;
/** Store reads have a deadline of 3 s: a copy may be that much younger in hand than its read. */
const readSlackSeconds = 5;
export const copiesLiveMilliseconds = (recordLifeSeconds + readSlackSeconds) * 1000;

/** Of what ends tokens, in one isolate's memory. */
const endingsHeld = 50_000;
const repairBatch = 500;
const repairAfterMilliseconds = 2000;
const announcedTwiceForMilliseconds = 90_000;
const outboxKeptMilliseconds = 24 * 3_600_000;

/** When a change is felt at every edge. `announced: false`: Redis was away, the time is that of the last copy's death. */
export type Reach = { readonly effectiveEverywhereBy: Date; readonly announced: boolean };

/** When both of two changes are felt. */
export function laterOf(one: Reach | null, other: Reach): Reach {
  if (!one) return other;
  const { effectiveEverywhereBy } = one.effectiveEverywhereBy > other.effectiveEverywhereBy ? one : other;
  return { effectiveEverywhereBy, announced: one.announced && other.announced };
}

type EndingListener = (
  changes: readonly PendingChange[],
  background: (work: Promise<unknown>) => void,
) => void;

/**
 * Revocation that every isolate knows within a stated bound. Truth is Postgres, changed first; this room tells the
 * edges. Invariant: for every change c and every decision d that c concerns, d.valid ⇒ d.time ≤ c.effectiveEverywhereBy.
 */
export function createRevocation(options: {
  store: RevocationStore;
  boundSeconds: number;
  endingsMax?: number;
  now: () => number;
}) {
  const { store, boundSeconds, now } = options;
  const feed = createFeed({ store, now: mark });
  const boundMilliseconds = boundSeconds * 1000;
  let refreshBeganAt = Number.NEGATIVE_INFINITY;
  let lastMark = Number.NEGATIVE_INFINITY;

  /**
   * The time, and never the same twice: what was asked for one request of a millisecond proves nothing for the next
   * request of that millisecond, before which a change may have been answered.
   */
  function mark(): number {
    lastMark = Math.max(now(), lastMark + 2 ** -10);
    return lastMark;
  }

  async function announce(changes: readonly PendingChange[]): Promise<void> {
    if (changes.length === 0) return;
    await store.announce(changes, now());
    await store.markAnnounced(
      changes.map((change) => change.number),
      new Date(now()),
    );
  }

  /**
   * The time at or after which evidence must have begun, for a decision made now. With bound 0 that is the time
   * the request came in: what was revoked before it is refused.
   */
  const evidenceNeededSince = (arrivedAt: number): number =>
    boundMilliseconds === 0 ? arrivedAt : now() - boundMilliseconds;

  /** Past half the bound the feed is read behind an answer, by one request of this isolate. */
  function isRefreshDue(): boolean {
    if (boundMilliseconds === 0) return false;
    const half = boundMilliseconds / 2;
    return now() - feed.readBeganAt() > half && now() - refreshBeganAt > Math.min(half, 1000);
  }

  async function refreshBehind(): Promise<void> {
    refreshBeganAt = now();
    const trip = store.openTrip();
    const refreshed = feed.refresh(trip);
    await trip.send();
    await refreshed;
  }

  const denylist = createDenylist({
    store,
    feed,
    refreshBehind,
    isRefreshDue,
    mark,
    evidenceNeededSince,
    boundMilliseconds,
    endingsMax: options.endingsMax ?? endingsHeld,
    lifeMilliseconds: recordLifeSeconds * 1000,
    now,
  });

  /** When a change that Redis was not told of has no copy left that could contradict it, or no token left to end. */
  function feltWithoutRedisAt(changes: readonly PendingChange[], changedAt: number): number {
    const lastCopyDiesAt = changedAt + copiesLiveMilliseconds + boundMilliseconds;
    const ends = changes.map((change) =>
      isEnding(change) ? Math.min(change.expiresAt.getTime(), lastCopyDiesAt) : lastCopyDiesAt,
    );
    return Math.max(changedAt, ...ends);
  }

  const listeners: EndingListener[] = [];

  return {
    boundMilliseconds,
    feed,
    denylist,
    openTrip: store.openTrip,
    mark,
    evidenceNeededSince,
    isRefreshDue,
    refreshBehind,

    /** Tells the edges of changes that are already true in Postgres, and when all of them will know. */
    async announceNow(
      changes: readonly PendingChange[],
      background: (work: Promise<unknown>) => void,
    ): Promise<Reach> {
      const changedAt = now();
      if (changes.length === 0) return { effectiveEverywhereBy: new Date(changedAt), announced: true };
      for (const change of changes) {
        if (isEnding(change)) denylist.note(change);
        else feed.tellHere(change.kind, change.subjectId);
      }
      try {
        await store.announce(changes, changedAt);
      } catch {
        // The outbox still holds the changes; the cron trigger announces them.
        return { effectiveEverywhereBy: new Date(feltWithoutRedisAt(changes, changedAt)), announced: false };
      } finally {
        for (const listener of listeners) listener(changes, background);
      }
      const numbers = changes.map((change) => change.number);
      background(store.markAnnounced(numbers, new Date(now())).catch(() => undefined));
      return { effectiveEverywhereBy: new Date(now() + boundMilliseconds), announced: true };
    },

    /** For whoever else must be told, after the edges were or could not be. It never throws, and nobody waits for it. */
    onAnnounced(listener: EndingListener): void {
      listeners.push(listener);
    },

    /** For the cron trigger: what was never announced, what Redis may have lost in a failover, and what is old. */
    async repair(): Promise<{ announced: number }> {
      const pending = await store.findPending(new Date(now() - repairAfterMilliseconds), repairBatch);
      await announce(pending);
      const recent = await store.findAnnouncedSince(
        new Date(now() - announcedTwiceForMilliseconds),
        repairBatch,
      );
      const again = recent.filter((change) => !pending.some((one) => one.number === change.number));
      if (again.length > 0) await store.announce(again, now());
      await store.deleteAnnouncedBefore(new Date(now() - outboxKeptMilliseconds), new Date(now()));
      return { announced: pending.length };
    },
  };
}

export type Revocation = ReturnType<typeof createRevocation>;
