import { base62, base62OfNumber, randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/**
 * `gr_<family>_<generation>_` + 43 digits of secret (62^43 > 2^256) + 1 that names the version of the secret + 11 of
 * keyed tag (64 bits of HMAC-SHA-256). A token with a wrong tag is refused without a look-up: so it cannot harm a
 * family whose id a stranger has seen.
 */
const shape = /^gr_([0-9A-Za-z]{22})_(0|[1-9]\d{0,8})_[0-9A-Za-z]{55}$/;
const familyDigits = 22;
const secretDigits = 43;
const tagDigits = 11;

export const newFamilyId = (): string => randomBase62(familyDigits);

export type RefreshTokenParsed =
  | { readonly ok: true; readonly familyId: string; readonly generation: number }
  /** `too_new`: made with a secret that this isolate has not been given yet, as happens for moments when one is added. */
  | { readonly ok: false; readonly reason: "malformed" | "forged" | "too_new" };

const digitOf = (version: number): string => base62OfNumber(version % 62, 1);

export async function createRefreshFormat(secrets: VersionedSecrets) {
  const keys = await Promise.all(
    secrets.map(async ({ version, secret }) => ({ version, key: await importHmacKey(secret) })),
  );
  const [newest] = keys;
  if (!newest) throw new Error("refresh tokens need at least one secret");
  const newestVersion = newest.version;

  async function tagOf(key: CryptoKey, body: string): Promise<string> {
    const mac = await hmacSha256(key, `gatehouse refresh token tag ${body}`);
    return base62(new DataView(mac.buffer).getBigUint64(0), tagDigits);
  }

  /** Versions ahead of the newest one known, by no more than half of what one digit can tell apart. */
  function isTooNew(digit: string): boolean {
    return Array.from({ length: 31 }, (_, ahead) => digitOf(newestVersion + ahead + 1)).includes(digit);
  }

  async function assemble(
    { version, key }: { version: number; key: CryptoKey },
    token: { familyId: string; generation: number; secret: string },
  ): Promise<string> {
    const body = `gr_${token.familyId}_${token.generation}_${token.secret}${digitOf(version)}`;
    return body + (await tagOf(key, body));
  }

  return {
    newestVersion,

    /** The first token of a family. */
    make: (familyId: string): Promise<string> =>
      assemble(newest, { familyId, generation: 0, secret: randomBase62(secretDigits) }),

    /** Shape, then tag. Microseconds of CPU, no call. */
    async parse(text: string): Promise<RefreshTokenParsed> {
      const match = shape.exec(text);
      if (!match?.[1]) return { ok: false, reason: "malformed" };
      const digit = text.charAt(text.length - tagDigits - 1);
      const body = text.slice(0, -tagDigits);
      const named = keys.filter(({ version }) => digitOf(version) === digit);
      for (const { key } of named) {
        if (equalInConstantTime(text.slice(-tagDigits), await tagOf(key, body))) {
          return { ok: true, familyId: match[1], generation: Number(match[2]) };
        }
      }
      return { ok: false, reason: named.length === 0 && isTooNew(digit) ? "too_new" : "forged" };
    },

    /**
     * The one successor of a token under one version of the secret: derived, so that a retry gets the same bytes
     * without their being kept anywhere. Null when this isolate does not know that version.
     */
    async successorOf(
      presented: string,
      token: { familyId: string; generation: number },
      version: number,
    ): Promise<string | null> {
      const known = keys.find((one) => one.version === version);
      if (!known) return null;
      const mac = await hmacSha256(known.key, `gatehouse refresh token successor ${presented}`);
      const secret = base62(numberOf(mac), secretDigits);
      return await assemble(known, { ...token, generation: token.generation + 1, secret });
    },
  };
}

export type RefreshFormat = Awaited<ReturnType<typeof createRefreshFormat>>;

const numberOf = (bytes: Uint8Array): bigint =>
  bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
