import { base62, randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/** `gs_` + 43 random digits (62^43 > 2^256) + 11 of keyed tag (64 bits): what was not made here costs no look-up. */
const shape = /^gs_[0-9A-Za-z]{54}$/;
const tagDigits = 11;

export async function createSessionCookies(secrets: VersionedSecrets) {
  const keys = await Promise.all(secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("session cookies need at least one secret");

  async function tagOf(key: CryptoKey, body: string): Promise<string> {
    const mac = await hmacSha256(key, `gatehouse session cookie ${body}`);
    return base62(new DataView(mac.buffer).getBigUint64(0), tagDigits);
  }

  return {
    async make(): Promise<string> {
      const body = `gs_${randomBase62(43)}`;
      return body + (await tagOf(newest, body));
    },

    async isOurs(text: string): Promise<boolean> {
      if (!shape.test(text)) return false;
      const body = text.slice(0, -tagDigits);
      for (const key of keys) {
        if (equalInConstantTime(text.slice(-tagDigits), await tagOf(key, body))) return true;
      }
      return false;
    },
  };
}

export type SessionCookies = Awaited<ReturnType<typeof createSessionCookies>>;
