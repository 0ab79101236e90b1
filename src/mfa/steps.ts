import type { Audit } from "../audit/audit.ts";
import type { EventReason } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import type { Seal } from "../crypto/seal.ts";
import type { Operator } from "./factor.ts";
import { noteRefusal } from "./foundation.ts";

/** A sign-in that waits for its second factor, or a session that is to be raised. Held by the caller, kept nowhere. */
export type Step = {
  readonly accountId: string;
  /** Of the account when the first proof was checked: a change since then undoes it. */
  readonly version: number;
  readonly kind: "browser" | "native";
  /** What was proved so far, in the words of `amr`. */
  readonly methods: readonly string[];
  /** Whose count wrong guesses go to. */
  readonly lane: string;
  readonly addressHash: string;
  readonly deviceId: string | null;
  /** Whether somebody signed in to this account from it before: its owner need not be told. */
  readonly isDeviceKnown: boolean;
  /** The session that is raised; null for a sign-in. */
  readonly raised: { readonly sessionId: string; readonly endsAt: number } | null;
  /** A factor must be set up before the session begins, and none can be shown. */
  readonly mustEnrol: boolean;
  /** Only a passkey is enough; what else is shown leads to setting one up. */
  readonly isPasskeyNeeded?: boolean;
  /** Whether the browser may be remembered once a factor was proved in it. */
  readonly mayRemember?: boolean;
  /**
   * The first proof was a link in a mail, to an account without a password: it opens the setting up of a passkey that
   * verifies its user, after another factor where there is one, and nothing else.
   */
  readonly byMail?: true;
};

/**
 * Whether a factor may be set up in this step: by who has nothing to show, or has shown what they have and it was too
 * weak; and the account is as it was then.
 */
export const mayEnrol = (
  { version, mustEnrol, methods, byMail }: Step,
  account: { readonly version: number; readonly state: string; readonly factorKinds: readonly string[] },
): boolean =>
  mustEnrol &&
  account.version === version &&
  account.state === "active" &&
  (account.factorKinds.length === 0 || methods.includes("mfa") || byMail === true);

const lifeMilliseconds = 5 * 60_000;
const context = "second factor step";
const shape = /^gm_[0-9]+\.[\w-]+\.[\w-]{1,2000}$/;

type Opened = Step & { readonly expiresAt: number };

/**
 * `mfa_token`: what a first proof opens, which is the next question and nothing else. Sealed, so that it tells nothing
 * and cannot be made; it holds a nonce, so two of them never look alike.
 */
export function createSteps(sources: {
  readonly seal: Pick<Seal, "seal" | "open">;
  readonly audit: Pick<Audit, "record">;
  readonly now: () => number;
}) {
  const { seal, now } = sources;

  async function open(token: unknown): Promise<Opened | EventReason> {
    if (typeof token !== "string" || !shape.test(token)) return "malformed";
    const opened = await seal.open(token.slice(3), context);
    return opened.ok ? (JSON.parse(opened.plaintext) as Opened) : "forged";
  }

  return {
    async make(step: Step): Promise<string> {
      const sealed = { ...step, expiresAt: now() + lifeMilliseconds, nonce: randomBase62(16) };
      return `gm_${await seal.seal(JSON.stringify(sealed), context)}`;
    },

    /**
     * Null, and an event, for what was not made here, what is too old, and what waits for something else: a factor to be
     * shown, or one to be set up.
     */
    async read(
      token: unknown,
      waitsFor: "proof" | "enrolment",
      { origin, background }: Pick<Operator, "origin" | "background">,
    ): Promise<Step | null> {
      const step = await open(token);
      const refuse = (reason: EventReason, accountId: string | null): null => {
        const actor = { type: "stranger", id: "" } as const;
        noteRefusal(sources, reason, accountId, { actor, origin, background });
        return null;
      };
      if (typeof step === "string") return refuse(step, null);
      if (step.expiresAt <= now()) return refuse("expired", step.accountId);
      return step.mustEnrol === (waitsFor === "enrolment") ? step : refuse("wrong_type", step.accountId);
    },
  };
}

export type Steps = ReturnType<typeof createSteps>;
