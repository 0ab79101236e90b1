import { sha256Hex } from "../crypto/digest.ts";
import type { Demand, OwnLimit, Standing, Taken } from "../rate-limits/limits.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Revocation } from "../revocation/revocation.ts";
import { isAddressAllowed } from "./addresses.ts";
import { isKeyShaped, type KeyFormat } from "./key-format.ts";
import type { createLastUse } from "./last-use.ts";
import { type KeyRecord, type RecordRefusal, refusalOf } from "./record.ts";
import type { Cached, RecordCache } from "./record-cache.ts";
import type { ApiKeyStore } from "./store.ts";

export type KeyRefusal =
  | RecordRefusal
  | "malformed"
  | "forged"
  | "unknown"
  | "insufficient_scope"
  | "address_not_allowed"
  | "over_limit"
  | "limit_unavailable"
  | "guessing"
  | "sources_unavailable";

export type KeyVerdict =
  | {
      readonly ok: true;
      readonly record: KeyRecord;
      readonly standings: readonly Standing[];
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: KeyRefusal;
      /** Known only when the secret was right: whose key it is may then be told in audit. */
      readonly record: KeyRecord | null;
      readonly retryAfterSeconds?: number | undefined;
      readonly limits?: readonly string[];
      readonly standings?: readonly Standing[];
      readonly degraded?: readonly string[];
    };

/** Whom guesses are counted against: a network, or a trusted caller that cannot say where the keys it passes on came from. */
export type Guesser = { readonly kind: "address" | "caller"; readonly id: string };

export type KeyQuestion = {
  readonly text: string;
  /** When the request came in, by `revocation.mark`: with bound 0, evidence must be at least this young. */
  readonly arrivedAt: number;
  readonly guesser: Guesser;
  /** Where the key is used; null when the caller cannot know, and then a key bound to addresses is refused. */
  readonly usedFrom: { readonly address: string; readonly country: string | null } | null;
  readonly scopes: readonly string[];
  /** The limits this use takes from, the key's own among them. */
  demandsOf(record: KeyRecord): readonly Demand[];
  readonly background: (work: Promise<unknown>) => void;
};

type Sources = {
  readonly format: KeyFormat;
  readonly store: Pick<ApiKeyStore, "findByHash">;
  readonly cache: RecordCache;
  readonly revocation: Revocation;
  readonly rateLimits: RateLimits;
  readonly lastUse: ReturnType<typeof createLastUse>;
  readonly importedKeyPrefixes: readonly string[];
  readonly now: () => number;
};

/** Limits are taken once for a request, however often its record has to be read. */
type Progress = { readonly taken: Taken | null; readonly readsLeft: number };

const importedKeyLength = { min: 20, max: 256 };
/** A record may change under our eyes; one that changes this often in one request is not decided. */
const readsMax = 2;

/** What a caller passes on that needs no call to be refused is not held against it: it is told exactly what is wrong. */
const brakes = {
  address: { offline: "refusedOffline", unknown: "refusedUnknown" },
  caller: { offline: null, unknown: "refusedUnknownOfCaller" },
} as const satisfies Record<Guesser["kind"], { offline: OwnLimit | null; unknown: OwnLimit }>;

const subjectOf = ({ kind, id }: Guesser): string => `${kind}:${id}`;

/**
 * The check of a key, cheapest first: shape, CRC and tag without a call; the record from this isolate; proof that it
 * is still true (the feed, or the source); then expiry, scope, address; then every limit at once. Warm, with a bound:
 * no round trip. Warm, bound 0 or with limits: one. Cold: one for the record, one more when there are limits.
 */
export function createVerification(sources: Sources) {
  const { format, store, cache, revocation, rateLimits, lastUse, importedKeyPrefixes, now } = sources;
  const { feed } = revocation;
  feed.onChange("key", cache.dropKey, cache.clear);
  feed.onChange("person", (id) => cache.dropOwner({ type: "user", id }), cache.clear);

  const isImported = (text: string): boolean =>
    importedKeyPrefixes.some((prefix) => text.startsWith(prefix)) &&
    text.length >= importedKeyLength.min &&
    text.length <= importedKeyLength.max;

  /** What a text that no record is known for can be refused for without asking. */
  async function offlineRefusal(text: string): Promise<"malformed" | "forged" | null> {
    if (isImported(text)) return null;
    const verdict = await format.check(text);
    return verdict.ok ? null : verdict.reason;
  }

  /** One read at the source. Null when the source cannot be asked. */
  async function read(hash: string): Promise<Cached | null> {
    const [keys, people] = [feed.coverageOf("key"), feed.coverageOf("person")];
    const isWatched = ({ id, owner }: KeyRecord): boolean =>
      keys.keeps(id) && (owner.type !== "user" || people.keeps(owner.id));
    const readBeganAt = revocation.mark();
    try {
      return cache.put(hash, await store.findByHash(hash), readBeganAt, isWatched);
    } catch {
      return null;
    }
  }

  /** The first read of an isolate: the feed has no starting point yet, so it gets one beside the read. */
  async function readCold(hash: string, question: KeyQuestion): Promise<Cached | null> {
    if (feed.readBeganAt() > Number.NEGATIVE_INFINITY) return read(hash);
    const [cached] = await Promise.all([read(hash), revocation.refreshBehind()]);
    if (!cached?.record) return cached;
    // A starting point that came after the record has emptied the cache: what was read is as young as it was.
    if (!cache.find(hash)) cache.put(hash, cached.record, cached.readBeganAt, () => false);
    // Only a read that began after the starting point is watched by the feed.
    question.background(read(hash));
    return cached;
  }

  function isFresh(cached: Cached, arrivedAt: number): boolean {
    const knownSince = cached.covered ? Math.max(cached.readBeganAt, feed.readBeganAt()) : cached.readBeganAt;
    return knownSince >= revocation.evidenceNeededSince(arrivedAt);
  }

  function standingRefusal(record: KeyRecord, question: KeyQuestion): KeyRefusal | null {
    const refusal = refusalOf(record, now());
    if (refusal) return refusal;
    if (!isAddressAllowed(question.usedFrom?.address ?? "", record.allowedAddresses))
      return "address_not_allowed";
    return question.scopes.every((scope) => record.scopes.includes(scope)) ? null : "insufficient_scope";
  }

  /** One trip: what the feed has learnt, and the limits when the key looks good so far. */
  async function ask(demands: readonly Demand[], needsFeed: boolean): Promise<Taken> {
    const trip = revocation.openTrip();
    const refreshed = needsFeed ? feed.refresh(trip) : null;
    const taken = rateLimits.take(trip, demands);
    await trip.send();
    await refreshed;
    return taken;
  }

  /** Asks Redis what still must be asked: younger evidence, the limits, both or nothing. */
  function consult(cached: Cached, demands: readonly Demand[], question: KeyQuestion): Promise<Taken> | null {
    const needsFeed = !isFresh(cached, question.arrivedAt);
    if (!needsFeed && demands.length === 0) return null;
    return ask(demands, needsFeed || revocation.isRefreshDue());
  }

  async function decide(
    hash: string,
    cached: Cached,
    question: KeyQuestion,
    before: Progress = { taken: null, readsLeft: readsMax },
  ): Promise<KeyVerdict> {
    const { record } = cached;
    if (!record) return unknown(question);
    const refusal = standingRefusal(record, question);
    // These two are for ever: no younger evidence could change them.
    if (refusal === "revoked" || refusal === "deleted") return { ok: false, reason: refusal, record };
    const demands = refusal || before.taken ? [] : question.demandsOf(record);
    const consulting = consult(cached, demands, question);
    const answer = consulting && (await consulting);
    const taken = demands.length > 0 ? answer : before.taken;
    if (isStillTrue(hash, record, question)) {
      return conclude(record, standingRefusal(record, question), taken);
    }
    const again = before.readsLeft > 0 ? await read(hash) : null;
    if (!again) return { ok: false, reason: "sources_unavailable", record: null, retryAfterSeconds: 1 };
    return await decide(hash, again, question, { taken, readsLeft: before.readsLeft - 1 });
  }

  /** The record as judged is the one in hand, and the evidence for it is young enough now. */
  function isStillTrue(hash: string, record: KeyRecord, question: KeyQuestion): boolean {
    const kept = cache.find(hash);
    const isSame =
      kept?.record?.version === record.version && kept.record.ownerDisabled === record.ownerDisabled;
    if (!isSame || !isFresh(kept, question.arrivedAt)) return false;
    if (cache.takeRefresh(kept)) question.background(read(hash));
    return true;
  }

  function unknown({ guesser, background }: KeyQuestion): KeyVerdict {
    const name = brakes[guesser.kind].unknown;
    rateLimits.note(name, subjectOf(guesser));
    background(rateLimits.noteEverywhere(name, subjectOf(guesser)));
    return { ok: false, reason: "unknown", record: null };
  }

  function brake(name: OwnLimit, guesser: Guesser): KeyVerdict | null {
    const { retryAfterSeconds, standing } = rateLimits.brakeOf(name, subjectOf(guesser));
    if (retryAfterSeconds === 0) return null;
    // One name for all brakes: which of them it was would tell how far the guess got.
    const standings = [{ ...standing, name: "guessing" }];
    return {
      ok: false,
      reason: "guessing",
      record: null,
      retryAfterSeconds,
      limits: ["guessing"],
      standings,
    };
  }

  function refuseOffline(reason: "malformed" | "forged", guesser: Guesser): KeyVerdict {
    const name = brakes[guesser.kind].offline;
    const braked = name && brake(name, guesser);
    if (name) rateLimits.note(name, subjectOf(guesser));
    return braked ?? { ok: false, reason, record: null };
  }

  /** Never throws. */
  async function check(question: KeyQuestion): Promise<KeyVerdict> {
    if (!isKeyShaped(question.text) && !isImported(question.text)) {
      return refuseOffline("malformed", question.guesser);
    }
    const hash = await sha256Hex(question.text);
    // A hash that is known passed the offline checks when it was read.
    const known = cache.find(hash);
    if (!known) {
      const reason = await offlineRefusal(question.text);
      if (reason) return refuseOffline(reason, question.guesser);
      const braked = brake(brakes[question.guesser.kind].unknown, question.guesser);
      if (braked) return braked;
    }
    const cached = known ?? (await readCold(hash, question));
    if (!cached) return { ok: false, reason: "sources_unavailable", record: null, retryAfterSeconds: 1 };
    const verdict = await decide(hash, cached, question);
    if (revocation.isRefreshDue()) question.background(revocation.refreshBehind());
    if (verdict.ok) lastUse.note(verdict.record.id, question.usedFrom, question.background);
    return verdict;
  }

  /** The part of a check that needs no call: a refusal, or null when a look-up must decide. */
  async function screen(text: string, guesser: Guesser): Promise<KeyVerdict | null> {
    const reason = await offlineRefusal(text);
    return reason && refuseOffline(reason, guesser);
  }

  /** A text that anybody would take for a key of ours, by its beginning. */
  const isClaimed = (text: string): boolean =>
    text.startsWith("gk_") || importedKeyPrefixes.some((prefix) => text.startsWith(prefix));

  return { check, screen, isClaimed, forget: cache.dropKey };
}

export type Verification = ReturnType<typeof createVerification>;

function conclude(record: KeyRecord, refusal: KeyRefusal | null, taken: Taken | null): KeyVerdict {
  if (refusal) return { ok: false, reason: refusal, record };
  if (!taken) return { ok: true, record, standings: [], degraded: [] };
  if (taken.ok) return { ok: true, record, standings: taken.standings, degraded: taken.degraded };
  return {
    ok: false,
    reason: taken.reason === "over" ? "over_limit" : "limit_unavailable",
    record,
    retryAfterSeconds: taken.retryAfterSeconds,
    limits: taken.names,
    standings: taken.standings,
    degraded: taken.degraded,
  };
}
