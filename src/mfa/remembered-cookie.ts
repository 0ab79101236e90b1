import { base62, randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey, sha256Hex } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/** What a cookie says of itself. Whether it still counts is for the statement that begins a session to see. */
export type Claim = { readonly id: string; readonly accountId: string; readonly secretHash: string };

/** `gt_<device>_<account>_<43 random digits, 256 bits><tag>`: one that was not made here costs no call. */
const shape = /^gt_(dev_[0-9A-Za-z]{22})_(usr_[0-9A-Za-z]{22})_[0-9A-Za-z]{54}$/;
const tagDigits = 11;

export async function createRememberedCookies(secrets: VersionedSecrets) {
  const keys = await Promise.all(secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("cookies of remembered devices need at least one secret");

  async function tagOf(key: CryptoKey, body: string): Promise<string> {
    const mac = await hmacSha256(key, `gatehouse remembered device ${body}`);
    return base62(new DataView(mac.buffer).getBigUint64(0), tagDigits);
  }

  return {
    async make(accountId: string): Promise<Claim & { readonly cookie: string }> {
      const id = `dev_${randomBase62(22)}`;
      const body = `gt_${id}_${accountId}_${randomBase62(43)}`;
      const cookie = body + (await tagOf(newest, body));
      return { id, accountId, cookie, secretHash: await sha256Hex(cookie) };
    },

    /** Null for anything that was not made here. */
    async read(text: string | null | undefined): Promise<Claim | null> {
      const match = shape.exec(text ?? "");
      if (!text || !match?.[1] || !match[2]) return null;
      const body = text.slice(0, -tagDigits);
      for (const key of keys) {
        if (equalInConstantTime(text.slice(-tagDigits), await tagOf(key, body)))
          return { id: match[1], accountId: match[2], secretHash: await sha256Hex(text) };
      }
      return null;
    },
  };
}

export type RememberedCookies = Awaited<ReturnType<typeof createRememberedCookies>>;
