import type { Context, Hono } from "hono";
import type { Account, OwnProof, OwnVerdict } from "../accounts/account.ts";
import { AuthError } from "../errors/auth-error.ts";
import { readJson } from "../http/body.ts";
import { setRateLimitHeaders } from "../http/rate-limit-headers.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { SessionShown } from "../sessions/session.ts";
import type { Operator } from "../sessions/sessions.ts";
import { requireFresh, requireFreshPasskey } from "./freshness.ts";
import type { OwnEntrant } from "./own-access.ts";
import type { AuthDeps } from "./routes.ts";
import { signedOutCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import {
  addPasswordInput,
  changeAddressInput,
  changePasswordInput,
  deleteAccountInput,
  removePasswordInput,
} from "./routes-input.ts";

type Entered = OwnEntrant & { ok: true };
type Handler = (c: Context<DoorEnv>, entrant: Entered, operator: Operator) => Promise<Response>;
type Proved = { readonly account: Account; readonly session: SessionShown };
type ProvedHandler = (
  c: Context<DoorEnv>,
  entrant: Entered,
  operator: Operator,
  proved: Proved,
) => Promise<Response>;

/** What a person does with their own account and sessions: a bearer token of ours in each case. */
export function mountOwnAccount(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const entered = (handler: Handler) => async (c: Context<DoorEnv>) => {
    const { visit } = c.env;
    const entrant = await deps.access.enter(c.req.raw.headers, visit);
    if (!entrant.ok) return refusalProblem(entrant.verdict, visit.requestId);
    const { origin, background } = visitorOf(visit);
    const answer = await handler(c, entrant, { actor: entrant.actor, origin, background });
    setRateLimitHeaders(answer.headers, { standings: [], degraded: entrant.degraded });
    return answer;
  };
  mountSessions(routes, deps, entered);
  mountPassword(routes, deps, entered);
  mountAccount(routes, deps, entered);
}

type Guard = (handler: Handler) => (c: Context<DoorEnv>) => Promise<Response>;

function mountSessions(routes: Hono<DoorEnv>, deps: AuthDeps, entered: Guard): void {
  const { sessions } = deps;

  routes.get(
    "/sessions",
    entered(async (c, { accountId, sessionId }) => {
      const data = (await sessions.list(accountId)).map((one) => sessionView(one, sessionId));
      return c.json({ data, next_cursor: null });
    }),
  );

  routes.delete(
    "/sessions/:id",
    entered(async (c, { accountId }, operator) => {
      const id = c.req.param("id") ?? "";
      const reach = /^ses_[0-9A-Za-z]{22}$/.test(id)
        ? await sessions.end(id, accountId, "by_person", operator)
        : null;
      if (!reach) throw new AuthError("not_found", "you have no such session");
      return c.body(null, 204);
    }),
  );

  routes.post(
    "/sessions/end-others",
    entered(async (c, { accountId, sessionId }, operator) => {
      await sessions.endOthers(accountId, sessionId, operator);
      return c.body(null, 204);
    }),
  );

  routes.post(
    "/logout-everywhere",
    entered(async (c, { accountId }, operator) => {
      await sessions.endAll(accountId, "signed_out_everywhere", operator);
      return withCookies(c.body(null, 204), signedOutCookies(deps.cookies));
    }),
  );
}

/** The password is asked for anyway: who has a factor must have shown it lately as well, and who has no password that alone. */
const strongly =
  ({ accounts, sessions, mfa, now }: AuthDeps, handler: ProvedHandler): Handler =>
  async (c, entrant, operator) => {
    const [account, list] = await Promise.all([
      accounts.get(entrant.accountId),
      sessions.list(entrant.accountId),
    ]);
    const session = list.find(({ id }) => id === entrant.sessionId);
    if (!session) throw new AuthError("invalid_token");
    if (account.factorKinds.length > 0 || !account.hasPassword)
      requireFresh(session, account, now(), () => mfa.refuseStale(operator));
    return await handler(c, entrant, operator, { account, session });
  };

function mountPassword(routes: Hono<DoorEnv>, deps: AuthDeps, entered: Guard): void {
  const { accounts } = deps;
  const strong = (handler: ProvedHandler) => entered(strongly(deps, handler));

  routes.post(
    "/password/change",
    strong(async (c, { accountId, sessionId }, operator) => {
      const input = await readJson(c.req.raw, changePasswordInput);
      const passwords = { current: input.current_password, next: input.new_password };
      requireOwn(await accounts.changePassword(accountId, passwords, sessionId, operator));
      return c.body(null, 204);
    }),
  );

  routes.post(
    "/password/add",
    strong(async (c, { accountId }, operator, { account, session }) => {
      const input = await readJson(c.req.raw, addPasswordInput);
      requireFresh(session, account, deps.now(), () => deps.mfa.refuseStale(operator));
      requireOwn(await accounts.addPassword(accountId, input.new_password, operator));
      return c.body(null, 204);
    }),
  );

  routes.post(
    "/password/remove",
    strong(async (c, { accountId, sessionId }, operator, { session }) => {
      await readJson(c.req.raw, removePasswordInput, { emptyAs: {} });
      requireFreshPasskey(session, deps.now());
      const otherWays = deps.mfa.waysInBesidePassword(accountId);
      requireOwn(await accounts.removePassword(accountId, otherWays, sessionId, operator));
      return c.body(null, 204);
    }),
  );
}

function mountAccount(routes: Hono<DoorEnv>, deps: AuthDeps, entered: Guard): void {
  const { accounts, cookies } = deps;
  const strong = (handler: ProvedHandler) => entered(strongly(deps, handler));

  routes.get(
    "/account",
    entered(async (c, { accountId }) => {
      const account = await accounts.get(accountId);
      return c.json({
        id: account.id,
        email: account.email,
        scopes: account.scopes,
        created_at: account.createdAt.toISOString(),
        last_signed_in_at: account.lastSignedInAt?.toISOString() ?? null,
        password_changed_at: account.passwordChangedAt?.toISOString() ?? null,
      });
    }),
  );

  routes.post(
    "/email/change",
    strong(async (c, { accountId }, operator, { account }) => {
      const input = await readJson(c.req.raw, changeAddressInput);
      const proof = proofOf(deps, account, input.password);
      requireOwn(await accounts.changeAddress(accountId, proof, input.email, operator));
      return c.json({ status: "accepted" }, 202);
    }),
  );

  routes.delete(
    "/account",
    strong(async (c, { accountId }, operator, { account }) => {
      const { password } = await readJson(c.req.raw, deleteAccountInput);
      requireOwn(await accounts.remove(accountId, proofOf(deps, account, password), operator));
      return withCookies(c.body(null, 204), signedOutCookies(cookies));
    }),
  );
}

/** The password once more; who has none has proved themselves in its place. */
function proofOf({ accounts }: AuthDeps, { hasPassword }: Account, password: string | undefined): OwnProof {
  if (!hasPassword) return accounts.freshProof;
  if (password === undefined) throw new AuthError("invalid_request", "password: is missing");
  return password;
}

/** A wrong password here is no wrong token: 403, so that an application does not throw its token away. */
function requireOwn(verdict: OwnVerdict): void {
  if (verdict.ok) return;
  if (verdict.reason === "wrong_password") throw new AuthError("password_wrong");
  throw new AuthError("rate_limited", undefined, { retryAfterSeconds: verdict.retryAfterSeconds });
}

const sessionView = (session: SessionShown, ownId: string) => ({
  id: session.id,
  current: session.id === ownId,
  kind: session.kind,
  user_agent: session.userAgent,
  address: session.address,
  city: session.city,
  country: session.country,
  signed_in_with: session.amr,
  auth_level: session.acr,
  signed_in_at: session.authTime.toISOString(),
  last_seen_at: session.lastSeenAt.toISOString(),
  expires_at: session.absoluteExpiresAt.toISOString(),
});
