import { randomBase62 } from "../crypto/base62.ts";
import { isCountedTogether, type SecurityEvent, type StoredEvent, togetherKey } from "./events.ts";
import type { AuditStore, EventFilter } from "./store.ts";

export type Background = (work: Promise<unknown>) => void;

/** Equal refusals of one isolate are one row while they wait: a flood costs a write each span, not one each. */
export const refusalsWaitMilliseconds = 1000;
const waitingMax = 2000;
/** A statement takes 65,535 values at most, a row has 13. */
const writeBatch = 1000;
const retryBatch = 500;
/** In one run of the cron: what a longer outage left is done in the next. */
const retryBatchesMax = 40;

/**
 * Security events, written behind the answer. A write that fails waits in Redis for the cron trigger; when Redis
 * fails too, the event goes to the platform's log, which is why no event may ever hold a secret.
 * Accepted: an isolate that is killed loses the refusals it was still counting, a second's worth at most.
 */
export function createAudit(options: {
  store: AuditStore;
  now: () => number;
  lastResort: (event: StoredEvent) => void;
  /** Settles when counted refusals have waited long enough. */
  wait: () => Promise<void>;
}) {
  const { store, now, lastResort, wait } = options;
  const waiting = new Map<string, StoredEvent>();
  /** Events of this very turn: what one call changes is one write, be it one key or five hundred. */
  let fresh: StoredEvent[] = [];
  let timerBeganAt = Number.NEGATIVE_INFINITY;

  function stored(event: SecurityEvent): StoredEvent {
    return { ...event, id: `evt_${randomBase62(22)}`, at: new Date(now()), count: 1 };
  }

  async function write(events: readonly StoredEvent[]): Promise<void> {
    for (let from = 0; from < events.length; from += writeBatch) {
      const batch = events.slice(from, from + writeBatch);
      try {
        await store.insert(batch);
      } catch {
        await store.keepWaiting(batch).catch(() => batch.forEach(lastResort));
      }
    }
  }

  function takeWaiting(): StoredEvent[] {
    const events = [...fresh, ...waiting.values()];
    fresh = [];
    waiting.clear();
    return events;
  }

  function countTogether(event: SecurityEvent): void {
    const key = togetherKey(event);
    const known = waiting.get(key);
    waiting.set(key, known ? { ...known, count: known.count + 1 } : stored(event));
  }

  return {
    /** Never throws, never waits: what must be written is handed to `background`. */
    record(event: SecurityEvent, background: Background): void {
      if (!isCountedTogether(event)) {
        fresh.push(stored(event));
        if (fresh.length === 1) background(Promise.resolve().then(() => write(takeWaiting())));
        return;
      }
      // A request that is cut off takes its timer along: what waits for longer than a timer runs needs another.
      const needsTimer = waiting.size === 0 || now() - timerBeganAt > 2 * refusalsWaitMilliseconds;
      countTogether(event);
      if (waiting.size >= waitingMax) background(write(takeWaiting()));
      else if (needsTimer) {
        timerBeganAt = now();
        background(wait().then(() => write(takeWaiting())));
      }
    },

    /** Writes everything that waits in this isolate. */
    async flush(): Promise<void> {
      await write(takeWaiting());
    },

    /** For the cron trigger: what waited in Redis goes to Postgres; inserting twice keeps one. */
    async retry(): Promise<number> {
      let done = 0;
      for (let batch = 0; batch < retryBatchesMax; batch += 1) {
        const held = await store.findWaiting(retryBatch);
        const readable = held.flatMap(({ event }) => event ?? []);
        if (readable.length > 0) await store.insert(readable);
        if (held.length > 0) await store.forgetWaiting(held.map(({ text }) => text));
        done += held.length;
        if (held.length < retryBatch) break;
      }
      return done;
    },

    list: (filter: EventFilter): Promise<StoredEvent[]> => store.list(filter),
  };
}

export type Audit = ReturnType<typeof createAudit>;
