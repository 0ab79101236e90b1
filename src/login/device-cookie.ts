import type { KnownDevice } from "../accounts/account.ts";
import { base62, randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/** `gd_<device>_<SHA-256 of the canonical address>_<tag>`. It proves that somebody signed in here before, and opens nothing. */
const shape = /^gd_([0-9A-Za-z]{22})_([0-9a-f]{64})_[0-9A-Za-z]{11}$/;
const tagDigits = 11;

export async function createDeviceCookies(secrets: VersionedSecrets) {
  const keys = await Promise.all(secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("device cookies need at least one secret");

  async function tagOf(key: CryptoKey, body: string): Promise<string> {
    const mac = await hmacSha256(key, `gatehouse device cookie ${body}`);
    return base62(new DataView(mac.buffer).getBigUint64(0), tagDigits);
  }

  return {
    /** The device keeps its id from one sign-in of an address to the next. */
    async make(addressHash: string, known: KnownDevice | null): Promise<string> {
      const id = known?.addressHash === addressHash ? known.id : randomBase62(22);
      const body = `gd_${id}_${addressHash}_`;
      return body + (await tagOf(newest, body));
    },

    /** Null for anything that was not made here. */
    async read(text: string | null): Promise<KnownDevice | null> {
      const match = shape.exec(text ?? "");
      if (!match?.[1] || !match[2] || text === null) return null;
      const body = text.slice(0, -tagDigits);
      for (const key of keys) {
        if (equalInConstantTime(text.slice(-tagDigits), await tagOf(key, body))) {
          return { id: match[1], addressHash: match[2] };
        }
      }
      return null;
    },
  };
}

export type DeviceCookies = Awaited<ReturnType<typeof createDeviceCookies>>;
