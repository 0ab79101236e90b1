import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from "jose";
import type { EventReason } from "../audit/events.ts";

/** Why an assertion is none. */
export type AssertionFault = Extract<
  EventReason,
  | "malformed"
  | "bad_signature"
  | "wrong_algorithm"
  | "unknown_key"
  | "wrong_audience"
  | "expired"
  | "not_yet_valid"
  | "replayed"
>;

/** False: it was used already. Throws `unavailable` when that cannot be told. */
export type TakeOnce = (purpose: string, text: string, expiresAt: Date) => Promise<boolean>;

export const assertionLengthMax = 8192;
/** How long before its end an assertion may be presented; what is longer would have to be remembered longer. */
const lifeSecondsMax = 300;
/** How far the signer's clock may be ahead of ours. */
const aheadSecondsMax = 60;
const jtiMax = 256;

/** By the kind of key: what a key is for is said by the key, never by the assertion alone (RFC 8725 §3.1). */
const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  RSA: ["RS256", "PS256"],
  EC: ["ES256"],
  OKP: ["EdDSA", "Ed25519"],
};
export const assertionAlgorithms: readonly string[] = Object.values(algorithmsOf).flat();

/** What it says, whoever signed it. */
export function claimsOf(assertion: string): JWTPayload | null {
  try {
    return assertion.length > assertionLengthMax ? null : decodeJwt(assertion);
  } catch {
    return null;
  }
}

/**
 * A JWT that somebody signed with a key whose public half we know (RFC 7523 §3), used once. Accepted: a Redis that fails over
 * may forget the last second of assertions, and those could be used once more before their `exp`.
 */
export function createAssertions(options: {
  /** The issuer, by which nobody else can be meant; the token endpoint too, as RFC 7523 §3 suggests. */
  audiences: readonly string[];
  takeOnce: TakeOnce;
  now: () => number;
}) {
  const { audiences, takeOnce, now } = options;
  return {
    /** Null: it is good, and spent. `signer` is whose keys these are, `purpose` what it is good for. */
    async faultOf(
      assertion: string,
      { keys, signer, purpose }: { keys: readonly JWK[]; signer: string; purpose: string },
    ): Promise<AssertionFault | null> {
      const fault = await signatureFault(keys, assertion);
      const claims = claimsOf(assertion);
      if (fault || !claims) return fault ?? "malformed";
      const { jti, aud, exp } = claims;
      if (typeof jti !== "string" || jti === "" || jti.length > jtiMax) return "malformed";
      // One text, not a list: an assertion for several servers could be carried from one to the other.
      if (typeof aud !== "string" || !audiences.includes(aud)) return "wrong_audience";
      const late = timeFault(claims, now() / 1000);
      if (late || typeof exp !== "number") return late ?? "malformed";
      const isFirst = await takeOnce(purpose, JSON.stringify([signer, jti]), new Date(exp * 1000));
      return isFirst ? null : "replayed";
    },
  };
}

export type Assertions = ReturnType<typeof createAssertions>;

async function signatureFault(keys: readonly JWK[], assertion: string): Promise<AssertionFault | null> {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(assertion);
  } catch {
    return "malformed";
  }
  const { alg = "", kid } = header;
  if (!assertionAlgorithms.includes(alg)) return "wrong_algorithm";
  const [key] = keys.filter(
    (one) =>
      algorithmsOf[one.kty ?? ""]?.includes(alg) &&
      (one.alg === undefined || one.alg === alg) &&
      (kid === undefined
        ? keys.length === 1
        : one.kid === kid || (one.kid === undefined && keys.length === 1)),
  );
  if (!key) return "unknown_key";
  try {
    await compactVerify(assertion, await importJWK(key, alg), { algorithms: [alg] });
    return null;
  } catch {
    return "bad_signature";
  }
}

function timeFault({ exp, iat, nbf }: JWTPayload, nowSeconds: number): AssertionFault | null {
  for (const time of [exp, iat, nbf]) {
    if (time !== undefined && !Number.isFinite(time)) return "malformed";
  }
  if (exp === undefined) return "malformed";
  if (exp <= nowSeconds) return "expired";
  if (exp > nowSeconds + lifeSecondsMax + aheadSecondsMax) return "not_yet_valid";
  const latest = nowSeconds + aheadSecondsMax;
  return (iat ?? 0) > latest || (nbf ?? 0) > latest ? "not_yet_valid" : null;
}
