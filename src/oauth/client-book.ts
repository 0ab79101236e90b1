import { AuthError } from "../errors/auth-error.ts";
import type { Revocation } from "../revocation/revocation.ts";
import type { Client } from "./client.ts";
import type { ClientStore } from "./clients.store.ts";

const heldMax = 5000;
/** An id that nobody has: remembered briefly, and apart, so that guesses cost little and push no client out. */
const absenceMilliseconds = 30_000;
const absentMax = 1000;
const readAgainMilliseconds = 1000;

type Held = {
  readonly client: Client;
  /** When the read at the source began. */
  readonly readBeganAt: number;
  /** The feed tells of every change since. */
  readonly covered: boolean;
};

export type ClientAsked = {
  /** By `revocation.mark`: with bound 0, evidence must be at least this young. */
  readonly arrivedAt: number;
  readonly background: (work: Promise<unknown>) => void;
};

/**
 * One isolate's clients by id: bounded, least recently asked leaves first. A change is felt within the revocation bound,
 * like that of a key. Warm, with a bound: no round trip; warm, bound 0: one of Redis; cold, or without Redis past the
 * bound: one of Postgres; without both nothing is decided.
 */
export function createClientBook(options: {
  store: Pick<ClientStore, "find">;
  revocation: Pick<Revocation, "feed" | "mark" | "evidenceNeededSince" | "isRefreshDue" | "refreshBehind">;
  /** No copy outlives this, whatever the feed says. */
  lifeMilliseconds: number;
  now: () => number;
}) {
  const { store, revocation, lifeMilliseconds, now } = options;
  const { feed } = revocation;
  const held = new Map<string, Held>();
  const absent = new Map<string, number>();
  const triedAt = new WeakMap<Held, number>();
  const clear = () => {
    held.clear();
    absent.clear();
  };
  feed.onChange("registration", forget, clear);

  function forget(id: string): void {
    held.delete(id);
    absent.delete(id);
  }

  function isFresh({ readBeganAt, covered }: Held, arrivedAt: number): boolean {
    const knownSince = covered ? Math.max(readBeganAt, feed.readBeganAt()) : readBeganAt;
    return knownSince >= revocation.evidenceNeededSince(arrivedAt);
  }

  function findHeld(id: string): Held | null {
    const found = held.get(id);
    if (!found) return null;
    held.delete(id);
    if (now() - found.readBeganAt > lifeMilliseconds) return null;
    held.set(id, found);
    return found;
  }

  function isAbsent(id: string): boolean {
    const readBeganAt = absent.get(id);
    return readBeganAt !== undefined && now() - readBeganAt <= absenceMilliseconds;
  }

  async function read(id: string): Promise<Held | null> {
    const coverage = feed.coverageOf("registration");
    const readBeganAt = revocation.mark();
    const client = await store.find(id);
    if (!client) {
      held.delete(id);
      keepBounded(absent, id, readBeganAt, absentMax);
      return null;
    }
    const known = held.get(id);
    // A read that began earlier but answered later must not replace what is newer.
    if (known && known.readBeganAt > readBeganAt) return known;
    const found = { client, readBeganAt, covered: coverage.keeps(id) };
    absent.delete(id);
    keepBounded(held, id, found, heldMax);
    return found;
  }

  /** Near the end of its life, or without the feed watching over it: read anew behind an answer, once a second. */
  function isReadDue(found: Held): boolean {
    const isWatched = found.covered || feed.readBeganAt() === Number.NEGATIVE_INFINITY;
    if (isWatched && now() - found.readBeganAt <= lifeMilliseconds * 0.8) return false;
    if (now() - (triedAt.get(found) ?? Number.NEGATIVE_INFINITY) < readAgainMilliseconds) return false;
    triedAt.set(found, now());
    return true;
  }

  async function findFresh(id: string, { arrivedAt, background }: ClientAsked): Promise<Held | null> {
    const found = findHeld(id);
    if (found && isFresh(found, arrivedAt)) {
      if (isReadDue(found)) background(read(id).catch(() => undefined));
      return found;
    }
    if (found?.covered) {
      await revocation.refreshBehind();
      const still = held.get(id);
      if (still && isFresh(still, arrivedAt)) return still;
    }
    if (isAbsent(id)) return null;
    // The feed gets its starting point beside the first read, which must not grow old waiting for it.
    if (feed.readBeganAt() === Number.NEGATIVE_INFINITY) background(revocation.refreshBehind());
    const read_ = await read(id);
    if (read_ && !isFresh(read_, arrivedAt))
      throw new AuthError("unavailable", "a client was read too slowly");
    return read_;
  }

  return {
    /** Null: nobody has this id. Throws `unavailable` when that cannot be told. */
    async find(id: string, asked: ClientAsked): Promise<Client | null> {
      const found = await findFresh(id, asked);
      if (revocation.isRefreshDue()) asked.background(revocation.refreshBehind());
      return found?.client ?? null;
    },
    isKnown: (id: string): boolean => held.has(id) || isAbsent(id),
    forget,
  };
}

export type ClientBook = ReturnType<typeof createClientBook>;

function keepBounded<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value ?? "");
}
