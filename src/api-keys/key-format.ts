import { base62, base62OfNumber, randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { crc32 } from "../crypto/crc32.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

export const environments = ["live", "test"] as const;
export type Environment = (typeof environments)[number];

/**
 * `gk_live_` + 43 random digits (62^43 > 2^256) + 11 of keyed tag (64 bits of HMAC-SHA-256) + 6 of CRC-32.
 * The CRC finds typing errors, the tag finds forgeries: neither needs a look-up.
 */
const shape = /^gk_(live|test)_[0-9A-Za-z]{60}$/;
const randomDigits = 43;
const tagDigits = 11;
const crcDigits = 6;

export const isKeyShaped = (text: string): boolean => shape.test(text);

/** Finds our keys inside any text: for URLs, where none may be. */
export const keyAnywhere = /gk_(?:live|test)_[0-9A-Za-z]{60}/;

export type FormatVerdict =
  | { ok: true; environment: Environment }
  | { ok: false; reason: "malformed" | "forged" };

export async function createKeyFormat(tagSecrets: VersionedSecrets) {
  const hmacKeys = await Promise.all(tagSecrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = hmacKeys;
  if (!newest) throw new Error("a key format needs at least one tag secret");

  async function tagOf(hmacKey: CryptoKey, body: string): Promise<string> {
    const mac = await hmacSha256(hmacKey, `gatehouse api key tag ${body}`);
    return base62(new DataView(mac.buffer).getBigUint64(0), tagDigits);
  }

  return {
    async make(environment: Environment): Promise<string> {
      const body = `gk_${environment}_${randomBase62(randomDigits)}`;
      const tagged = body + (await tagOf(newest, body));
      return tagged + base62OfNumber(crc32(tagged), crcDigits);
    },

    /** Shape, then CRC, then tag under each accepted secret. Microseconds of CPU, no call. */
    async check(text: string): Promise<FormatVerdict> {
      const match = shape.exec(text);
      if (!match) return { ok: false, reason: "malformed" };
      const tagged = text.slice(0, -crcDigits);
      if (base62OfNumber(crc32(tagged), crcDigits) !== text.slice(-crcDigits)) {
        return { ok: false, reason: "malformed" };
      }
      const body = tagged.slice(0, -tagDigits);
      for (const hmacKey of hmacKeys) {
        if (equalInConstantTime(tagged.slice(-tagDigits), await tagOf(hmacKey, body))) {
          return { ok: true, environment: match[1] === "live" ? "live" : "test" };
        }
      }
      return { ok: false, reason: "forged" };
    },
  };
}

export type KeyFormat = Awaited<ReturnType<typeof createKeyFormat>>;

/** What may be shown of a key: enough to recognise it, nothing to guess from. */
export const displayPrefixOf = (key: string): string => key.slice(0, "gk_live_".length + 4);
