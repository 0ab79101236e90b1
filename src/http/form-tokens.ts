import { base64url, equalInConstantTime } from "../crypto/bytes.ts";
import { hmacSha256, importHmacKey } from "../crypto/digest.ts";
import type { VersionedSecrets } from "../crypto/versioned-secrets.ts";

/** A page may stay open over lunch, not over a week. */
const lifeSeconds = 12 * 3600;
const shape = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]{43})$/;

/**
 * Each form's own token against cross-site requests: a MAC over the form, the browser that was shown it and the time.
 * Nothing is stored. `browser` is what its cookie holds: a token of one browser is worth nothing in another.
 */
export async function createFormTokens(options: { secrets: VersionedSecrets; now: () => number }) {
  const keys = await Promise.all(options.secrets.map(({ secret }) => importHmacKey(secret)));
  const [newest] = keys;
  if (!newest) throw new Error("form tokens need at least one secret");
  const nowSeconds = (): number => Math.floor(options.now() / 1000);

  /** JSON keeps the parts apart: no two lists of texts are the same text. */
  const macOf = async (key: CryptoKey, browser: string, form: string, issuedAt: string): Promise<string> =>
    base64url(await hmacSha256(key, JSON.stringify(["gatehouse form token", form, browser, issuedAt])));

  return {
    async make(browser: string, form: string): Promise<string> {
      const issuedAt = nowSeconds().toString(36);
      return `${issuedAt}.${await macOf(newest, browser, form, issuedAt)}`;
    },

    async isValid(token: string, browser: string, form: string): Promise<boolean> {
      const [, issuedAt = "", mac = ""] = shape.exec(token) ?? [];
      if (issuedAt === "") return false;
      const age = nowSeconds() - Number.parseInt(issuedAt, 36);
      if (age < 0 || age > lifeSeconds) return false;
      for (const key of keys) {
        if (equalInConstantTime(mac, await macOf(key, browser, form, issuedAt))) return true;
      }
      return false;
    },
  };
}

export type FormTokens = Awaited<ReturnType<typeof createFormTokens>>;
