import type { Account } from "../accounts/account.ts";
import type { FactorKind, Shown } from "../mfa/factor.ts";
import type { ProofVerdict } from "../mfa/proving.ts";
import type { Step } from "../mfa/steps.ts";
import type { SessionKind } from "../sessions/session.ts";
import type { LoginSources, SignInOutcome, Visitor } from "./login.ts";
import { waysOn } from "./next-question.ts";

/** A link in a mail that was used up, of an account without a password. */
export type OpenedByMail = { readonly account: Account; readonly addressHash: string };

type Parts = {
  readonly due: (step: Step, factors: readonly FactorKind[]) => Promise<SignInOutcome>;
  readonly deviceOf: (
    addressHash: string,
    known: { readonly id: string; readonly addressHash: string } | null,
    kind: SessionKind,
  ) => Pick<Step, "lane" | "deviceId" | "isDeviceKnown">;
};

const refused = (code: "mfa_token_invalid" | "invalid_code" | "recovery_refused"): SignInOutcome => ({
  ok: false,
  code,
  degraded: [],
});

/**
 * Accounts without a password begin, and are recovered, by a mail. The mail opens the setting up of a passkey and nothing
 * else; whatever the account has besides passkeys is shown before. Accepted: with passkeys and nothing else its owner gets
 * back in by the mail alone, as with a lost password; not where policy demands two factors of them.
 */
export function createByMail(
  sources: Pick<LoginSources, "mfa" | "deviceCookies" | "levelRequired">,
  parts: Parts,
) {
  const { mfa, deviceCookies } = sources;

  return {
    /** A passkey is set up next, or another factor asked for first. */
    async openByMail(
      { account, addressHash }: OpenedByMail,
      asked: { readonly kind: SessionKind; readonly deviceCookie: string | null },
    ): Promise<SignInOutcome> {
      const held = account.factorKinds.length === 0 ? [] : await mfa.list(account.id);
      const others = held.filter(({ kind, codesLeft }) => waysOn.includes(kind) && codesLeft !== 0);
      // A telephone is no way to a passkey, and whoever has one is not let in by the mail alone either.
      const hasPhone = held.some(({ kind }) => kind === "sms");
      const isOpen = held.length === 0 || (!hasPhone && sources.levelRequired(account) === "one-factor");
      if (others.length === 0 && !isOpen) return refused("recovery_refused");
      const known = await deviceCookies.read(asked.deviceCookie);
      const step: Step = {
        accountId: account.id,
        version: account.version,
        kind: asked.kind,
        methods: [],
        addressHash,
        ...parts.deviceOf(addressHash, known, asked.kind),
        raised: null,
        mustEnrol: others.length === 0,
        byMail: true,
      };
      return await parts.due(
        step,
        others.map(({ kind }) => kind),
      );
    },

    /** The other factor was shown: it is used up here, and the passkey is next. */
    async provedByMail(
      verdict: ProofVerdict & { ok: true },
      step: Step,
      { kind }: Shown,
      { origin, background }: Visitor,
    ): Promise<SignInOutcome> {
      if (!(await mfa.spend(verdict))) return refused("invalid_code");
      const { id } = verdict.owner;
      mfa.noteUse(kind, id, { actor: { type: "user", id }, origin, background });
      return await parts.due({ ...step, mustEnrol: true }, []);
    },
  };
}
