import type { Factor, FactorVerdict } from "../factor.ts";
import type { SmsCodes } from "../sms-codes.ts";
import type { FactorRow } from "../store.ts";
import type { PhoneDetails } from "../tables.ts";

export const phoneContext = (factorId: string): string => `phone ${factorId}`;

/** A code that was sent to a telephone: the last one alone, once, for five minutes, where it was asked for. */
export function smsFactor(sources: {
  readonly codes: Pick<SmsCodes, "isOf">;
  readonly now: () => number;
}): Factor<"sms"> {
  return {
    kind: "sms",
    guesses: "closed",

    isOf: () => true,

    async verify(row: FactorRow, { code, binding }): Promise<FactorVerdict> {
      const { code: sent } = row.details as PhoneDetails;
      if (!sent || !(await sources.codes.isOf(code, sent.hash, { factorId: row.id, binding })))
        return { ok: false, reason: "wrong_code" };
      if (Date.parse(sent.expiresAt) <= sources.now()) return { ok: false, reason: "expired" };
      return { ok: true, use: { kind: "sms", factorId: row.id, codeHash: sent.hash }, isUserVerified: false };
    },
  };
}
