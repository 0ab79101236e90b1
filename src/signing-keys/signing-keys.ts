import { type JWTPayload, SignJWT } from "jose";
import type { Audit, Background } from "../audit/audit.ts";
import { base64url } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import type { Seal } from "../crypto/seal.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Revocation } from "../revocation/revocation.ts";
import { createKeyCopy, isTooOldToSign, type KeyCopy } from "./key-copy.ts";
import { createKeyMaterial, publicOf, type Signer, type VerificationKey } from "./key-material.ts";
import { createRotation } from "./rotation.ts";
import {
  isOfPair,
  isPublished,
  type Pair,
  publishedUntil,
  rotation,
  signersOf,
  standardPairs,
} from "./schedule.ts";
import type { Algorithm, Purpose, SigningKeyRow, SigningKeyStore } from "./store.ts";

export type KeySet = { readonly body: string; readonly etag: string; readonly maxAgeSeconds: number };

/** With a copy that is not what it should be, verifiers are asked to come again soon. */
const agedKeySetSeconds = 60;

const standardAlgorithm = (purpose: Purpose): Algorithm =>
  standardPairs.find((pair) => pair.purpose === purpose)?.algorithm ?? "ES256";

/**
 * The keys Gatehouse signs with: private halves sealed in Postgres, public halves published (RFC 7517 §5). Who signs
 * and who is published is told by the clock: `schedule.ts`.
 */
export function createSigningKeys(options: {
  store: SigningKeyStore;
  seal: Seal;
  audit: Pick<Audit, "record">;
  revocation: Pick<Revocation, "announceNow"> & { readonly feed: Pick<Revocation["feed"], "onChange"> };
  now: () => number;
}) {
  const { store, audit, revocation, now } = options;
  const material = createKeyMaterial(options);
  const copies = createKeyCopy({ store, feed: revocation.feed, now });
  const { ensure, ensureSigner, rotate, list } = createRotation({
    store,
    material,
    copies,
    revocation,
    audit,
    now,
  });
  let published: { readonly names: string; readonly body: string; readonly etag: string } | null = null;
  /** The set as last asked for, while it is what it should be: of which keys, and until the first of them leaves. */
  let standing: { readonly keys: KeyCopy["keys"]; readonly until: number; readonly set: KeySet } | null =
    null;

  async function signerIn({ keys }: KeyCopy, pair: Pair): Promise<Signer | null> {
    for (const key of signersOf(keys, pair, now())) {
      const signer = await material.open(key);
      if (signer) return signer;
    }
    return null;
  }

  /** Makes what cannot wait; the caller waits for the event too, having nothing to hand it to. */
  async function readEnsured(asked: Pair | null): Promise<KeyCopy> {
    const writing: Promise<unknown>[] = [];
    await ensureSigner(asked, (work) => writing.push(work));
    await Promise.all(writing);
    return await copies.read();
  }

  /** With Postgres away an incomplete set is better than none, and is not kept for long. */
  async function completed(copy: KeyCopy): Promise<KeyCopy> {
    if (copy.keys.length === 0) return await readEnsured(null);
    return await readEnsured(null).catch(() => copy);
  }

  async function signerFor(pair: Pair): Promise<Signer> {
    let copy = await copies.within(rotation.copySeconds);
    if (isTooOldToSign(copies.ageSeconds(copy)))
      throw new AuthError("unavailable", "the signing keys could not be read for a day");
    const signer = await signerIn(copy, pair);
    if (signer) return signer;
    const isMissing = signersOf(copy.keys, pair, now()).length === 0;
    copy = isMissing ? await readEnsured(pair) : await copies.lookAgain(copy);
    const other = await signerIn(copy, pair);
    if (other) return other;
    throw new AuthError("unavailable", sealedShut(copy.keys.filter(isOfPair(pair))));
  }

  return {
    ensure,
    rotate,
    list,

    /**
     * A compact JWS with `kid` and `typ`; 503 when no key can be opened. The first key of a purpose and algorithm is
     * made when it is first asked for: it alone signs before every verifier can have seen it.
     */
    async sign(
      purpose: Purpose,
      typ: string,
      claims: JWTPayload,
      algorithm: Algorithm = standardAlgorithm(purpose),
    ): Promise<string> {
      const signer = await signerFor({ purpose, algorithm });
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: signer.algorithm, kid: signer.kid, typ })
        .sign(signer.privateKey);
    },

    /**
     * Null: unknown, killed, gone, or of another purpose. A kid that is not in the copy is looked for in Postgres at
     * most once a second. Accepted: for that second a key made this very moment elsewhere is refused as well.
     */
    async verificationKey(purpose: Purpose, kid: string): Promise<VerificationKey | null> {
      const find = ({ keys }: KeyCopy): SigningKeyRow | undefined => keys.find((one) => one.kid === kid);
      const copy = await copies.within(Number.POSITIVE_INFINITY);
      const key = find(copy) ?? find(await copies.lookAgain(copy));
      if (key?.purpose !== purpose || !isPublished(key, now())) return null;
      return await material.verificationKey(key);
    },

    /**
     * The published key set, RS256 first for verifiers that take the first. Never a private member. Never empty:
     * whoever kept an empty one would refuse what the first key signs.
     */
    async keySet(): Promise<KeySet> {
      let copy = await copies.within(rotation.copySeconds);
      if (!isComplete(copy)) copy = await completed(copy);
      const keys = copy.keys.filter((key) => isPublished(key, now())).toSorted(rs256First);
      const names = keys.map(({ kid }) => kid).join();
      if (published?.names !== names) {
        const body = JSON.stringify({ keys: keys.map(({ publicJwk }) => publicOf(publicJwk)) });
        published = { names, body, etag: `"${base64url((await sha256(body)).slice(0, 12))}"` };
      }
      const { body, etag } = published;
      const isAged = copies.ageSeconds(copy) > rotation.copySeconds || !isComplete(copy);
      const set = { body, etag, maxAgeSeconds: isAged ? agedKeySetSeconds : rotation.keySetSeconds };
      standing = isAged ? null : { keys: copy.keys, until: firstEndOf(keys), set };
      return set;
    },

    /** The same without a wait, or null: a set is made anew when a key of it leaves, and with each copy of the keys. */
    keySetAtHand(): KeySet | null {
      const copy = copies.inHand();
      if (!copy || standing?.keys !== copy.keys || standing.until <= now()) return null;
      return copies.ageSeconds(copy) > rotation.copySeconds ? null : standing.set;
    },

    /** For readiness: a key that is there and cannot be opened is a lost master key. Throws for that alone. */
    async requireReadable(): Promise<void> {
      const copy = await copies.within(rotation.copySeconds).catch(() => null);
      if (!copy) return;
      for (const pair of standardPairs) {
        const signers = signersOf(copy.keys, pair, now());
        if (signers.length > 0 && !(await signerIn(copy, pair)))
          throw new AuthError("unavailable", sealedShut(signers));
      }
    },

    refreshBehind: (background: Background): void => copies.refreshBehind(background),
  };
}

export type SigningKeys = ReturnType<typeof createSigningKeys>;

function sealedShut(keys: readonly SigningKeyRow[]): string {
  const versions = [...new Set(keys.map(({ privateJwkSealed }) => privateJwkSealed.split(".")[0]))].join(
    ", ",
  );
  return `no signing key can be opened with KEY_ENCRYPTION_KEYS: they are sealed under version ${versions}`;
}

const firstEndOf = (keys: readonly SigningKeyRow[]): number =>
  Math.min(...keys.map((key) => publishedUntil(key) ?? Number.POSITIVE_INFINITY));

const isComplete = ({ keys }: KeyCopy): boolean => standardPairs.every((pair) => keys.some(isOfPair(pair)));

/** One order in every isolate. */
const rs256First = (a: SigningKeyRow, b: SigningKeyRow): number =>
  Number(b.algorithm === "RS256") - Number(a.algorithm === "RS256") ||
  a.publishedAt.getTime() - b.publishedAt.getTime() ||
  (a.kid < b.kid ? -1 : 1);
