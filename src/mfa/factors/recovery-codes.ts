import { sha256Hex } from "../../crypto/digest.ts";
import type { Factor, FactorVerdict } from "../factor.ts";
import type { FactorRow } from "../store.ts";
import type { RecoveryDetails } from "../tables.ts";

export const codesInASet = 10;
/** Crockford's digits: none can be taken for another. 16 of them are 80 bits. */
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
const codeLength = 16;

/** `xxxx-xxxx-xxxx-xxxx`. */
export function newRecoveryCode(): string {
  const random = crypto.getRandomValues(new Uint8Array(codeLength));
  const text = Array.from(random, (byte) => digits[byte & 31]).join("");
  return text.replace(/(.{4})(?=.)/g, "$1-");
}

/** A code as it is compared: what somebody copied by hand still is the code. */
export function canonicalCode(typed: string): string | null {
  const text = typed.toLowerCase().replaceAll(/[\s-]/g, "").replaceAll("o", "0").replaceAll(/[il]/g, "1");
  return /^[0-9a-hjkmnp-tv-z]{16}$/.test(text) ? text : null;
}

/** 80 random bits need no slow hash; the account's id keeps equal codes of two people apart. */
export const codeHashOf = (accountId: string, canonical: string): Promise<string> =>
  sha256Hex(`gatehouse recovery code ${accountId} ${canonical}`);

export const codesLeft = (row: Pick<FactorRow, "details">): number =>
  Object.keys((row.details as RecoveryDetails).codes ?? {}).length;

/** Look-up secrets (NIST SP 800-63B-4 §3.1.2): each once. */
export function recoveryCodesFactor(): Factor<"recovery-codes"> {
  return {
    kind: "recovery-codes",
    guesses: "slowed",

    isOf: () => true,

    async verify(row: FactorRow, { code }): Promise<FactorVerdict> {
      const canonical = canonicalCode(code);
      const { codes = {} } = row.details as Partial<RecoveryDetails>;
      const codeHash = canonical === null ? "" : await codeHashOf(row.accountId, canonical);
      if (!Object.hasOwn(codes, codeHash)) return { ok: false, reason: "wrong_code" };
      return { ok: true, use: { kind: "recovery-codes", factorId: row.id, codeHash }, isUserVerified: false };
    },
  };
}
