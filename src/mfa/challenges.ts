import { type Bytes, base64url, equalInConstantTime, fromBase64url } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey, sha256Hex } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/** As long as a person may look for their security key; browsers are told the same. */
export const challengeLifeMs = 300_000;
const [nonceBytes, expiryBytes] = [16, 6];
const headBytes = nonceBytes + expiryBytes;
/** 54 bytes without a spare bit: each challenge has one spelling, so nobody spends the same one twice. */
const shape = /^[A-Za-z0-9_-]{72}$/;

export type ChallengeCheck =
  | { ok: true; onceKey: string; expiresAt: Date }
  /** `expired` is said of ours alone, for this binding. */
  | { ok: false; reason: "wrong_passkey" | "expired" };

/**
 * What an authenticator signs so that its answer is fresh (WebAuthn L3 §13.4.3). Nothing is stored when one is made:
 * it carries its expiry, and a MAC over that and the binding, which is what it may be used for and by whom. That it is
 * used once is the caller's to see to: `onceKey` is spent in the same statement that changes something.
 */
export async function createChallenges(options: { secrets: VersionedSecrets; now: () => number }) {
  const keys = await Promise.all(options.secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("challenges need at least one secret");

  const macOf = async (key: CryptoKey, head: Bytes, binding: string): Promise<Bytes> =>
    await hmacSha256(key, JSON.stringify(["gatehouse challenge", base64url(head), binding]));

  return {
    async make(binding: string): Promise<string> {
      const head = headOf(options.now() + challengeLifeMs);
      return base64url(new Uint8Array([...head, ...(await macOf(newest, head, binding))]));
    },

    async check(challenge: string, binding: string): Promise<ChallengeCheck> {
      const wrong = { ok: false, reason: "wrong_passkey" } as const;
      const bytes = shape.test(challenge) ? fromBase64url(challenge) : null;
      if (!bytes) return wrong;
      const head = bytes.slice(0, headBytes);
      const mac = base64url(bytes.subarray(headBytes));
      const expiresAt = expiryOf(head);
      for (const key of keys) {
        if (equalInConstantTime(mac, base64url(await macOf(key, head, binding)))) {
          if (expiresAt <= options.now()) return { ok: false, reason: "expired" };
          return { ok: true, onceKey: await sha256Hex(challenge), expiresAt: new Date(expiresAt) };
        }
      }
      return wrong;
    },
  };
}

/** Milliseconds in 48 bits. */
function headOf(expiresAt: number): Bytes {
  const head = new Uint8Array(headBytes);
  const view = new DataView(head.buffer, nonceBytes);
  view.setUint16(0, Math.floor(expiresAt / 2 ** 32));
  view.setUint32(2, expiresAt % 2 ** 32);
  crypto.getRandomValues(head.subarray(0, nonceBytes));
  return head;
}

function expiryOf(head: Bytes): number {
  const view = new DataView(head.buffer, nonceBytes);
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2);
}

export type Challenges = Awaited<ReturnType<typeof createChallenges>>;
