import type { KeyRecord, Owner } from "./record.ts";

const recordsMax = 10_000;
/** A hash that nobody has: remembered briefly, so that repeating it costs nothing. */
const absenceMilliseconds = 30_000;
/** Kept apart from records, so that guesses push none of them out. */
const absencesMax = 1000;
const refreshMilliseconds = 1000;

export type Cached = {
  readonly record: KeyRecord | null;
  /** When the read at the source began. */
  readonly readBeganAt: number;
  /** The feed tells of every change of this record since its read. */
  readonly covered: boolean;
};

/** One isolate's records by secret hash: bounded, least recently asked leaves first, each with the time its read began. */
export function createRecordCache(options: { lifeMilliseconds: number; now: () => number }) {
  const { lifeMilliseconds, now } = options;
  const byHash = new Map<string, Cached>();
  const absent = new Map<string, Cached>();
  const refreshedAt = new WeakMap<Cached, number>();
  const hashById = new Map<string, string>();

  function remove(hash: string): void {
    const id = byHash.get(hash)?.record?.id;
    byHash.delete(hash);
    if (id !== undefined) hashById.delete(id);
  }

  function findAbsence(hash: string): Cached | null {
    const cached = absent.get(hash);
    if (cached && now() - cached.readBeganAt <= Math.min(absenceMilliseconds, lifeMilliseconds))
      return cached;
    absent.delete(hash);
    return null;
  }

  return {
    find(hash: string): Cached | null {
      const cached = byHash.get(hash);
      if (!cached) return findAbsence(hash);
      if (now() - cached.readBeganAt > lifeMilliseconds) {
        remove(hash);
        return null;
      }
      // While there is room for as many again nothing leaves, and the order says nothing yet.
      if (byHash.size > recordsMax / 2) {
        byHash.delete(hash);
        byHash.set(hash, cached);
      }
      return cached;
    },

    /** `isWatched`: the feed has told nothing of such a record since the read began, and will tell what comes. */
    put(
      hash: string,
      record: KeyRecord | null,
      readBeganAt: number,
      isWatched: (record: KeyRecord) => boolean,
    ): Cached {
      const cached = { record, readBeganAt, covered: record !== null && isWatched(record) };
      const known = byHash.get(hash) ?? absent.get(hash);
      // A read that began earlier but answered later must not replace what is newer.
      if (known && known.readBeganAt > readBeganAt) return cached;
      remove(hash);
      absent.delete(hash);
      if (record === null) keepBounded(absent, hash, cached, absencesMax);
      else {
        byHash.set(hash, cached);
        hashById.set(record.id, hash);
        if (byHash.size > recordsMax) remove(byHash.keys().next().value ?? "");
      }
      return cached;
    },

    dropKey(id: string): void {
      const hash = hashById.get(id);
      if (hash !== undefined) remove(hash);
    },

    /** Rare, so the records are looked through. */
    dropOwner({ type, id }: Owner): void {
      for (const [hash, { record }] of byHash) {
        if (record?.owner.type === type && record.owner.id === id) remove(hash);
      }
    },

    clear(): void {
      byHash.clear();
      absent.clear();
      hashById.clear();
    },

    /** Whether a record should be read anew behind an answer; true once a second, so that a slow source is not flooded. */
    takeRefresh(cached: Cached): boolean {
      if (cached.record === null || now() - cached.readBeganAt <= lifeMilliseconds * 0.8) return false;
      if (now() - (refreshedAt.get(cached) ?? Number.NEGATIVE_INFINITY) < refreshMilliseconds) return false;
      refreshedAt.set(cached, now());
      return true;
    },

    size: (): number => byHash.size,
  };
}

export type RecordCache = ReturnType<typeof createRecordCache>;

function keepBounded<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value ?? "");
}
