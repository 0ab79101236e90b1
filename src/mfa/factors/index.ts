import type { Factor, Shown } from "../factor.ts";
import { passkeyFactor } from "./passkey.ts";
import { recoveryCodesFactor } from "./recovery-codes.ts";
import { smsFactor } from "./sms.ts";
import { totpFactor } from "./totp.ts";

type Sources = Parameters<typeof totpFactor>[0] &
  Parameters<typeof passkeyFactor>[0] & {
    /** Null: no texts are sent, and the factor does not exist. */
    readonly sms: Pick<Parameters<typeof smsFactor>[0], "codes"> | null;
  };

/** The list, in the order in which they are offered: what is strongest first. */
export const factorList = (sources: Sources): readonly AnyFactor[] => [
  anyOf(passkeyFactor(sources)),
  anyOf(totpFactor(sources)),
  ...(sources.sms ? [anyOf(smsFactor({ codes: sources.sms.codes, now: sources.now }))] : []),
  anyOf(recoveryCodesFactor()),
];

/** A factor that is asked whatever was shown: what is not of its kind is not of its rows. */
export type AnyFactor = Pick<Factor, "kind" | "guesses"> & {
  readonly isOf: (row: Parameters<Factor["isOf"]>[0], shown: Shown) => boolean;
  readonly verify: (row: Parameters<Factor["verify"]>[0], shown: Shown) => ReturnType<Factor["verify"]>;
};

function anyOf<Kind extends Factor["kind"]>(factor: Factor<Kind>): AnyFactor {
  const isOfKind = (shown: Shown): shown is Shown & { kind: Kind } => shown.kind === factor.kind;
  return {
    kind: factor.kind,
    guesses: factor.guesses,
    isOf: (row, shown) => isOfKind(shown) && factor.isOf(row, shown),
    verify: async (row, shown) =>
      isOfKind(shown) ? await factor.verify(row, shown) : { ok: false, reason: "wrong_code" },
  };
}
