import type { Coverage } from "../revocation/feed.ts";
import type { KeyRecord } from "./record.ts";

const recordsMax = 10_000;
/** A hash that nobody has: remembered briefly, so that repeating it costs nothing. */
const absenceMilliseconds = 30_000;

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
  const hashById = new Map<string, string>();

  function remove(hash: string): void {
    const id = byHash.get(hash)?.record?.id;
    byHash.delete(hash);
    if (id !== undefined) hashById.delete(id);
  }

  return {
    find(hash: string): Cached | null {
      const cached = byHash.get(hash);
      if (!cached) return null;
      const life = cached.record ? lifeMilliseconds : Math.min(absenceMilliseconds, lifeMilliseconds);
      if (now() - cached.readBeganAt > life) {
        remove(hash);
        return null;
      }
      byHash.delete(hash);
      byHash.set(hash, cached);
      return cached;
    },

    put(hash: string, record: KeyRecord | null, readBeganAt: number, coverage: Coverage): Cached {
      const cached = { record, readBeganAt, covered: record !== null && coverage.keeps(record.id) };
      const known = byHash.get(hash);
      // A read that began earlier but answered later must not replace what is newer.
      if (known && known.readBeganAt > readBeganAt) return cached;
      remove(hash);
      byHash.set(hash, cached);
      if (record) hashById.set(record.id, hash);
      if (byHash.size > recordsMax) remove(byHash.keys().next().value ?? "");
      return cached;
    },

    dropKey(id: string): void {
      const hash = hashById.get(id);
      if (hash !== undefined) remove(hash);
    },

    clear(): void {
      byHash.clear();
      hashById.clear();
    },

    isAging: (cached: Cached): boolean =>
      cached.record !== null && now() - cached.readBeganAt > lifeMilliseconds * 0.8,

    size: (): number => byHash.size,
  };
}

export type RecordCache = ReturnType<typeof createRecordCache>;
