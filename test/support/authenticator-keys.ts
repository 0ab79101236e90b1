import { type Bytes, fromBase64url } from "../../src/crypto/bytes.ts";
import { type Encodable, encodeCbor } from "./cbor.ts";

export type KeyKind = "ES256" | "EdDSA" | "RS256";

export type AuthenticatorKey = {
  readonly algorithm: number;
  /** The public key as COSE has it. */
  readonly cose: Bytes;
  sign(data: Bytes): Promise<Bytes>;
};

const kinds = {
  ES256: {
    algorithm: -7,
    make: { name: "ECDSA", namedCurve: "P-256" },
    use: { name: "ECDSA", hash: "SHA-256" },
  },
  EdDSA: { algorithm: -8, make: { name: "Ed25519" }, use: { name: "Ed25519" } },
  RS256: {
    algorithm: -257,
    make: {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    use: { name: "RSASSA-PKCS1-v1_5" },
  },
};

export async function makeAuthenticatorKey(kind: KeyKind): Promise<AuthenticatorKey> {
  const { algorithm, make, use } = kinds[kind];
  const pair = (await crypto.subtle.generateKey(make, true, ["sign", "verify"])) as CryptoKeyPair;
  const jwk = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  const sign = async (data: Bytes): Promise<Bytes> => {
    const signature = new Uint8Array(await crypto.subtle.sign(use, pair.privateKey, data));
    return kind === "ES256" ? derOf(signature) : signature;
  };
  return { algorithm, cose: encodeCbor(coseOf(kind, algorithm, jwk)), sign };
}

function coseOf(kind: KeyKind, algorithm: number, jwk: JsonWebKey): Map<number, Encodable> {
  const part = (text: string | undefined): Bytes => fromBase64url(text ?? "") ?? new Uint8Array();
  if (kind === "RS256")
    return new Map<number, Encodable>([
      [1, 3],
      [3, algorithm],
      [-1, part(jwk.n)],
      [-2, part(jwk.e)],
    ]);
  if (kind === "EdDSA")
    return new Map<number, Encodable>([
      [1, 1],
      [3, algorithm],
      [-1, 6],
      [-2, part(jwk.x)],
    ]);
  return new Map<number, Encodable>([
    [1, 2],
    [3, algorithm],
    [-1, 1],
    [-2, part(jwk.x)],
    [-3, part(jwk.y)],
  ]);
}

/** WebCrypto signs r and s side by side; authenticators sign in DER (WebAuthn L3 §6.5.5). */
export function derOf(raw: Bytes): Bytes {
  const integer = (bytes: Uint8Array): number[] => {
    const digits = [...bytes];
    while (digits.length > 1 && digits[0] === 0) digits.shift();
    if ((digits[0] ?? 0) > 127) digits.unshift(0);
    return [2, digits.length, ...digits];
  };
  const body = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))];
  return new Uint8Array([0x30, body.length, ...body]);
}
