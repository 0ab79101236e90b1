import type { Context } from "hono";
import * as v from "valibot";
import type { Account } from "../accounts/account.ts";
import { AuthError } from "../errors/auth-error.ts";
import { parseInput, readJson } from "../http/body.ts";
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
  const operator = { actor, origin, background };
  return {
    ok: true,
    account,
    holder: { accountId, email: account.email, version: account.version },
    operator,
    binding: `session:${sessionId}`,
    step: null,
    session,
    requireFresh: () => requireFresh(session, account, deps.now(), () => deps.mfa.refuseStale(operator)),
  };
}

export const holderOf = (step: Step, account: Account): Holder => ({
  accountId: account.id,
  email: account.email,
  version: step.version,
  isPasskeyOnly: step.byMail === true,
});

/** The first proof is at most five minutes old: it is fresh by itself. Whoever has a factor already has shown that. */
async function enterStep(c: Context<DoorEnv>, deps: AuthDeps, token: string): Promise<HolderEntered> {
  const { origin, background } = visitorOf(c.env.visit);
  const step = await deps.mfa.steps.read(token, "enrolment", { origin, background });
  if (!step) throw new AuthError("mfa_token_invalid");
  const account = await deps.accounts.get(step.accountId);
  const operator = { actor: { type: "user", id: account.id }, origin, background } as const;
  if (!deps.mfa.mayEnrol(step, account)) {
    deps.mfa.refuse("superseded", account.id, operator);
    throw new AuthError("mfa_token_invalid");
  }
  return {
    ok: true,
    account,
    holder: holderOf(step, account),
    operator,
    binding: await stepBinding(token),
    step,
    session: null,
    requireFresh: () => undefined,
  };
}

export const problemOfEntrant = (entered: HolderEntered & { ok: false }, requestId: string): Response =>
  refusalProblem(entered.verdict, requestId);

type Act<Input> = (entered: HolderEntered & { ok: true }, input: Input) => Promise<Response>;

/** Who it is comes first, then the shape of what they sent, then whether what they proved is fresh. */
export async function asHolder<Schema extends v.GenericSchema>(
  c: Context<DoorEnv>,
  deps: AuthDeps,
  schema: Schema,
  act: Act<v.InferOutput<Schema>>,
): Promise<Response> {
  const sent = await readJson(c.req.raw, v.record(v.string(), v.unknown()), { emptyAs: {} });
  const token = typeof sent["mfa_token"] === "string" ? sent["mfa_token"] : undefined;
  const entered = await enterHolder(c, deps, token);
  if (!entered.ok) return problemOfEntrant(entered, c.env.visit.requestId);
  const input = parseInput(schema, sent);
  entered.requireFresh();
  return await act(entered, input);
}
