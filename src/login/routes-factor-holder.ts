import type { Context } from "hono";
import type { Account } from "../accounts/account.ts";
import { AuthError } from "../errors/auth-error.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { Holder } from "../mfa/enrolment.ts";
import type { Step } from "../mfa/steps.ts";
import type { SessionShown } from "../sessions/session.ts";
import type { Operator } from "../sessions/sessions.ts";
import { requireFresh } from "./freshness.ts";
import type { OwnEntrant } from "./own-access.ts";
import type { AuthDeps } from "./routes.ts";
import { visitorOf } from "./routes-cookies.ts";
import { stepBinding } from "./routes-factor-step.ts";

/** Somebody at their own factors: in a session, or in a sign-in that cannot go on before one is set up. */
export type HolderEntered =
  | {
      readonly ok: true;
      readonly account: Account;
      readonly holder: Holder;
      readonly operator: Operator;
      /** What a passkey's challenge is bound to. */
      readonly binding: string;
      /** Null in a session. */
      readonly step: Step | null;
      /** Null in a sign-in. */
      readonly session: SessionShown | null;
      /** Throws unless what was proved is strong and recent enough to change a factor. */
      readonly requireFresh: () => void;
    }
  | (OwnEntrant & { readonly ok: false });

export async function enterHolder(
  c: Context<DoorEnv>,
  deps: AuthDeps,
  mfaToken: string | undefined,
): Promise<HolderEntered> {
  return mfaToken === undefined ? await enterSession(c, deps) : await enterStep(c, deps, mfaToken);
}

async function enterSession(c: Context<DoorEnv>, deps: AuthDeps): Promise<HolderEntered> {
  const entrant = await deps.access.enter(c.req.raw.headers, c.env.visit);
  if (!entrant.ok) return entrant;
  const { accountId, sessionId, actor } = entrant;
  const [account, sessions] = await Promise.all([
    deps.accounts.get(accountId),
    deps.sessions.list(accountId),
  ]);
  const session = sessions.find(({ id }) => id === sessionId);
  if (!session) throw new AuthError("invalid_token");
  const { origin, background } = visitorOf(c.env.visit);
  return {
    ok: true,
    account,
    holder: { accountId, email: account.email },
    operator: { actor, origin, background },
    binding: `session:${sessionId}`,
    step: null,
    session,
    requireFresh: () => requireFresh(session, account, deps.now()),
  };
}

/** As it was when the sign-in began, and with nothing to show; after a mail, what there is was shown, or is lost. */
export const isAwaited = (step: Step, account: Account): boolean =>
  account.version === step.version &&
  account.state === "active" &&
  (account.factorKinds.length === 0 || step.byMail === true);

export const holderOf = (step: Step, account: Account): Holder => ({
  accountId: account.id,
  email: account.email,
  step: { version: step.version, isPasskeyOnly: step.byMail === true },
});

/** The first proof is at most five minutes old: it is fresh by itself. Whoever has a factor already shows that instead. */
async function enterStep(c: Context<DoorEnv>, deps: AuthDeps, token: string): Promise<HolderEntered> {
  const step = await deps.mfa.steps.read(token);
  if (!step?.mustEnrol) throw new AuthError("mfa_token_invalid");
  const account = await deps.accounts.get(step.accountId);
  if (!isAwaited(step, account)) throw new AuthError("mfa_token_invalid");
  const { origin, background } = visitorOf(c.env.visit);
  return {
    ok: true,
    account,
    holder: holderOf(step, account),
    operator: { actor: { type: "user", id: account.id }, origin, background },
    binding: await stepBinding(token),
    step,
    session: null,
    requireFresh: () => undefined,
  };
}

export const problemOfEntrant = (entered: HolderEntered & { ok: false }, requestId: string): Response =>
  refusalProblem(entered.verdict, requestId);
