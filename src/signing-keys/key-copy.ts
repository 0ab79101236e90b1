import type { Background } from "../audit/audit.ts";
import type { Feed } from "../revocation/feed.ts";
import { rotation } from "./schedule.ts";
import type { SigningKeyRow, SigningKeyStore } from "./store.ts";

export type KeyCopy = {
  readonly keys: readonly SigningKeyRow[];
  readonly readBeganAt: number;
};

const renewMilliseconds = 60_000;
/** Whatever strangers send, one isolate looks for keys it does not know at most this often. */
const lookMilliseconds = 1000;

/**
 * One isolate's copy of the keys. It serves on when Postgres is away: what is signed can still be verified. A key that
 * the feed says was killed leaves it at once, and no read that was under way brings it back.
 */
export function createKeyCopy(options: {
  store: Pick<SigningKeyStore, "list">;
  feed: Pick<Feed, "onChange">;
  now: () => number;
}) {
  const { store, feed, now } = options;
  const killed = new Set<string>();
  let copy: KeyCopy | null = null;
  /** The feed lost its thread: a kill may have been missed. */
  let isSuspect = false;
  let lookedAt = Number.NEGATIVE_INFINITY;

  const withoutKilled = (keys: readonly SigningKeyRow[]): SigningKeyRow[] =>
    keys.filter(({ kid, killedAt }) => killedAt === null && !killed.has(kid));

  function drop(kid: string): void {
    killed.add(kid);
    if (copy) copy = { ...copy, keys: withoutKilled(copy.keys) };
  }

  feed.onChange("signing-key", drop, () => {
    isSuspect = true;
  });

  async function listTrusted(): Promise<SigningKeyRow[]> {
    const wasSuspect = isSuspect;
    isSuspect = false;
    try {
      return await store.list();
    } catch (thrown) {
      isSuspect ||= wasSuspect;
      throw thrown;
    }
  }

  async function read(): Promise<KeyCopy> {
    const readBeganAt = now();
    lookedAt = readBeganAt;
    const keys = withoutKilled(await listTrusted());
    if (!copy || readBeganAt >= copy.readBeganAt) copy = { keys, readBeganAt };
    return copy;
  }

  const ageSeconds = (one: KeyCopy): number => (now() - one.readBeganAt) / 1000;

  /** Looks once more, at most once a second; the copy there is when it may not or cannot. */
  async function lookAgain(known: KeyCopy): Promise<KeyCopy> {
    if (now() - lookedAt < lookMilliseconds) return copy ?? known;
    return await read().catch(() => copy ?? known);
  }

  return {
    drop,
    read,
    lookAgain,
    ageSeconds,
    inHand: (): KeyCopy | null => copy,

    /** The copy, read anew first when it is older than that. */
    async within(seconds: number): Promise<KeyCopy> {
      if (!copy) return await read();
      return ageSeconds(copy) > seconds ? await lookAgain(copy) : copy;
    },

    /** Behind an answer: reads the keys anew when the copy has aged. */
    refreshBehind(background: Background): void {
      if (!copy || (!isSuspect && now() - copy.readBeganAt < renewMilliseconds)) return;
      if (now() - lookedAt < lookMilliseconds) return;
      background(read().catch(() => undefined));
    },
  };
}

export type KeyCopies = ReturnType<typeof createKeyCopy>;

/** An isolate that heard nothing for this long may no longer sign: others count on its having stopped. */
export const isTooOldToSign = (ageSeconds: number): boolean => ageSeconds > rotation.lastGoodSeconds;
