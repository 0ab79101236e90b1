import { randomBase62 } from "../crypto/base62.ts";
import type { Seal } from "../crypto/seal.ts";

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
  /**
   * The first proof was a link in a mail, to an account without a password: it opens the setting up of a passkey that
   * verifies its user, after another factor where there is one, and nothing else.
   */
  readonly byMail?: true;
};

const lifeMilliseconds = 5 * 60_000;
const context = "second factor step";
const shape = /^gm_[0-9]+\.[\w-]+\.[\w-]{1,2000}$/;

/**
 * `mfa_token`: what a first proof opens, which is the next question and nothing else. Sealed, so that it tells nothing
 * and cannot be made; it holds a nonce, so two of them never look alike.
 */
export function createSteps({
  seal,
  now,
}: {
  readonly seal: Pick<Seal, "seal" | "open">;
  readonly now: () => number;
}) {
  return {
    async make(step: Step): Promise<string> {
      const sealed = { ...step, expiresAt: now() + lifeMilliseconds, nonce: randomBase62(16) };
      return `gm_${await seal.seal(JSON.stringify(sealed), context)}`;
    },

    /** Null for anything that was not made here, and for what is too old. */
    async read(token: unknown): Promise<Step | null> {
      if (typeof token !== "string" || !shape.test(token)) return null;
      const opened = await seal.open(token.slice(3), context);
      if (!opened.ok) return null;
      const step = JSON.parse(opened.plaintext) as Step & { readonly expiresAt: number };
      return step.expiresAt > now() ? step : null;
    },
  };
}

export type Steps = ReturnType<typeof createSteps>;
