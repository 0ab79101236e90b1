import type { JWTPayload } from "jose";
import { randomBase62 } from "../crypto/base62.ts";
import type { SignatureAlgorithm } from "./compact-jws.ts";

/** The media type of access tokens, so that no other JWT of ours passes for one (RFC 9068 §2.1). */
export const accessTokenTyp = "at+jwt";
/** Who asks when nobody but we are the application. */
export const firstPartyClient = "first-party";

/** Who acts in the subject's name, and in whose stead (RFC 8693 §4.1). */
export type Actor = { readonly sub: string; readonly act?: Actor };
const actorsMax = 5;

/** What an access token says, and for whom. */
export type Grant = {
  readonly subject: string;
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly audience: string;
  readonly scopes: readonly string[];
  /** Null: no person has signed in, the client acts for itself. */
  readonly authTime: Date | null;
  readonly acr: string | null;
  readonly amr: readonly string[];
  /** No earlier `iat`: the token must not look older than a revocation of "everything before". */
  readonly tokensFrom: Date | null;
  /** The end of the session: no token of it lives longer. */
  readonly endsAt?: Date;
  /** What the client or resource can read; RS256 for who asked for nothing. */
  readonly algorithm?: SignatureAlgorithm;
  /** It came of another token, and is dead when "everything before" of that one is. */
  readonly cameOf?: { readonly issuedAtSeconds: number; readonly actor: Actor };
};

/** The claims of RFC 9068 §2.2, with the session (`sid`) they come from. */
export function claimsOf(
  grant: Grant,
  made: { issuer: string; at: number; lifeSeconds: number },
): JWTPayload & { readonly jti: string; readonly iat: number; readonly exp: number } {
  const nowSeconds = Math.floor(made.at / 1000);
  const earliest = Math.ceil((grant.tokensFrom?.getTime() ?? 0) / 1000);
  const iat = grant.cameOf?.issuedAtSeconds ?? Math.max(nowSeconds, earliest);
  const endsSeconds = grant.endsAt ? Math.floor(grant.endsAt.getTime() / 1000) : Number.POSITIVE_INFINITY;
  return {
    iss: made.issuer,
    sub: grant.subject,
    aud: grant.audience,
    client_id: grant.clientId,
    iat,
    exp: Math.min(nowSeconds + made.lifeSeconds, endsSeconds),
    jti: `tok_${randomBase62(22)}`,
    ...(grant.sessionId === null ? {} : { sid: grant.sessionId }),
    ...(grant.authTime === null ? {} : { auth_time: Math.floor(grant.authTime.getTime() / 1000) }),
    ...(grant.acr === null ? {} : { acr: grant.acr }),
    ...(grant.amr.length > 0 ? { amr: [...grant.amr] } : {}),
    ...(grant.scopes.length > 0 ? { scope: grant.scopes.join(" ") } : {}),
    ...(grant.cameOf ? { act: grant.cameOf.actor } : {}),
  };
}

/** No access token lives longer: what ends tokens is remembered for as long as this. */
export const lifeSecondsMax = 900;

/** An access token of ours, once its signature was right. */
export type AccessToken = {
  readonly jti: string;
  readonly subject: string;
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly keyId: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly acr: string | null;
  /** Null: the client that it was issued to. */
  readonly actor: Actor | null;
  /** When the person signed in; null when the token does not say. */
  readonly authTimeSeconds: number | null;
  readonly issuedAtSeconds: number;
  readonly notBeforeSeconds: number;
  readonly expiresAtSeconds: number;
};

/** The claims that RFC 9068 §2.2 requires, each of its type; null when one is missing or is something else. */
export function readAccessToken(claims: Record<string, unknown>, keyId: string): AccessToken | null {
  const { iss, sub, client_id: clientId, jti, iat, exp, nbf = iat, sid = null, acr = null } = claims;
  const { scope = "", aud, auth_time: authTime = null, act = null } = claims;
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!isWord(iss) || !isWord(sub) || !isWord(clientId) || !isWord(jti)) return null;
  if (!isTime(iat) || !isTime(exp) || !isTime(nbf) || exp - iat > lifeSecondsMax) return null;
  if (audiences.length === 0 || !audiences.every(isWord) || typeof scope !== "string") return null;
  if ((sid !== null && !isWord(sid)) || (acr !== null && !isWord(acr))) return null;
  if (authTime !== null && !isTime(authTime)) return null;
  if (act !== null && !isActor(act)) return null;
  return {
    jti,
    subject: sub,
    clientId,
    sessionId: sid,
    keyId,
    issuer: iss,
    audiences,
    scopes: scope.split(" ").filter((one) => one !== ""),
    acr,
    actor: act,
    authTimeSeconds: authTime,
    issuedAtSeconds: iat,
    notBeforeSeconds: nbf,
    expiresAtSeconds: exp,
  };
}

function isActor(value: unknown, depth = 1): value is Actor {
  if (typeof value !== "object" || value === null || depth > actorsMax) return false;
  const { sub, act } = value as Record<string, unknown>;
  return isWord(sub) && (act === undefined || isActor(act, depth + 1));
}

const isWord = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
