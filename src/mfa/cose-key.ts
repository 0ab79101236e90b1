import { type Bytes, base64url } from "../crypto/bytes.ts";
import { type CborMap, readCbor } from "./cbor.ts";

/** What is asked for and verified: by their numbers in COSE: ES256, EdDSA, RS256. */
export type PasskeyAlgorithm = -7 | -8 | -257;
export const passkeyAlgorithms: readonly PasskeyAlgorithm[] = [-7, -8, -257];

const rs256Exponent = [1, 0, 1];

/**
 * The public key at this place of an authenticator's data: its algorithm and where it ends. Null when it is not
 * exactly a key of one of the three algorithms: other labels, lengths or curves are not looked past.
 */
export async function readCoseKey(
  bytes: Bytes,
  start: number,
): Promise<
  | { ok: true; algorithm: PasskeyAlgorithm; end: number }
  | { ok: false; reason: "malformed" | "bad_algorithm" | "bad_key" }
> {
  const read = readCbor(bytes, start);
  if (!read || !(read.value instanceof Map)) return { ok: false, reason: "malformed" };
  const key: CborMap = read.value;
  const algorithm = passkeyAlgorithms.find((known) => known === key.get(3));
  if (algorithm === undefined) return { ok: false, reason: "bad_algorithm" };
  const jwk = jwkOf(key, algorithm);
  if (!jwk || !(await isImportable(jwk, algorithm))) return { ok: false, reason: "bad_key" };
  return { ok: true, algorithm, end: read.end };
}

function jwkOf(key: CborMap, algorithm: PasskeyAlgorithm): JsonWebKey | null {
  const bytesAt = (label: number, min: number, max = min): Bytes | null => {
    const value = key.get(label);
    return value instanceof Uint8Array && value.length >= min && value.length <= max ? value : null;
  };
  if (algorithm === -257) {
    const [n, e] = [bytesAt(-1, 256, 512), bytesAt(-2, 3)];
    const isSound =
      key.size === 4 &&
      key.get(1) === 3 &&
      n?.[0] !== 0 &&
      rs256Exponent.every((byte, at) => e?.[at] === byte);
    return isSound && n && e ? { kty: "RSA", n: base64url(n), e: base64url(e) } : null;
  }
  const x = bytesAt(-2, 32);
  if (algorithm === -8) {
    const isSound = key.size === 4 && key.get(1) === 1 && key.get(-1) === 6;
    return isSound && x ? { kty: "OKP", crv: "Ed25519", x: base64url(x) } : null;
  }
  const y = bytesAt(-3, 32);
  const isSound = key.size === 5 && key.get(1) === 2 && key.get(-1) === 1;
  return isSound && x && y ? { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) } : null;
}

const importAs = {
  [-7]: { name: "ECDSA", namedCurve: "P-256" },
  [-8]: { name: "Ed25519" },
  [-257]: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/** The platform refuses a point off the curve; a registration without attestation would otherwise never use the key. */
async function isImportable(jwk: JsonWebKey, algorithm: PasskeyAlgorithm): Promise<boolean> {
  try {
    await crypto.subtle.importKey("jwk", jwk, importAs[algorithm], false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Two positive integers in a sequence, each of the one length that DER gives it (WebAuthn L3 §6.5.5, for ES256). */
export function isDerSignature(bytes: Bytes): boolean {
  const rEnd = endOfInteger(bytes, 2);
  return bytes[0] === 0x30 && bytes[1] === bytes.length - 2 && endOfInteger(bytes, rEnd) === bytes.length;
}

function endOfInteger(bytes: Bytes, at: number): number {
  const [tag, length = 0, first = 0x80, second = 0] = bytes.subarray(at, at + 4);
  const isMinimal = first < 0x80 && (first !== 0 || second >= 0x80);
  return tag === 2 && length > 0 && length <= 33 && isMinimal ? at + 2 + length : Number.POSITIVE_INFINITY;
}
