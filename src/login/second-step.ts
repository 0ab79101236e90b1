import type { Account, KnownDevice } from "../accounts/account.ts";
import { sha256Hex } from "../crypto/digest.ts";
import type { FactorKind, Shown } from "../mfa/factor.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { ProofVerdict } from "../mfa/proving.ts";
import type { Step } from "../mfa/steps.ts";
import type { SessionKind } from "../sessions/session.ts";
import { createByMail } from "./by-mail.ts";
import { deviceNameOf } from "./device-name.ts";
import { isWeaker } from "./freshness.ts";
import type { Carried, LoginSources, SignInAsked, SignInOutcome, Visitor } from "./login.ts";
import { createNextQuestion, offersAt, waysOn } from "./next-question.ts";
import { createSessionBegin } from "./session-begin.ts";

/** Whose session is to be raised, as its own proof tells. */
export type Raised = {
  readonly accountId: string;
  readonly version: number;
  readonly sessionId: string;
  readonly kind: SessionKind;
  readonly amr: readonly string[];
  readonly absoluteExpiresAt: Date;
};

const none: readonly string[] = [];
const refused = (code: "mfa_token_invalid" | "unavailable"): SignInOutcome => ({
  ok: false,
  code,
  degraded: none,
});
/** What somebody ticked beside a proof. */
type Wish = { readonly isToRemember?: boolean };
type DeviceOf = Pick<Step, "lane" | "deviceId" | "isDeviceKnown">;
const knownOf = ({ deviceId, addressHash, isDeviceKnown }: Step) => ({
  known: deviceId === null ? null : { id: deviceId, addressHash },
  isKnown: isDeviceKnown,
});
const byPassword = { acr: "one-factor", amr: ["pwd"] } as const;

/** What follows a first proof: the session, or the question for a second one. */
export function createSecondStep(sources: LoginSources) {
  const { mfa, deviceCookies } = sources;
  const begin = createSessionBegin(sources);
  const { due, leadOn, mustSetUp, isTooWeak } = createNextQuestion(sources);

  const factorsOf = (account: Pick<Account, "factorKinds">): FactorKind[] => {
    const shown = mfa.offered(account.factorKinds);
    return shown.length === 0 ? [] : [...shown, "recovery-codes"];
  };

  /** A browser that is new gets the name under which its guesses count once it has proved a factor. */
  function deviceOf(addressHash: string, known: KnownDevice | null, kind: SessionKind): DeviceOf {
    const isDeviceKnown = known?.addressHash === addressHash;
    const fresh = kind === "browser" ? mfa.newDeviceId() : null;
    const deviceId = isDeviceKnown ? known.id : fresh;
    return { lane: mfa.laneOf(deviceId), deviceId, isDeviceKnown };
  }

  /** Who is refused again and again, whoever's factors they try, is refused without a call for a while. */
  function brake({ network, origin, background }: Visitor): SignInOutcome | null {
    const { retryAfterSeconds } = sources.rateLimits.brakeOf("refusedFactors", `network:${network}`);
    if (retryAfterSeconds <= 0) return null;
    mfa.refuse("guessing", null, { actor: { type: "stranger", id: "" }, origin, background });
    return { ok: false, code: "rate_limited", retryAfterSeconds, degraded: none };
  }

  function counted(outcome: SignInOutcome, { network }: Visitor): SignInOutcome {
    sources.rateLimits.note("refusedFactors", `network:${network}`);
    return outcome;
  }

  async function afterPassword(
    verdict: {
      readonly account: Account;
      readonly addressHash: string;
      readonly degraded: readonly string[];
    },
    known: KnownDevice | null,
    asked: SignInAsked,
    visitor: Visitor,
  ): Promise<SignInOutcome> {
    const { account, addressHash, degraded } = verdict;
    const { kind } = asked;
    const held = factorsOf(account);
    const level = sources.levelRequired(account);
    const isEnough = level === "one-factor";
    const isAsked = held.length > 0 || !isEnough;
    // A remembered browser spares who chose to be asked; where more than a password is demanded, it is none.
    const mayRemember = isAsked && isEnough && kind === "browser" && mfa.remembered.days > 0;
    const proof = mayRemember ? await mfa.remembered.proofOf(asked.rememberedCookie, account) : null;
    if (!isAsked || proof) {
      const begun = await begin(
        { account, ...byPassword, kind, proof: proof ?? undefined },
        { ...account, addressHash },
        { known, isKnown: known?.addressHash === addressHash },
        asked,
        visitor,
      );
      if (begun) return { ...begun, degraded };
      // The account changed while its password was being checked: what was proved may not be true any more.
      if (!proof) return { ok: false, code: "unavailable", retryAfterSeconds: 1, degraded };
    }
    const step = {
      accountId: account.id,
      version: account.version,
      kind,
      methods: ["pwd"],
      addressHash,
      ...deviceOf(addressHash, known, kind),
      raised: null,
      mustEnrol: held.length === 0,
      isPasskeyNeeded: level === "phishing-resistant",
      mayRemember,
    };
    return await due(step, offersAt(level, held, mfa), { degraded, isForgotten: proof !== null });
  }

  function refusal(verdict: ProofVerdict & { ok: false }, kind: FactorKind): SignInOutcome {
    if (verdict.reason === "waiting")
      return {
        ok: false,
        code: "rate_limited",
        retryAfterSeconds: verdict.retryAfterSeconds,
        degraded: none,
      };
    if (verdict.reason === "void") return refused("mfa_token_invalid");
    if (verdict.reason === "closed") return { ok: false, code: "factor_closed", degraded: none };
    return { ok: false, code: kind === "passkey" ? "invalid_passkey" : "invalid_code", degraded: none };
  }

  async function beginProved(
    verdict: ProofVerdict & { ok: true },
    step: Step,
    shown: Shown,
    carried: Carried & Wish,
    visitor: Visitor,
  ): Promise<SignInOutcome> {
    const { owner, proved } = verdict;
    const { origin, background, device } = visitor;
    const operator = { actor: { type: "user", id: owner.id }, origin, background } as const;
    const isRemembered = carried.isToRemember && step.mayRemember && mfa.remembered.remembers(shown.kind);
    const remembered = isRemembered
      ? await mfa.remembered.make(owner, deviceNameOf(device.userAgent), carried.rememberedCookie)
      : null;
    const proof = [...mfa.proofOf(verdict), ...(remembered?.steps ?? [])];
    const begun = await begin(
      { account: owner, ...proved, kind: step.kind, proof, raised: raisedOf(step) },
      { ...owner, addressHash: step.addressHash },
      { ...knownOf(step), remembered },
      carried,
      visitor,
    );
    // The same proof was used a moment before, or the account changed meanwhile.
    if (!begun) return refusal({ ok: false, reason: "wrong" }, shown.kind);
    mfa.noteUse(shown.kind, owner.id, operator);
    if (remembered) mfa.remembered.noteRemembered(owner.id, operator);
    return begun;
  }

  const raisedOf = ({ raised }: Step) =>
    raised === null ? undefined : { sessionId: raised.sessionId, absoluteExpiresAt: new Date(raised.endsAt) };

  const { openByMail, provedByMail } = createByMail(sources, {
    due: (step, factors) => due(step, { factors, enrolmentFactors: [] }),
    deviceOf,
  });

  const verbs = {
    openByMail,

    /** Two sequential round trips: the guess is counted and what it is checked against read; then the session, by its use. */
    async prove(
      mfaToken: unknown,
      shown: Shown,
      carried: Carried & Wish,
      visitor: Visitor,
    ): Promise<SignInOutcome> {
      const step = await mfa.steps.read(mfaToken, "proof", visitor);
      if (!step || (step.byMail && !waysOn.includes(shown.kind))) return refused("mfa_token_invalid");
      const braked = brake(visitor);
      if (braked) return braked;
      const { origin, background } = visitor;
      const operator = { actor: { type: "user", id: step.accountId }, origin, background } as const;
      const verdict = await mfa.prove(step, shown, operator);
      if (!verdict.ok) return counted(refusal(verdict, shown.kind), visitor);
      if (step.byMail) return await provedByMail(verdict, step, shown, visitor);
      if (!isTooWeak(step, verdict.proved.acr, verdict.owner))
        return await beginProved(verdict, step, shown, carried, visitor);
      const outcome = await leadOn(verdict, step, shown.kind, operator);
      return outcome ?? refusal({ ok: false, reason: "wrong" }, shown.kind);
    },

    /** By a passkey alone, one that verified its user. */
    async signInByPasskey(
      shown: Shown & { readonly kind: "passkey" },
      asked: Carried & { readonly kind: SessionKind },
      visitor: Visitor,
    ): Promise<SignInOutcome> {
      const { origin, background } = visitor;
      const actor = { type: "stranger", id: "" } as const;
      const braked = brake(visitor);
      if (braked) return braked;
      const verdict = await mfa.provePasskey(shown, { actor, origin, background });
      if (!verdict.ok) return counted(refusal(verdict, "passkey"), visitor);
      const { owner, proved } = verdict;
      // Who has a passkey has a second factor: one factor alone opens nothing of theirs.
      const level = sources.levelRequired(owner);
      if (isWeaker(proved.acr, isWeaker(level, "two-factor") ? "two-factor" : level)) {
        mfa.refuse("insufficient_user_authentication", owner.id, { actor, origin, background });
        return { ok: false, code: "invalid_passkey", degraded: none };
      }
      const known = await deviceCookies.read(asked.deviceCookie);
      const addressHash = await sha256Hex(owner.emailCanonical);
      const step = {
        accountId: owner.id,
        version: owner.version,
        kind: asked.kind,
        methods: proved.amr,
        addressHash,
        ...deviceOf(addressHash, known, asked.kind),
        raised: null,
        mustEnrol: false,
      };
      return await beginProved(verdict, step, shown, asked, visitor);
    },

    /** The next question to who must prove more, or anew. A session in which no factor was proved has no count of its own. */
    async raise(session: Raised, account: Pick<Account, "factorKinds">, proved = session.amr) {
      const { accountId, version, kind, amr } = session;
      const lane = proved.includes("mfa") ? mfa.sessionLane(session.sessionId) : mfa.laneOf(null);
      const raised = { sessionId: session.sessionId, endsAt: session.absoluteExpiresAt.getTime() };
      const who = { accountId, version, kind, methods: amr, lane };
      const step = { ...who, addressHash: "", deviceId: null, isDeviceKnown: true, raised, mustEnrol: false };
      return await due(step, { factors: factorsOf(account), enrolmentFactors: [] });
    },

    /** The factor that was set up is there, and was shown in being set up: the session begins, or is taken further. */
    async enrolled(
      step: Step,
      factor: Parameters<Mfa["provedBy"]>[1],
      carried: Carried,
      visitor: Visitor,
    ): Promise<SignInOutcome> {
      const account = await sources.accounts.get(step.accountId);
      // Setting it up was one change; any further one undoes the first proof.
      if (account.version !== step.version + 1 || (step.byMail && !factor.isUserVerified)) {
        const { origin, background } = visitor;
        mfa.refuse("superseded", account.id, { actor: { type: "user", id: account.id }, origin, background });
        return refused("mfa_token_invalid");
      }
      const proved = mfa.provedBy(step.methods, factor);
      if (isTooWeak(step, proved.acr, account))
        return await mustSetUp({ ...step, version: account.version }, proved.amr);
      const signIn = { account, ...proved, kind: step.kind, raised: raisedOf(step) };
      const whose = { ...account, addressHash: step.addressHash };
      return (await begin(signIn, whose, knownOf(step), carried, visitor)) ?? refused("unavailable");
    },

    /** For who has nothing but the password: it, once more. */
    async raiseByPassword(
      session: Raised,
      password: unknown,
      carried: Carried,
      visitor: Visitor,
    ): Promise<SignInOutcome> {
      const { origin, background } = visitor;
      const operator = { actor: { type: "user", id: session.accountId }, origin, background } as const;
      const confirmed = await sources.accounts.confirmPassword(session.accountId, password, operator);
      if (!confirmed.ok)
        return confirmed.reason === "over_limit"
          ? {
              ok: false,
              code: "rate_limited",
              retryAfterSeconds: confirmed.retryAfterSeconds,
              degraded: none,
            }
          : { ok: false, code: "invalid_credentials", degraded: none };
      const { account } = confirmed;
      // Whoever has more is asked for it: a session is not made weaker by being proved anew.
      if (account.factorKinds.length > 0)
        return await verbs.raise(
          { ...session, version: account.version, amr: ["pwd"] },
          account,
          session.amr,
        );
      const raised = { sessionId: session.sessionId, absoluteExpiresAt: session.absoluteExpiresAt };
      const whose = { ...account, addressHash: "" };
      const begun = await begin(
        { account, ...byPassword, kind: session.kind, raised },
        whose,
        { known: null, isKnown: true },
        carried,
        visitor,
      );
      return begun ?? refused("unavailable");
    },
  };

  return { afterPassword, verbs };
}
