import { AuthError } from "../errors/auth-error.ts";
import type { SessionShown } from "../sessions/session.ts";

/** How old the proof behind a session may be when a factor, the password or the address is changed. */
export const freshSeconds = 600;

/** The strongest that the account can show, lately: a session that was stolen, or left open, changes nothing. */
export const isFresh = (
  session: Pick<SessionShown, "acr" | "authTime">,
  account: { readonly factorKinds: readonly string[] },
  now: number,
): boolean =>
  now - session.authTime.getTime() <= freshSeconds * 1000 &&
  (account.factorKinds.length === 0 || session.acr !== "one-factor");

export function requireFresh(...given: Parameters<typeof isFresh>): void {
  if (isFresh(...given)) return;
  throw new AuthError(
    "insufficient_user_authentication",
    `prove it within ${freshSeconds} seconds: POST /auth/mfa/step-up`,
  );
}
