import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from "jose";
import { oneOf } from "../parameters.ts";
import type { ClientAuthenticationMethod, ProofFault } from "./method.ts";

export const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const lengthMax = 8192;
/** How long before its end an assertion may be presented; what is longer would have to be remembered longer. */
const lifeSecondsMax = 300;
/** How far the client's clock may be ahead of ours. */
const aheadSecondsMax = 60;
const jtiMax = 256;

/** By the kind of key: what a key is for is said by the key, never by the assertion alone (RFC 8725 §3.1). */
const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  RSA: ["RS256", "PS256"],
  EC: ["ES256"],
  OKP: ["EdDSA", "Ed25519"],
};
export const assertionAlgorithms: readonly string[] = Object.values(algorithmsOf).flat();

/**
 * A JWT that the client signed with a key whose public half is registered (RFC 7523 §2.2, §3), used once. Accepted: a
 * Redis that fails over may forget the last second of assertions, and those could be used once more before their `exp`.
 */
export function privateKeyJwt(options: {
  /** The issuer, by which nobody else can be meant; the token endpoint too, as RFC 7523 §3 suggests. */
  audiences: readonly string[];
  /** False: it was used already. Throws `unavailable` when that cannot be told. */
  takeOnce: (purpose: string, text: string, expiresAt: Date) => Promise<boolean>;
  now: () => number;
}): ClientAuthenticationMethod {
  const { audiences, takeOnce, now } = options;

  return {
    name: "private_key_jwt",
    isTried: ({ parameters }) =>
      parameters.has("client_assertion") || parameters.has("client_assertion_type"),

    read({ parameters }) {
      const proof = oneOf(parameters, "client_assertion");
      if (proof === null || proof.length > lengthMax) return null;
      if (oneOf(parameters, "client_assertion_type") !== assertionType) return null;
      const claims = claimsOf(proof);
      // Both name the client: a token of somebody else about it is no proof (RFC 7523 §3).
      return typeof claims?.sub === "string" && claims.sub === claims.iss
        ? { clientId: claims.sub, proof }
        : null;
    },

    async verify(client, proof) {
      const fault = await signatureFault(client.jwks?.keys ?? [], proof);
      const claims = claimsOf(proof);
      if (fault || !claims) return fault ?? "malformed";
      const { jti, aud, exp } = claims;
      if (typeof jti !== "string" || jti === "" || jti.length > jtiMax) return "malformed";
      // One text, not a list: an assertion for several servers could be carried from one to the other.
      if (typeof aud !== "string" || !audiences.includes(aud)) return "wrong_audience";
      const late = timeFault(claims, now() / 1000);
      if (late || typeof exp !== "number") return late ?? "malformed";
      const isFirst = await takeOnce(
        "client assertion",
        JSON.stringify([client.id, jti]),
        new Date(exp * 1000),
      );
      return isFirst ? null : "replayed";
    },
  };
}

function claimsOf(assertion: string): JWTPayload | null {
  try {
    return decodeJwt(assertion);
  } catch {
    return null;
  }
}

async function signatureFault(keys: readonly JWK[], assertion: string): Promise<ProofFault | null> {
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

function timeFault({ exp, iat, nbf }: JWTPayload, nowSeconds: number): ProofFault | null {
  for (const time of [exp, iat, nbf]) {
    if (time !== undefined && !Number.isFinite(time)) return "malformed";
  }
  if (exp === undefined) return "malformed";
  if (exp <= nowSeconds) return "expired";
  if (exp > nowSeconds + lifeSecondsMax + aheadSecondsMax) return "not_yet_valid";
  const latest = nowSeconds + aheadSecondsMax;
  return (iat ?? 0) > latest || (nbf ?? 0) > latest ? "not_yet_valid" : null;
}
