import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Demand, Standing, Taken } from "../rate-limits/limits.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Revocation } from "../revocation/revocation.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import { type AccessToken, accessTokenTyp, readAccessToken } from "./access-token.ts";
import {
  type CompactJws,
  compactLengthMax,
  isSignedBy,
  parseCompactJws,
  parseExactJson,
} from "./compact-jws.ts";
import { type LevelDemand, type LevelPolicy, noLevelPolicy, stepUpFor } from "./level-policy.ts";
import { createTokenMemory } from "./token-memory.ts";

export type TokenRefusal =
  | OfflineRefusal
  | "wrong_audience"
  | "expired"
  | "not_yet_valid"
  | "revoked"
  | "insufficient_scope"
  | "insufficient_user_authentication"
  | "over_limit"
  | "limit_unavailable"
  | "guessing"
  | "sources_unavailable";

/** What no honest client sends: these are counted against the network they come from. */
type OfflineRefusal =
  | "malformed"
  | "wrong_type"
  | "wrong_algorithm"
  | "unknown_key"
  | "bad_signature"
  | "wrong_issuer";

export type TokenVerdict =
  | {
      readonly ok: true;
      readonly token: AccessToken;
      readonly standings: readonly Standing[];
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: TokenRefusal;
      /** Known only when the signature was right. */
      readonly token: AccessToken | null;
      /** What a new authentication must reach. */
      readonly stepUp?: LevelDemand | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly limits?: readonly string[];
      readonly standings?: readonly Standing[];
      readonly degraded?: readonly string[];
    };

export type TokenQuestion = {
  readonly text: string;
  /** When the request came in, by `revocation.mark`: with bound 0, evidence must be at least this young. */
  readonly arrivedAt: number;
  /** The network that forgeries are counted against. */
  readonly askedFrom: string;
  /** Any of these must be meant (RFC 9068 §4). */
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  /** The strictest of these and of the policy counts. */
  readonly levelDemands: readonly LevelDemand[];
  /** True: only these count, and the policy does not. */
  readonly isOwnAccount: boolean;
  demandsOf(token: AccessToken): readonly Demand[];
  readonly background: (work: Promise<unknown>) => void;
};

export type TokenSources = {
  readonly signingKeys: Pick<SigningKeys, "verificationKey">;
  readonly revocation: Pick<Revocation, "denylist" | "feed" | "openTrip" | "isRefreshDue" | "refreshBehind">;
  readonly rateLimits: Pick<RateLimits, "take" | "note" | "brakeOf">;
  readonly levelPolicy: LevelPolicy;
  readonly issuer: string;
  readonly now: () => number;
};

/**
 * How far the clock that signed may be ahead of ours; a token of after a revocation says an `iat` up to a second ahead.
 * Nothing is added to `exp`: who set it are we.
 */
const aheadSecondsMax = 60;

/**
 * The check of an access token (RFC 9068 §4), cheapest first: remembered, or shape, type, key, algorithm and signature;
 * then times, audience, scopes, level and age; then the denylist, each time; then every limit at once. Warm, with a bound: no round
 * trip. Warm, bound 0 or with limits: one.
 */
export function createTokenCheck(sources: TokenSources) {
  const { signingKeys, revocation, rateLimits, issuer, now } = sources;
  const { denylist, feed } = revocation;
  const memory = createTokenMemory(now);

  /** The signature first, then what it vouches for. Throws when the keys cannot be had. */
  async function verify(jws: CompactJws): Promise<AccessToken | OfflineRefusal> {
    const { alg, kid, typ } = jws.header;
    if (typ !== accessTokenTyp) return "wrong_type";
    const key = kid === null ? null : await signingKeys.verificationKey("access-token", kid);
    if (!key || kid === null) return "unknown_key";
    if (alg !== key.algorithm) return "wrong_algorithm";
    if (!(await isSignedBy(jws, key))) return "bad_signature";
    const claims = parseExactJson(jws.payload);
    const token = claims && readAccessToken(claims, kid);
    if (!token) return "malformed";
    return token.issuer === issuer ? token : "wrong_issuer";
  }

  async function recognise(text: string): Promise<AccessToken | OfflineRefusal> {
    if (text.length > compactLengthMax) return "malformed";
    const hash = await sha256Hex(text);
    const known = memory.find(hash);
    if (known) return known;
    const jws = parseCompactJws(text);
    if (!jws) return "malformed";
    const token = await verify(jws);
    if (typeof token !== "string") memory.put(hash, token);
    return token;
  }

  function refuseOffline(reason: OfflineRefusal, askedFrom: string): TokenVerdict {
    const subject = `address:${askedFrom}`;
    const { retryAfterSeconds, standing } = rateLimits.brakeOf("refusedOffline", subject);
    rateLimits.note("refusedOffline", subject);
    if (retryAfterSeconds === 0) return { ok: false, reason, token: null };
    const standings = [{ ...standing, name: "guessing" }];
    return { ok: false, reason: "guessing", token: null, retryAfterSeconds, limits: ["guessing"], standings };
  }

  function timeRefusal(token: AccessToken): "expired" | "not_yet_valid" | null {
    const nowSeconds = now() / 1000;
    if (token.expiresAtSeconds <= nowSeconds) return "expired";
    const latest = nowSeconds + aheadSecondsMax;
    return token.notBeforeSeconds > latest || token.issuedAtSeconds > latest ? "not_yet_valid" : null;
  }

  function standingRefusal(token: AccessToken, question: TokenQuestion): TokenRefusal | null {
    const refusal = timeRefusal(token);
    if (refusal) return refusal;
    if (!token.audiences.some((audience) => question.audiences.includes(audience))) return "wrong_audience";
    return question.scopes.every((scope) => token.scopes.includes(scope)) ? null : "insufficient_scope";
  }

  function stepUpOf(token: AccessToken, question: TokenQuestion): LevelDemand | null {
    const policy = question.isOwnAccount ? noLevelPolicy : sources.levelPolicy;
    return stepUpFor(token, question, policy, now() / 1000);
  }

  /** One trip: the limits, and what the feed has learnt when that is needed for the decision, or due. */
  async function takeLimits(demands: readonly Demand[], arrivedAt: number): Promise<Taken | null> {
    if (demands.length === 0) return null;
    const trip = revocation.openTrip();
    const needsFeed = !denylist.isFresh(arrivedAt) || revocation.isRefreshDue();
    const refreshed = needsFeed ? feed.refresh(trip) : null;
    const taking = rateLimits.take(trip, demands);
    await trip.send();
    await refreshed;
    return await taking;
  }

  async function decide(token: AccessToken, question: TokenQuestion): Promise<TokenVerdict> {
    const { background, arrivedAt } = question;
    const standing = standingRefusal(token, question);
    // These two stay so, and nothing that is asked would change them.
    if (standing === "expired" || standing === "not_yet_valid") {
      return { ok: false, reason: standing, token };
    }
    if (denylist.find(token)) return { ok: false, reason: "revoked", token };
    // Last, since no new authentication would bring an audience or a scope.
    const stepUp = standing ? null : stepUpOf(token, question);
    const refusal = stepUp ? "insufficient_user_authentication" : standing;
    const taken = refusal ? null : await takeLimits(question.demandsOf(token), arrivedAt);
    const answer = await denylist.check(token, { arrivedAt, background });
    if (revocation.isRefreshDue()) background(revocation.refreshBehind());
    if (!answer.isKnown) return { ok: false, reason: "sources_unavailable", token, retryAfterSeconds: 1 };
    if (answer.deniedBy) return { ok: false, reason: "revoked", token };
    if (refusal) return { ok: false, reason: refusal, token, stepUp: stepUp ?? undefined };
    return conclude(token, taken);
  }

  /**
   * An access token of ours, whatever it is for and whether or not it still lives; null for anything else. Counts
   * nothing against anybody: for callers who may ask. Throws when the keys cannot be had.
   */
  async function read(text: string): Promise<AccessToken | null> {
    const token = await recognise(text);
    return typeof token === "string" ? null : token;
  }

  return {
    read,

    /** The same of a token that lives, as the denylist knows it now. Throws `unavailable` when that cannot be told. */
    async inspect(
      text: string,
      asked: Pick<TokenQuestion, "arrivedAt" | "background">,
    ): Promise<AccessToken | null> {
      const token = await read(text);
      if (!token || timeRefusal(token)) return null;
      const answer = await denylist.check(token, asked);
      if (!answer.isKnown) throw new AuthError("unavailable");
      return answer.deniedBy ? null : token;
    },

    /** Never throws for what a caller sent. */
    async check(question: TokenQuestion): Promise<TokenVerdict> {
      let token: AccessToken | OfflineRefusal;
      try {
        token = await recognise(question.text);
      } catch {
        return { ok: false, reason: "sources_unavailable", token: null, retryAfterSeconds: 1 };
      }
      return typeof token === "string"
        ? refuseOffline(token, question.askedFrom)
        : await decide(token, question);
    },
  };
}

export type TokenCheck = ReturnType<typeof createTokenCheck>;

function conclude(token: AccessToken, taken: Taken | null): TokenVerdict {
  if (!taken) return { ok: true, token, standings: [], degraded: [] };
  const { standings, degraded } = taken;
  if (taken.ok) return { ok: true, token, standings, degraded };
  return {
    ok: false,
    reason: taken.reason === "over" ? "over_limit" : "limit_unavailable",
    token,
    retryAfterSeconds: taken.retryAfterSeconds,
    limits: taken.names,
    standings,
    degraded,
  };
}
