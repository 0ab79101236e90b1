import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import type { Audit, Background } from "../audit/audit.ts";
import { base64url } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import type { Seal } from "../crypto/seal.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Purpose, SigningKeyRow, SigningKeyStore } from "./store.ts";

/** Verifiers may keep the key set this long (`Cache-Control: max-age`). */
export const keySetSeconds = 300;
const reloadMilliseconds = 60_000;
const emptyKeySet = JSON.stringify({ keys: [] });

type Signer = { readonly kid: string; readonly algorithm: string; readonly privateKey: CryptoKey };
type Loaded = {
  readonly signers: Map<Purpose, Signer>;
  readonly keySet: KeySet;
  readonly readBeganAt: number;
};
export type KeySet = { readonly body: string; readonly etag: string };

/**
 * The keys Gatehouse signs with: private halves sealed in Postgres, public halves published (RFC 7517 §5).
 * The last good copy serves on when Postgres is away: what is signed can still be verified.
 */
export function createSigningKeys(options: {
  store: SigningKeyStore;
  seal: Seal;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { store, seal, audit, now } = options;
  let loaded: Loaded | null = null;
  let reloadBeganAt = Number.NEGATIVE_INFINITY;

  async function make(slot: number): Promise<SigningKeyRow> {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    const sealed = await seal.seal(JSON.stringify(await exportJWK(pair.privateKey)), `signing-key:${kid}`);
    return {
      kid,
      purpose: "identity",
      algorithm: "ES256",
      slot,
      publicJwk: { ...publicJwk, kid, alg: "ES256", use: "sig" },
      privateJwkSealed: sealed,
      publishedAt: new Date(now()),
      signsFrom: new Date(now()),
      signsUntil: null,
      killedAt: null,
    };
  }

  async function signerOf(row: SigningKeyRow): Promise<Signer | null> {
    const opened = await seal.open(row.privateJwkSealed, `signing-key:${row.kid}`);
    if (!opened.ok) return null;
    const key = await importJWK(JSON.parse(opened.plaintext) as JWK, row.algorithm);
    return key instanceof Uint8Array ? null : { kid: row.kid, algorithm: row.algorithm, privateKey: key };
  }

  async function load(): Promise<Loaded> {
    const readBeganAt = now();
    const rows = await store.list();
    const signers = new Map<Purpose, Signer>();
    // Oldest first: the newest key that can be opened signs.
    for (const row of rows) {
      const signer = await signerOf(row);
      if (signer) signers.set(row.purpose, signer);
    }
    const body = JSON.stringify({ keys: rows.map((row) => row.publicJwk) });
    const etag = `"${base64url((await sha256(body)).slice(0, 12))}"`;
    loaded = { signers, keySet: { body, etag }, readBeganAt };
    return loaded;
  }

  const current = async (): Promise<Loaded> => loaded ?? (await load());

  async function ensure(background: Background): Promise<void> {
    const rows = await store.list();
    if (rows.some(({ purpose }) => purpose === "identity")) return;
    const row = await make(1);
    if (!(await store.insert(row))) return;
    audit.record(
      {
        type: "signing_key.created",
        outcome: "done",
        reason: null,
        actor: { type: "system", id: "gatehouse" },
        subject: { type: "system", id: row.kid },
        origin: { requestId: "", address: "", country: null },
      },
      background,
    );
  }

  /** Before anything is signed or published: the caller waits for the event too, having nothing to hand it to. */
  async function loadEnsured(): Promise<Loaded> {
    const writing: Promise<unknown>[] = [];
    await ensure((work) => writing.push(work));
    await Promise.all(writing);
    return await load();
  }

  return {
    /** Makes what is missing. Safe to call from any number of isolates at once: one key is made. */
    ensure,

    /** A compact JWS with `kid` and `typ`; 503 when no key can be opened. */
    async sign(purpose: Purpose, typ: string, claims: JWTPayload): Promise<string> {
      let signer = (await current()).signers.get(purpose);
      signer ??= (await loadEnsured()).signers.get(purpose);
      if (!signer)
        throw new AuthError("unavailable", "no signing key can be opened with KEY_ENCRYPTION_KEYS");
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: signer.algorithm, kid: signer.kid, typ })
        .sign(signer.privateKey);
    },

    /**
     * The published key set. Never a private member: only `publicJwk` is read. Never empty: whoever kept an empty one
     * would refuse what the first key signs.
     */
    async keySet(): Promise<KeySet> {
      const { keySet } = await current();
      return keySet.body === emptyKeySet ? (await loadEnsured()).keySet : keySet;
    },

    /** Behind an answer: reads the keys anew when the copy has aged. */
    refreshBehind(background: Background): void {
      if (!loaded || now() - loaded.readBeganAt < reloadMilliseconds) return;
      if (now() - reloadBeganAt < 1000) return;
      reloadBeganAt = now();
      background(load().catch(() => undefined));
    },
  };
}

export type SigningKeys = ReturnType<typeof createSigningKeys>;
