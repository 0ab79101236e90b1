import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Seal } from "../crypto/seal.ts";
import type { Pair } from "./schedule.ts";
import type { Algorithm, SigningKeyRow } from "./store.ts";

export type Signer = {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly privateKey: CryptoKey;
};
export type VerificationKey = { readonly key: CryptoKey; readonly algorithm: Algorithm };
type Sealed = Pick<SigningKeyRow, "kid" | "algorithm" | "privateJwkSealed">;

/**
 * RFC 7518 §3.3 asks for 2048 bits or more. Accepted: 112 bits of strength, not the 128 of 3072 bits; a key signs for
 * a month and each of its tokens lives for minutes. Making a longer one would pass the CPU limit of one run.
 */
const rsaBits = 2048;
/** The public members of the kinds of keys there are (RFC 7518 §6), and nothing else is ever published. */
const publicMembers = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"] as const;
const keptMax = 100;

/** Private halves, sealed and opened, and public halves as keys. What was opened once is kept for as long as it is sealed alike. */
export function createKeyMaterial({ seal }: { seal: Seal }) {
  const signers = new Map<string, { readonly sealed: string; readonly signer: Signer | null }>();
  const verifiers = new Map<string, VerificationKey>();
  const contextOf = (kid: string) => `signing-key:${kid}`;

  async function openSealed(row: Sealed): Promise<Signer | null> {
    const opened = await seal.open(row.privateJwkSealed, contextOf(row.kid));
    if (!opened.ok) return null;
    const key = await importJWK(JSON.parse(opened.plaintext) as JWK, row.algorithm);
    return key instanceof Uint8Array
      ? null
      : { kid: row.kid, algorithm: row.algorithm, privateKey: key as CryptoKey };
  }

  return {
    async make({ algorithm }: Pair): Promise<Pick<SigningKeyRow, "kid" | "publicJwk" | "privateJwkSealed">> {
      const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: rsaBits });
      const publicJwk = await exportJWK(pair.publicKey);
      const kid = await calculateJwkThumbprint(publicJwk);
      const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
      return {
        kid,
        publicJwk: publicOf({ ...publicJwk, kid, alg: algorithm, use: "sig" }),
        privateJwkSealed: await seal.seal(privateJwk, contextOf(kid)),
      };
    },

    /** Null when its master key is lost, or it was altered. */
    async open(row: Sealed): Promise<Signer | null> {
      const known = signers.get(row.kid);
      if (known?.sealed === row.privateJwkSealed) return known.signer;
      const signer = await openSealed(row);
      if (signers.size >= keptMax) signers.clear();
      signers.set(row.kid, { sealed: row.privateJwkSealed, signer });
      return signer;
    },

    /** The same private half under the newest master key; null when it lies under that, or cannot be opened. */
    async reseal({ kid, privateJwkSealed }: Sealed): Promise<string | null> {
      if (seal.isNewest(privateJwkSealed)) return null;
      const opened = await seal.open(privateJwkSealed, contextOf(kid));
      return opened.ok ? await seal.seal(opened.plaintext, contextOf(kid)) : null;
    },

    async verificationKey({
      kid,
      algorithm,
      publicJwk,
    }: Pick<SigningKeyRow, "kid" | "algorithm" | "publicJwk">): Promise<VerificationKey | null> {
      const known = verifiers.get(kid);
      if (known) return known;
      const key = await importJWK(publicJwk, algorithm);
      if (key instanceof Uint8Array) return null;
      if (verifiers.size >= keptMax) verifiers.clear();
      const made = { key: key as CryptoKey, algorithm };
      verifiers.set(kid, made);
      return made;
    },
  };
}

export type KeyMaterial = ReturnType<typeof createKeyMaterial>;

export const publicOf = (jwk: JWK): JWK =>
  Object.fromEntries(publicMembers.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])));
