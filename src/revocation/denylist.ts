import type { Ending, TokenKind } from "./ending.ts";
import type { Feed } from "./feed.ts";
import type { Span } from "./feed-member.ts";
import type { RevocationStore } from "./store.ts";

/** What of a token may be on the list. */
export type TokenFacts = {
  readonly jti: string;
  readonly sessionId: string | null;
  readonly subject: string;
  readonly clientId: string;
  /** The `kid` that its signature names. */
  readonly keyId: string;
  readonly issuedAtSeconds: number;
};

/** `isKnown: false`: neither the copy nor the source can tell now, so nothing may be accepted. */
export type DenylistAnswer =
  | { readonly isKnown: true; readonly deniedBy: TokenKind | null }
  | { readonly isKnown: false };

type Kind = {
  readonly kind: TokenKind;
  readonly of: (facts: TokenFacts) => string | null;
  /** "Everything issued before": a token made afterwards is none of its business. */
  readonly endsEarlierOnly: boolean;
};
const kinds: readonly Kind[] = [
  { kind: "jti", of: ({ jti }) => jti, endsEarlierOnly: false },
  { kind: "session", of: ({ sessionId }) => sessionId, endsEarlierOnly: false },
  { kind: "subject", of: ({ subject }) => subject, endsEarlierOnly: true },
  { kind: "client", of: ({ clientId }) => clientId, endsEarlierOnly: true },
  { kind: "signing-key", of: ({ keyId }) => keyId, endsEarlierOnly: false },
];

const sweepMilliseconds = 60_000;
const overfullRestMilliseconds = 60_000;
/** A read of Postgres that took longer has failed, or the request that began it is gone. */
const loadMilliseconds = 4000;
const loadAgainMilliseconds = 1000;
const asksMax = 2;

type Sources = {
  readonly store: Pick<RevocationStore, "findLive" | "findEnding">;
  readonly feed: Pick<Feed, "onChange" | "coverageOf" | "readBeganAt">;
  readonly refreshBehind: () => Promise<void>;
  readonly isRefreshDue: () => boolean;
  readonly mark: () => number;
  readonly evidenceNeededSince: (arrivedAt: number) => number;
  readonly boundMilliseconds: number;
  /** More than this is not held: the copy is given up and Postgres asked about each token. */
  readonly endingsMax: number;
  /** No copy outlives this, whatever the feed says. */
  readonly lifeMilliseconds: number;
  readonly now: () => number;
};

/**
 * One isolate's copy of what ends tokens before their time: the whole of it read from Postgres, then kept true by the
 * feed. It only grows until its entries expire, so an answer that arrives late can add and never take away.
 */
export function createDenylist(sources: Sources) {
  const { store, feed, mark, evidenceNeededSince, endingsMax, lifeMilliseconds, now } = sources;
  const endings = new Map<TokenKind, Map<string, Span>>(kinds.map(({ kind }) => [kind, new Map()]));
  let size = 0;
  /** The last whole read: when it began, and whether the feed has told of everything since. */
  let copy: { readBeganAt: number; watched: boolean } | null = null;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let givenUpAt = Number.NEGATIVE_INFINITY;
  let timesGivenUp = 0;
  let loadBeganAt = Number.NEGATIVE_INFINITY;
  let isLoading = false;

  const unwatch = () => {
    if (copy) copy = { ...copy, watched: false };
  };
  for (const { kind } of kinds) {
    feed.onChange(
      kind,
      // An entry that cannot be read is one that is missing.
      (subjectId, span) => (span ? add(kind, subjectId, span) : unwatch()),
      unwatch,
    );
  }

  function add(kind: TokenKind, subjectId: string, { issuedBefore, expiresAt }: Span): void {
    if (expiresAt <= now()) return;
    sweepNowAndThen();
    const ofKind = endings.get(kind);
    const known = ofKind?.get(subjectId);
    ofKind?.set(subjectId, {
      issuedBefore: Math.max(issuedBefore, known?.issuedBefore ?? 0),
      expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0),
    });
    if (!known) size += 1;
    if (size > endingsMax) giveUp();
  }

  function giveUp(): void {
    for (const ofKind of endings.values()) ofKind.clear();
    size = 0;
    copy = null;
    givenUpAt = now();
    timesGivenUp += 1;
  }

  function sweepNowAndThen(): void {
    if (now() - sweptAt < sweepMilliseconds) return;
    sweptAt = now();
    for (const ofKind of endings.values()) {
      for (const [subjectId, { expiresAt }] of ofKind) {
        if (expiresAt > sweptAt) continue;
        ofKind.delete(subjectId);
        size -= 1;
      }
    }
  }

  function find(facts: TokenFacts): TokenKind | null {
    for (const { kind, of, endsEarlierOnly } of kinds) {
      const subjectId = of(facts);
      const ending = subjectId === null ? undefined : endings.get(kind)?.get(subjectId);
      if (!ending || ending.expiresAt <= now()) continue;
      if (!endsEarlierOnly || facts.issuedAtSeconds * 1000 < ending.issuedBefore) return kind;
    }
    return null;
  }

  function isFresh(arrivedAt: number): boolean {
    if (!copy || now() - copy.readBeganAt > lifeMilliseconds) return false;
    const knownSince = copy.watched ? Math.max(copy.readBeganAt, feed.readBeganAt()) : copy.readBeganAt;
    return knownSince >= evidenceNeededSince(arrivedAt);
  }

  async function load(): Promise<boolean> {
    if (now() - givenUpAt < overfullRestMilliseconds) return false;
    const coverage = feed.coverageOf("jti");
    const readBeganAt = mark();
    loadBeganAt = readBeganAt;
    isLoading = true;
    const before = timesGivenUp;
    try {
      const live = await store.findLive(new Date(readBeganAt), endingsMax + 1);
      if (live.length > endingsMax) giveUp();
      else for (const { kind, subjectId, ...span } of live) add(kind, subjectId, span);
      // With what the feed has told meanwhile it may be too much as well.
      if (timesGivenUp > before) return false;
      if (!copy || copy.readBeganAt <= readBeganAt) copy = { readBeganAt, watched: coverage.continues() };
      return true;
    } catch {
      return false;
    } finally {
      isLoading = false;
    }
  }

  /** About this token alone, at the source: cheaper than everything, and as young as the question. */
  async function ask(facts: TokenFacts, arrivedAt: number, asksLeft = asksMax): Promise<DenylistAnswer> {
    const beganAt = mark();
    const issuedAt = new Date(facts.issuedAtSeconds * 1000);
    const questions = kinds.flatMap(({ kind, of, endsEarlierOnly }) => {
      const subjectId = of(facts);
      return subjectId === null ? [] : [{ kind, subjectId, issuedAt: endsEarlierOnly ? issuedAt : null }];
    });
    try {
      const deniedBy = (await store.findEnding(new Date(beganAt), questions)) ?? find(facts);
      if (deniedBy || beganAt >= evidenceNeededSince(arrivedAt)) return { isKnown: true, deniedBy };
    } catch {
      return { isKnown: false };
    }
    // The answer was so long on its way that it proves too little.
    return asksLeft > 1 ? await ask(facts, arrivedAt, asksLeft - 1) : { isKnown: false };
  }

  const isFeedKnown = () => feed.readBeganAt() > Number.NEGATIVE_INFINITY;
  /** One read of everything at a time; it is given up when the request that began it may be gone. */
  const mayLoad = () => !isLoading || now() - loadBeganAt > loadMilliseconds;

  /** Postgres, when neither the copy nor the feed can answer. */
  async function consultSource(facts: TokenFacts, arrivedAt: number): Promise<DenylistAnswer> {
    // With bound 0 a whole copy would be evidence for this one request.
    if (sources.boundMilliseconds > 0 && mayLoad() && (await load()) && isFresh(arrivedAt)) {
      return { isKnown: true, deniedBy: find(facts) };
    }
    return await ask(facts, arrivedAt);
  }

  /** The copy is not there, not watched though it could be, or near the end of its life. */
  function isLoadDue(): boolean {
    if (!isFeedKnown() || !mayLoad() || now() - loadBeganAt < loadAgainMilliseconds) return false;
    return !copy?.watched || now() - copy.readBeganAt > lifeMilliseconds * 0.8;
  }

  return {
    /** Which kind denies, by the copy in hand, or null. No call. A denial needs no further evidence: it stays true. */
    find,

    /** The copy is whole, and its evidence began late enough for a decision now. No call. */
    isFresh,

    /** Reads everything from Postgres. False when that could not be done, or there is too much of it. */
    load,

    size: (): number => size,

    /** This isolate's own endings, before any feed tells of them. */
    note: ({ kind, subjectId, notedAt, expiresAt }: Ending): void =>
      add(kind, subjectId, { issuedBefore: notedAt.getTime(), expiresAt: expiresAt.getTime() }),

    /**
     * Warm, with a bound: no call. Warm, bound 0: one of Redis. Cold, or without Redis past the bound: one of Postgres.
     * `arrivedAt` is a `mark` of when the request came. A caller that has other business with Redis refreshes the
     * feed in the same trip before it asks. Never throws.
     */
    async check(
      facts: TokenFacts,
      asked: { readonly arrivedAt: number; readonly background: (work: Promise<unknown>) => void },
    ): Promise<DenylistAnswer> {
      const { arrivedAt, background } = asked;
      const denied = find(facts);
      if (denied) return { isKnown: true, deniedBy: denied };
      // The feed gets its starting point beside the first read, which must not grow old waiting for it.
      if (!isFeedKnown()) background(sources.refreshBehind());
      else if (copy?.watched && !isFresh(arrivedAt)) await sources.refreshBehind();
      const answer = isFresh(arrivedAt) ? null : await consultSource(facts, arrivedAt);
      if (sources.isRefreshDue()) background(sources.refreshBehind());
      if (isLoadDue()) background(load());
      return answer ?? { isKnown: true, deniedBy: find(facts) };
    },
  };
}

export type Denylist = ReturnType<typeof createDenylist>;
