import type { Account } from "../accounts/account.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { Background } from "../audit/audit.ts";
import type { Origin } from "../audit/events.ts";
import type { Code } from "../errors/codes.ts";
import type { FactorKind } from "../mfa/factor.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { Remembered } from "../mfa/remembered-devices.ts";
import type { Device, SessionKind } from "../sessions/session.ts";
import type { Began, Sessions } from "../sessions/sessions.ts";
import type { Level } from "../tokens/levels.ts";
import type { DeviceCookies } from "./device-cookie.ts";
import type { NewDeviceSources } from "./new-device.ts";
import { createSecondStep } from "./second-step.ts";

/** Who knocks, as far as the request tells. */
export type Visitor = {
  readonly network: string;
  readonly origin: Origin;
  readonly device: Device;
  readonly background: Background;
};

/** Cookies of the browser, as they came; null when it sent none. */
export type Carried = {
  readonly sessionCookie: string | null;
  readonly deviceCookie: string | null;
  /** Of a browser in which the second factor is not asked for. */
  readonly rememberedCookie?: string | null;
};

export type SignInAsked = Carried & {
  readonly email: string;
  readonly password: string;
  readonly kind: SessionKind;
};

type RefusedCode = Extract<
  Code,
  | "invalid_credentials"
  | "account_disabled"
  | "rate_limited"
  | "unavailable"
  | "invalid_code"
  | "invalid_passkey"
  | "factor_closed"
  | "mfa_token_invalid"
  | "recovery_refused"
>;

/** Somebody is recognised and must prove more, or set up what they could prove it with. */
export type StepDue = {
  readonly mfaToken: string;
  /** What they may show now; empty when they have nothing and must set it up. */
  readonly factors: readonly FactorKind[];
  readonly mustEnrol: boolean;
  /** Only a passkey will do: what else may be shown leads to setting one up. */
  readonly isPasskeyNeeded: boolean;
  readonly enrolmentFactors: readonly FactorKind[];
  /** For how long this browser may be remembered; 0: it may not. */
  readonly rememberDays: number;
  /** What this browser was remembered by does not count any more. */
  readonly isForgotten: boolean;
};

export type SignInOutcome =
  | {
      readonly ok: true;
      readonly began: Began;
      /** For the device cookie; null for a native application. */
      readonly deviceCookie: string | null;
      /** For the cookie of a browser that is remembered from now on. */
      readonly remembered: Remembered | null;
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly code: "factor_due";
      readonly due: StepDue;
      readonly degraded: readonly string[];
    }
  | RefusedSignIn;

export type RefusedSignIn = {
  readonly ok: false;
  readonly code: RefusedCode;
  readonly retryAfterSeconds?: number;
  readonly degraded: readonly string[];
};

/** What a stranger is told: a wrong password and an unknown address are one thing. */
const codeOf = {
  wrong_password: "invalid_credentials",
  unknown_account: "invalid_credentials",
  account_disabled: "account_disabled",
  over_limit: "rate_limited",
  busy: "unavailable",
} as const;

export type LoginSources = NewDeviceSources & {
  readonly accounts: Pick<Accounts, "verifyPassword" | "confirmPassword" | "get">;
  readonly sessions: Pick<Sessions, "begin">;
  readonly mfa: Mfa;
  readonly deviceCookies: DeviceCookies;
  /** How strongly an account must prove itself before it is in at all. */
  readonly levelRequired: (account: Pick<Account, "scopes">) => Level;
  readonly now: () => number;
};

/** Signing in, for pages and applications alike. */
export function createLogin(sources: LoginSources) {
  const { accounts, deviceCookies } = sources;
  const secondStep = createSecondStep(sources);

  return {
    ...secondStep.verbs,

    /** Whether an app would be too weak for a sign-in of this account. */
    isPasskeyNeeded: (account: Pick<Account, "scopes">): boolean =>
      sources.levelRequired(account) === "phishing-resistant",

    /**
     * Two sequential round trips: what is known of the address beside the limits, then the session. One, when a second
     * factor is due: nothing is begun before it.
     */
    async signIn(asked: SignInAsked, visitor: Visitor): Promise<SignInOutcome> {
      const { network, origin, background } = visitor;
      const known = await deviceCookies.read(asked.deviceCookie);
      const asking = { network, origin, background, device: known };
      const verdict = await accounts.verifyPassword(asked.email, asked.password, asking);
      if (!verdict.ok) {
        const retry = "retryAfterSeconds" in verdict ? { retryAfterSeconds: verdict.retryAfterSeconds } : {};
        return { ok: false, code: codeOf[verdict.reason], ...retry, degraded: verdict.degraded };
      }
      return await secondStep.afterPassword(verdict, known, asked, visitor);
    },
  };
}

export type Login = ReturnType<typeof createLogin>;
