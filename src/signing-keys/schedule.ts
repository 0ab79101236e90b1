import type { Algorithm, Purpose, SigningKeyRow } from "./store.ts";

/** The rotation clock. Every number that a key's life depends on stands here. */
export const rotation = {
  /** How long a key signs before its successor takes over. */
  periodSeconds: 30 * 86_400,
  /** `Cache-Control: max-age` of the key set: a verifier keeps it this long. */
  keySetSeconds: 300,
  /** While Postgres answers, no isolate publishes a copy older than this. */
  copySeconds: 300,
  /** Clocks that differ, and answers under way. */
  slackSeconds: 60,
  /** With Postgres away an isolate signs on with its last good copy for a day, and never longer. */
  lastGoodSeconds: 86_400,
  /** No token lives longer (`ACCESS_TOKEN_SECONDS` refuses more), nor is one accepted longer after its end. */
  tokenLifeSeconds: 900,
  skewSeconds: 60,
} as const;

/** A key published this long is in every verifier's copy: an isolate's copy ages, then the verifier's own. */
export const seenSeconds = rotation.copySeconds + rotation.keySetSeconds + rotation.slackSeconds;
/** A key that signs no more stays published this long: whoever had not heard of it may have signed on until then. */
export const leaveSeconds =
  rotation.lastGoodSeconds + rotation.tokenLifeSeconds + rotation.skewSeconds + rotation.keySetSeconds;

export type KeyState = "next" | "active" | "retiring" | "gone" | "killed";
export type Pair = { readonly purpose: Purpose; readonly algorithm: Algorithm };
/** What the clock needs to know of a key. */
export type KeyDates = Pair &
  Pick<SigningKeyRow, "kid" | "slot" | "publishedAt" | "signsFrom" | "signsUntil" | "killedAt">;

/** Made and kept in any case; other algorithms from when they are first asked for. */
export const standardPairs: readonly Pair[] = [
  { purpose: "identity", algorithm: "ES256" },
  { purpose: "access-token", algorithm: "RS256" },
];

/** Times are milliseconds. */
export function stateOf(key: KeyDates, now: number): KeyState {
  if (key.killedAt) return "killed";
  if (now < key.signsFrom.getTime()) return "next";
  if (key.signsUntil === null || now < key.signsUntil.getTime()) return "active";
  return now < (publishedUntil(key) ?? 0) ? "retiring" : "gone";
}

/** The last token a key signed is dead by then; null while its end is not fixed. */
export const publishedUntil = (key: KeyDates): number | null =>
  key.signsUntil && key.signsUntil.getTime() + leaveSeconds * 1000;

/** From when no verifier can be without the key. */
export const seenFrom = (key: Pick<KeyDates, "publishedAt">): number =>
  key.publishedAt.getTime() + seenSeconds * 1000;

export function isPublished(key: KeyDates, now: number): boolean {
  const state = stateOf(key, now);
  return state !== "gone" && state !== "killed";
}

export const isOfPair =
  (pair: Pair) =>
  (key: Pair): boolean =>
    key.purpose === pair.purpose && key.algorithm === pair.algorithm;

/** Who may sign, best first. A successor that every verifier has seen stands in for a key that is missing or sealed shut. */
export function signersOf<Key extends KeyDates>(keys: readonly Key[], pair: Pair, now: number): Key[] {
  const ofPair = keys.filter(isOfPair(pair)).toSorted(byBeginning);
  const active = ofPair.filter((key) => stateOf(key, now) === "active").toReversed();
  return [...active, ...ofPair.filter((key) => stateOf(key, now) === "next" && seenFrom(key) <= now)];
}

export type Step =
  | { readonly do: "make"; readonly pair: Pair; readonly slot: number; readonly signsFrom: number }
  | { readonly do: "promote"; readonly pair: Pair; readonly kid: string; readonly signsFrom: number }
  | { readonly do: "retire"; readonly kid: string };

/**
 * What must be done now, for every pair in use. `canOpen`: keys whose private half cannot be opened are passed over
 * as long as one of their pair can be: under a lost master key nothing is made, so that the error stays visible.
 */
export function stepsDue(
  keys: readonly KeyDates[],
  now: number,
  canOpen: (kid: string) => boolean,
  asked: Pair | null = null,
): Step[] {
  const pairs = pairsOf([...standardPairs, ...(asked ? [asked] : []), ...keys]);
  const steps = pairs.flatMap((pair) => stepOf(pair, standingOf(keys, pair, now, canOpen), now) ?? []);
  const gone = keys.filter((key) => stateOf(key, now) === "gone");
  const urgentFirst = steps.toSorted((a, b) => a.signsFrom - b.signsFrom);
  return [...urgentFirst, ...gone.map(({ kid }) => ({ do: "retire", kid }) as const)];
}

function stepOf(
  pair: Pair,
  { active, next, slot }: Standing,
  now: number,
): Exclude<Step, { do: "retire" }> | null {
  if (active && next) return null;
  if (next) return { do: "promote", pair, kid: next.kid, signsFrom: now };
  if (!active) return { do: "make", pair, slot, signsFrom: now };
  const isDueAt = active.signsFrom.getTime() + rotation.periodSeconds * 1000;
  return { do: "make", pair, slot, signsFrom: Math.max(isDueAt, afterSeen(now)) };
}

/** A key that took over so lately, with none after it, is what the other of two operators asked for. */
const togetherMilliseconds = 5000;

/**
 * The hand-over of a pair at the earliest moment that is safe: the inequality is
 * `signs_from ≥ published_at + seenSeconds`. Only where nothing can sign at all does a key begin unseen.
 */
export function handOver(
  keys: readonly KeyDates[],
  pair: Pair,
  now: number,
  canOpen: (kid: string) => boolean,
): Step | { readonly do: "refuse"; readonly reason: string } | { readonly do: "nothing" } {
  const { active, next, slot } = standingOf(keys, pair, now, canOpen);
  const isSigning = active !== null && canOpen(active.kid);
  if (!next || !canOpen(next.kid)) {
    const tookOver =
      active !== null && active.slot > 1 ? active.signsFrom.getTime() : Number.NEGATIVE_INFINITY;
    if (isSigning && now - tookOver < togetherMilliseconds) return { do: "nothing" };
    return { do: "make", pair, slot, signsFrom: isSigning ? afterSeen(now) : now };
  }
  const signsFrom = isSigning ? Math.max(now, seenFrom(next)) : now;
  if (signsFrom < next.signsFrom.getTime()) return { do: "promote", pair, kid: next.kid, signsFrom };
  const published = next.publishedAt.toISOString();
  return {
    do: "refuse",
    reason:
      `signs_from >= published_at + ${seenSeconds} s: ${next.kid} (${pair.purpose}, ${pair.algorithm}) was ` +
      `published at ${published} and signs from ${next.signsFrom.toISOString()}, which is as soon as is safe`,
  };
}

type Standing = {
  readonly active: KeyDates | null;
  readonly next: KeyDates | null;
  /** The number of the key after all that there ever were: who makes it twice makes it once. */
  readonly slot: number;
};

function standingOf(
  keys: readonly KeyDates[],
  pair: Pair,
  now: number,
  canOpen: (kid: string) => boolean,
): Standing {
  const ofPair = keys.filter(isOfPair(pair)).toSorted(byBeginning);
  const alive = ofPair.filter((key) => ["active", "next"].includes(stateOf(key, now)));
  const usable = alive.filter(({ kid }) => canOpen(kid));
  const counted = usable.length > 0 ? usable : alive;
  return {
    active: counted.findLast((key) => stateOf(key, now) === "active") ?? null,
    next: counted.find((key) => stateOf(key, now) === "next") ?? null,
    slot: Math.max(0, ...ofPair.map((key) => key.slot)) + 1,
  };
}

export function pairsOf(keys: readonly Pair[]): Pair[] {
  return keys
    .filter((key, at) => keys.findIndex(isOfPair(key)) === at)
    .map(({ purpose, algorithm }) => ({ purpose, algorithm }));
}

const afterSeen = (now: number): number => now + seenSeconds * 1000;

const byBeginning = (a: KeyDates, b: KeyDates): number =>
  a.signsFrom.getTime() - b.signsFrom.getTime() || a.slot - b.slot;
