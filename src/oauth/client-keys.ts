import type { JSONWebKeySet, JWK } from "jose";
import { fromBase64url } from "../crypto/bytes.ts";

const keysMax = 10;
const bytesMax = 16 * 1024;
const rsaBytesMin = 256;
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const curves: Readonly<Record<string, readonly string[]>> = { EC: ["P-256"], OKP: ["Ed25519"] };

/** Why these are no keys to verify a client by, or null (RFC 7591 §2). Private and symmetric ones must not even be kept. */
export function publicKeysFault({ keys }: JSONWebKeySet): string | null {
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > keysMax)
    return `must hold 1 to ${keysMax} keys`;
  if (JSON.stringify(keys).length > bytesMax) return "is too large";
  const kids = keys.map(({ kid }) => kid);
  if (keys.length > 1 && (new Set(kids).size !== kids.length || kids.includes(undefined)))
    return "needs a kid of its own for each of several keys";
  return keys.map(keyFault).find((fault) => fault !== null) ?? null;
}

function keyFault(key: JWK): string | null {
  if (privateMembers.some((member) => member in key)) return "must hold public keys only";
  const { kty, crv, n } = key;
  if (key.kid !== undefined && typeof key.kid !== "string") return "holds a kid that is no text";
  if (kty === "RSA") {
    const modulus = typeof n === "string" ? fromBase64url(n) : null;
    return modulus && modulus.length >= rsaBytesMin ? null : "holds an RSA key under 2048 bits";
  }
  const isKnown = kty !== undefined && Object.hasOwn(curves, kty) && curves[kty]?.includes(crv ?? "");
  return isKnown ? null : "may hold RSA, P-256 and Ed25519 keys only";
}
