import type { Account } from "../accounts/account.ts";
import type { FactorKind, Operator } from "../mfa/factor.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { ProofVerdict } from "../mfa/proving.ts";
import type { Step } from "../mfa/steps.ts";
import type { Level } from "../tokens/levels.ts";
import { isWeaker } from "./freshness.ts";
import type { LoginSources, SignInOutcome } from "./login.ts";

type Offers = {
  /** What may be shown now, and is enough. */
  readonly factors: readonly FactorKind[];
  /** What is not enough, and lets its owner set up what is. */
  readonly enrolmentFactors: readonly FactorKind[];
};

/** Whatever else somebody may have is too weak a way to a passkey. */
export const waysOn: readonly FactorKind[] = ["totp", "recovery-codes"];

/** After a password: which of the factors that somebody has reach the level, and which are a way to one that does. */
export function offersAt(
  level: Level,
  held: readonly FactorKind[],
  { provedBy }: Pick<Mfa, "provedBy">,
): Offers {
  const reaches = (kind: FactorKind): boolean =>
    !isWeaker(provedBy(["pwd"], { kind, isUserVerified: false }).acr, level);
  return {
    factors: held.filter(reaches),
    enrolmentFactors: held.filter((kind) => !reaches(kind) && waysOn.includes(kind)),
  };
}

/** What a sign-in that cannot begin yet is asked next. */
export function createNextQuestion({ mfa, levelRequired }: Pick<LoginSources, "mfa" | "levelRequired">) {
  async function due(
    step: Step,
    offers: Offers,
    { degraded = [], isForgotten = false }: { degraded?: readonly string[]; isForgotten?: boolean } = {},
  ): Promise<SignInOutcome> {
    const { mustEnrol, isPasskeyNeeded = false, mayRemember = false } = step;
    const rememberDays = mayRemember ? mfa.remembered.days : 0;
    const told = { ...offers, mustEnrol, isPasskeyNeeded, rememberDays, isForgotten };
    return {
      ok: false,
      code: "factor_due",
      due: { mfaToken: await mfa.steps.make(step), ...told },
      degraded,
    };
  }

  /** What was proved is true and not enough. The session begins with a passkey that is set up now, or not at all. */
  const mustSetUp = (step: Step, methods: readonly string[]): Promise<SignInOutcome> =>
    due({ ...step, methods, mustEnrol: true, isPasskeyNeeded: true }, { factors: [], enrolmentFactors: [] });

  return {
    due,
    mustSetUp,

    /** Uses the proof up, since no session does. Null: it leads nowhere, or somebody used it a moment before. */
    async leadOn(
      verdict: ProofVerdict & { ok: true },
      step: Step,
      kind: FactorKind,
      operator: Operator,
    ): Promise<SignInOutcome | null> {
      if (!waysOn.includes(kind) || !(await mfa.spend(verdict))) return null;
      mfa.noteUse(kind, verdict.owner.id, operator);
      return await mustSetUp(step, verdict.proved.amr);
    },

    /** A session that is raised was begun before and goes on; one that begins reaches what is demanded of it. */
    isTooWeak: ({ raised }: Step, acr: Level, account: Pick<Account, "scopes">): boolean =>
      raised === null && isWeaker(acr, levelRequired(account)),
  };
}
