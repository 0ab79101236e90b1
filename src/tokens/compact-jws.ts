import { type Bytes, fromBase64url, utf8 } from "../crypto/bytes.ts";

/** The only algorithms that anything of ours is signed with; the key says which, never the token (RFC 8725 §3.1). */
export type SignatureAlgorithm = "RS256" | "ES256" | "EdDSA";
export type VerificationKey = { readonly key: CryptoKey; readonly algorithm: SignatureAlgorithm };

/** Longer than any token with the most scopes a grant may have, short enough to be read at no cost. */
export const compactLengthMax = 16_384;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export type CompactJws = {
  readonly header: JwsHeader;
  readonly payload: Bytes;
  readonly signedText: string;
  readonly signature: Bytes;
};

/** All that a header of ours says. Whatever names keys, extensions, other encodings or encryption is not among it. */
export type JwsHeader = {
  readonly alg: string;
  readonly kid: string | null;
  readonly typ: string | null;
};

/**
 * The three parts of a compact JWS (RFC 7515 §7.1), or null; one without a signature is none. Base64url has one spelling for each value here: no padding,
 * no white space, no bits beyond the last byte. A JWE has five parts and ends here.
 */
export function parseCompactJws(text: string): CompactJws | null {
  if (text.length > compactLengthMax) return null;
  const [headerPart = "", payloadPart = "", signaturePart = "", ...more] = text.split(".");
  if (more.length > 0) return null;
  const headerBytes = bytesOf(headerPart);
  const payload = bytesOf(payloadPart);
  const signature = bytesOf(signaturePart);
  const header = headerBytes && readHeader(headerBytes);
  if (!header || !payload || !signature?.length) return null;
  return { header, payload, signedText: text.slice(0, text.lastIndexOf(".")), signature };
}

/** Whether this key, used as its own algorithm says, made the signature (RFC 7515 §5.2). */
export async function isSignedBy(jws: CompactJws, { key, algorithm }: VerificationKey): Promise<boolean> {
  if (jws.header.alg !== algorithm) return false;
  return await crypto.subtle.verify(parametersOf[algorithm], key, jws.signature, utf8(jws.signedText));
}

const parametersOf = {
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
} as const;

/**
 * A header with any other member is refused, understood or not: `crit` and what it names (RFC 7515 §4.1.11), `b64`
 * (RFC 7797 §3), `jwk`, `jku`, `x5u`, `x5c` (RFC 8725 §3.10), `zip`, `enc`. So is one that says a member twice.
 */
function readHeader(bytes: Bytes): JwsHeader | null {
  const header = parseExactJson(bytes);
  if (!header || Object.keys(header).some((name) => name !== "alg" && name !== "kid" && name !== "typ")) {
    return null;
  }
  const { alg, kid = null, typ = null } = header;
  if (typeof alg !== "string" || !isTextOrNull(kid) || !isTextOrNull(typ)) return null;
  return { alg, kid, typ };
}

const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === "string";

const exactly = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A JSON object in the one spelling that serialising it gives; null for any other. All that we sign is so written, and
 * so no two readers can read it differently: a member twice, which is the last for one and the first for another,
 * does not survive (RFC 7515 §4).
 */
export function parseExactJson(bytes: Bytes): Record<string, unknown> | null {
  try {
    const text = exactly.decode(bytes);
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && JSON.stringify(value) === text ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function bytesOf(part: string): Bytes | null {
  const spare = part.length % 4;
  if (!/^[A-Za-z0-9_-]*$/.test(part) || spare === 1) return null;
  if (part === "") return new Uint8Array();
  const unused = [0, 0, 0b1111, 0b11][spare] ?? 0;
  return (alphabet.indexOf(part.charAt(part.length - 1)) & unused) === 0 ? fromBase64url(part) : null;
}
