import { base64url, equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

export const smsCodeLifeMs = 5 * 60_000;
/** Six ASCII digits; spaces are how people group them. */
const codeShape = /^[0-9]{6}$/;
const codes = 1_000_000;
/** The last that every code stands behind equally often. */
const usableMax = Math.floor(2 ** 32 / codes) * codes;

/** NIST SP 800-63B-4 §3.1.3: six digits, at random. */
export function newSmsCode(): string {
  for (;;) {
    const [random = usableMax] = crypto.getRandomValues(new Uint32Array(1));
    if (random < usableMax) return String(random % codes).padStart(6, "0");
  }
}

/** Whom a code was made for: which telephone, and who may show it. */
type Made = { readonly factorId: string; readonly binding: string };

/**
 * What is kept of a code, and of a number that is counted: with a key, since a million codes are hashed in a moment. The
 * sign-in or session that asked is hashed along, so that what was sent for one opens nothing in another.
 */
export async function createSmsCodes(secrets: VersionedSecrets) {
  const keys = await Promise.all(secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("codes by text message need at least one secret");

  const hash = async (key: CryptoKey, code: string, { factorId, binding }: Made): Promise<string> =>
    base64url(await hmacSha256(key, JSON.stringify(["gatehouse sms code", factorId, binding, code])));

  return {
    hashOf: (code: string, made: Made): Promise<string> => hash(newest, code, made),

    async isOf(typed: string, kept: string, made: Made): Promise<boolean> {
      const code = typed.replaceAll(" ", "");
      if (!codeShape.test(code)) return false;
      for (const key of keys) {
        if (equalInConstantTime(await hash(key, code, made), kept)) return true;
      }
      return false;
    },

    /** Whose count is kept where a number must not be read. */
    subjectOf: async (number: string): Promise<string> =>
      base64url(await hmacSha256(newest, `gatehouse phone number ${number}`)).slice(0, 22),
  };
}

export type SmsCodes = Awaited<ReturnType<typeof createSmsCodes>>;
