import { AuthError } from "../errors/auth-error.ts";
import type { SessionShown } from "../sessions/session.ts";
import type { Level } from "../tokens/levels.ts";

export const strength: Readonly<Record<Level, number>> = {
  "one-factor": 0,
  "two-factor": 1,
  "phishing-resistant": 2,
};
/** A level that nobody knows stands below all of them. */
export const isWeaker = (level: string, than: Level): boolean =>
  (strength[level as Level] ?? -1) < strength[than];

/** How old the proof behind a session may be when a factor, the password or the address is changed. */
export const freshSeconds = 600;

/**
 * More than a password where the account has it, lately: a session that was stolen, or left open, changes no factor. Nor
 * does one whose last proof was a text message: whoever takes over a number must not come to a passkey by it.
 */
export const isFresh = (
  session: Pick<SessionShown, "acr" | "amr" | "authTime">,
  account: { readonly factorKinds: readonly string[] },
  now: number,
): boolean =>
  now - session.authTime.getTime() <= freshSeconds * 1000 &&
  (account.factorKinds.length === 0 || (session.acr !== "one-factor" && !session.amr.includes("sms")));

/** `refused` is told of it before it throws. */
export function requireFresh(
  session: Parameters<typeof isFresh>[0],
  account: Parameters<typeof isFresh>[1],
  now: number,
  refused: () => void,
): void {
  if (isFresh(session, account, now)) return;
  refused();
  throw new AuthError(
    "insufficient_user_authentication",
    `prove it within ${freshSeconds} seconds, not by a text message: POST /auth/mfa/step-up`,
  );
}

/** Before the password goes: that a passkey works is seen, not believed. */
export const isFreshPasskey = (session: Pick<SessionShown, "acr" | "authTime">, now: number): boolean =>
  session.acr === "phishing-resistant" && now - session.authTime.getTime() <= freshSeconds * 1000;

export function requireFreshPasskey(...given: Parameters<typeof isFreshPasskey>): void {
  if (isFreshPasskey(...given)) return;
  throw new AuthError(
    "insufficient_user_authentication",
    `use a passkey within ${freshSeconds} seconds: POST /auth/mfa/step-up`,
  );
}
