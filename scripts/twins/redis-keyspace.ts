import { RedisError, WRONG_TYPE } from "./redis-reply.ts";
import { SortedSet } from "./redis-sorted-set.ts";

interface Values {
  string: string;
  hash: Map<string, string>;
  list: string[];
  set: Set<string>;
  zset: SortedSet;
}

export type ValueKind = keyof Values;

type Entry = {
  [Kind in ValueKind]: { kind: Kind; value: Values[Kind]; expiresAtMs: number | null };
}[ValueKind];

const EMPTY: { [Kind in ValueKind]: () => Values[Kind] } = {
  string: () => "",
  hash: () => new Map(),
  list: () => [],
  set: () => new Set(),
  zset: () => new SortedSet(),
};

export type Keyspace = ReturnType<typeof createKeyspace>;

/** The keys of one database. Time stands still within one `at` step, as it does within a script of Redis. */
export function createKeyspace() {
  const entries = new Map<string, Entry>();
  let now = Date.now();

  function entry(key: string): Entry | undefined {
    const found = entries.get(key);
    if (found?.expiresAtMs == null || found.expiresAtMs > now) return found;
    entries.delete(key);
    return undefined;
  }

  /** The value of a kind, undefined when there is none; another kind under that key is WRONGTYPE. */
  function peek<Kind extends ValueKind>(key: string, kind: Kind): Values[Kind] | undefined {
    const found = entry(key);
    if (found && found.kind !== kind) throw new RedisError(WRONG_TYPE);
    return found?.value as Values[Kind] | undefined;
  }

  function put<Kind extends ValueKind>(key: string, kind: Kind, value: Values[Kind]): void {
    entries.set(key, { kind, value, expiresAtMs: null } as Entry);
  }

  return {
    entry,
    peek,
    /** Replaces whatever is there, and its expiry. */
    put,
    now: () => now,
    tick(): void {
      now = Date.now();
    },
    /** The value, made when missing: call `dropIfEmpty` afterwards, for Redis keeps no empty collection. */
    ensure<Kind extends Exclude<ValueKind, "string">>(key: string, kind: Kind): Values[Kind] {
      const found = peek(key, kind);
      if (found !== undefined) return found;
      const made = EMPTY[kind]();
      put(key, kind, made);
      return made;
    },
    dropIfEmpty(key: string): void {
      const found = entry(key);
      if (!found || found.kind === "string") return;
      const size = Array.isArray(found.value) ? found.value.length : found.value.size;
      if (size === 0) entries.delete(key);
    },
    /** New text under an old expiry. */
    rewrite(key: string, value: string): void {
      const found = entry(key);
      if (found?.kind === "string") found.value = value;
      else put(key, "string", value);
    },
    rename(from: string, to: string): boolean {
      const found = entry(from);
      if (!found) return false;
      entries.delete(from);
      entries.set(to, found);
      return true;
    },
    remove(key: string): boolean {
      return entry(key) !== undefined && entries.delete(key);
    },
    keys(): string[] {
      return [...entries.keys()].filter((key) => entry(key) !== undefined);
    },
    clear(): void {
      entries.clear();
    },
  };
}
