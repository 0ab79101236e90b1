import { type Context, Hono } from "hono";
import type { Accounts } from "../accounts/accounts.ts";
import { AuthError } from "../errors/auth-error.ts";
import { statusOf } from "../errors/codes.ts";
import { readJson } from "../http/body.ts";
import type { Cookies } from "../http/cookies.ts";
import { problem } from "../http/problem.ts";
import { rateLimitHeaders } from "../http/rate-limit-headers.ts";
import { refusalProblem } from "../http/refusal.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { RefreshTokens, RefreshVerdict } from "../tokens/refresh-tokens.ts";
import type { OpenedByMail } from "./by-mail.ts";
import type { Login } from "./login.ts";
import type { OwnAccess } from "./own-access.ts";
import { mountOwnAccount } from "./routes-account.ts";
import {
  carriedIn,
  readOwnCookies,
  refreshCookie,
  signedOutCookies,
  visitorOf,
  withCookies,
} from "./routes-cookies.ts";
import { mountDevices } from "./routes-devices.ts";
import { mountSecondFactors } from "./routes-factors.ts";
import {
  linkInput,
  loginInput,
  recoverInput,
  refreshInput,
  registerInput,
  resetInput,
} from "./routes-input.ts";
import { answerSignIn } from "./routes-sign-in-answer.ts";

export type AuthDeps = {
  readonly login: Login;
  readonly accounts: Accounts;
  readonly mfa: Mfa;
  readonly sessions: Sessions;
  readonly refreshTokens: Pick<RefreshTokens, "refresh" | "endByToken">;
  readonly access: OwnAccess;
  readonly cookies: Cookies;
  readonly issuer: string;
  readonly clientId: string;
  readonly now: () => number;
};

/** `/auth/*`: JSON for first-party applications. Whatever changes something is refused to other sites' pages. */
export function authRoutes(deps: AuthDeps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.use("*", async (c, next) => {
    if (c.req.method !== "GET" && c.req.method !== "HEAD") requireSameOrigin(c.req.raw.headers, deps.issuer);
    await next();
  });
  mountSignIn(routes, deps);
  mountLinks(routes, deps);
  mountOwnAccount(routes, deps);
  mountSecondFactors(routes, deps);
  mountDevices(routes, deps);
  return routes;
}

function mountSignIn(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { login, cookies } = deps;

  routes.post("/login", async (c) => {
    const input = await readJson(c.req.raw, loginInput);
    const carried = carriedIn(c.req.raw.headers, cookies);
    const kind = input.refresh_in_body ? "native" : "browser";
    const outcome = await login.signIn(
      {
        email: input.email,
        password: input.password,
        kind,
        ...carried,
        sessionCookie: kind === "browser" ? carried.sessionCookie : null,
      },
      visitorOf(c.env.visit),
    );
    return answerSignIn(c, deps, outcome);
  });

  routes.post("/refresh", (c) => refresh(c, deps));
  routes.post("/logout", (c) => logOut(c, deps));
}

/** The one refresh token of a request: in the body, or in the cookie. Two different ones would be a guess. */
async function presentedToken(
  c: Context<DoorEnv>,
  cookies: Cookies,
): Promise<{ text: string | null; inBody: boolean }> {
  const { refresh_token: inBody } = await readJson(c.req.raw, refreshInput, { emptyAs: {} });
  const inCookie = readOwnCookies(c.req.raw.headers, cookies).refresh;
  if (inBody !== undefined && inCookie !== null && inBody !== inCookie) {
    throw new AuthError("several_credentials");
  }
  return { text: inBody ?? inCookie, inBody: inBody !== undefined };
}

async function refresh(c: Context<DoorEnv>, deps: AuthDeps): Promise<Response> {
  const { visit } = c.env;
  const { text, inBody } = await presentedToken(c, deps.cookies);
  if (text === null)
    throw new AuthError("missing_credential", "send the refresh token: its cookie, or refresh_token");
  const { origin, background } = visitorOf(visit);
  const verdict = await deps.refreshTokens.refresh(text, { clientId: deps.clientId, origin, background });
  if (!verdict.ok) return refusedRefresh(c, deps, verdict, inBody);
  const answer = c.json({
    access_token: verdict.accessToken,
    token_type: "Bearer",
    expires_in: verdict.expiresInSeconds,
    session_id: verdict.sessionId,
    ...(inBody ? { refresh_token: verdict.refreshToken } : {}),
  });
  if (inBody) return answer;
  const maxAgeSeconds = Math.floor((verdict.absoluteExpiresAt.getTime() - deps.now()) / 1000);
  return withCookies(answer, [refreshCookie(deps.cookies, verdict.refreshToken, maxAgeSeconds)]);
}

/** What can never be used again is taken out of the browser; what could not be decided stays there. */
function refusedRefresh(
  c: Context<DoorEnv>,
  { cookies }: AuthDeps,
  { reason }: RefreshVerdict & { ok: false },
  inBody: boolean,
): Response {
  const isUndecided = reason === "unavailable";
  const answer = problem(isUndecided ? "unavailable" : "invalid_grant", c.env.visit.requestId, {
    retryAfterSeconds: isUndecided ? 1 : undefined,
  });
  return isUndecided || inBody ? answer : withCookies(answer, signedOutCookies(cookies));
}

/** Ends the session of whatever proves it: page cookie, refresh token, access token. 204 whether or not there was one. */
async function logOut(c: Context<DoorEnv>, deps: AuthDeps): Promise<Response> {
  const { text } = await presentedToken(c, deps.cookies);
  const visitor = visitorOf(c.env.visit);
  const { session: cookie } = readOwnCookies(c.req.raw.headers, deps.cookies);
  const session = await deps.sessions.find(cookie, visitor.background);
  if (session) {
    const actor = { type: "user", id: session.accountId } as const;
    await deps.sessions.end(session.id, session.accountId, "signed_out", { ...visitor, actor });
  }
  if (text !== null) {
    await deps.refreshTokens.endByToken(text, { clientId: deps.clientId, ...visitor }, "signed_out");
  }
  const undecided = c.req.raw.headers.has("authorization") ? await logOutBearer(c, deps) : null;
  return undecided ?? withCookies(c.body(null, 204), signedOutCookies(deps.cookies));
}

/**
 * An application that holds only an access token may end its session too. A token that is dead has nothing to end; where
 * that cannot be told now, the session may live on and nobody is told that it ended.
 */
async function logOutBearer(c: Context<DoorEnv>, { access, sessions }: AuthDeps): Promise<Response | null> {
  const { visit } = c.env;
  const entrant = await access.enter(c.req.raw.headers, visit);
  if (!entrant.ok) {
    const isUndecided = statusOf(entrant.verdict.refusal.code) >= 429;
    return isUndecided ? refusalProblem(entrant.verdict, visit.requestId) : null;
  }
  const { origin, background } = visitorOf(visit);
  const operator = { actor: entrant.actor, origin, background };
  await sessions.end(entrant.sessionId, entrant.accountId, "signed_out", operator);
  return null;
}

/** A link was used of an account without a password: what must be shown or set up next, as after a password. */
async function openByMail(
  c: Context<DoorEnv>,
  deps: AuthDeps,
  opened: OpenedByMail,
  input: { readonly refresh_in_body: boolean },
): Promise<Response> {
  const { device } = readOwnCookies(c.req.raw.headers, deps.cookies);
  const kind = input.refresh_in_body ? "native" : "browser";
  return answerSignIn(c, deps, await deps.login.openByMail(opened, { kind, deviceCookie: device }));
}

/** Answers alike whether or not an address is known: the mail decides. */
function mountLinks(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { accounts } = deps;
  const stranger = { type: "stranger", id: "" } as const;

  routes.post("/register", async (c) => {
    const input = await readJson(c.req.raw, registerInput);
    const { email, password } = input;
    const asked = visitorOf(c.env.visit);
    const { degraded } =
      password === undefined
        ? await accounts.registerForPasskey(email, asked)
        : await accounts.register(email, password, asked);
    return c.json({ status: "accepted" }, 202, rateLimitHeaders([], degraded));
  });

  routes.post("/verify-email", async (c) => {
    const input = await readJson(c.req.raw, linkInput);
    const verdict = await accounts.confirm(input.link, { ...visitorOf(c.env.visit), actor: stranger });
    if (!verdict.ok) throw new AuthError("link_invalid");
    const isDone = verdict.purpose !== "register" || verdict.account.hasPassword;
    return isDone ? c.body(null, 204) : await openByMail(c, deps, verdict, input);
  });

  routes.post("/password/recover", async (c) => {
    const { email } = await readJson(c.req.raw, recoverInput);
    const { degraded } = await accounts.requestRecovery(email, visitorOf(c.env.visit));
    return c.json({ status: "accepted" }, 202, rateLimitHeaders([], degraded));
  });

  routes.post("/mfa/recover", async (c) => {
    const input = await readJson(c.req.raw, linkInput);
    const verdict = await accounts.openByMail(input.link, { ...visitorOf(c.env.visit), actor: stranger });
    if (!verdict.ok) throw new AuthError("link_invalid");
    return await openByMail(c, deps, verdict, input);
  });

  routes.post("/password/reset", async (c) => {
    const { link, new_password } = await readJson(c.req.raw, resetInput);
    const visitor = visitorOf(c.env.visit);
    const verdict = await accounts.recover(link, new_password, { ...visitor, actor: stranger });
    if (!verdict.ok) throw new AuthError("link_invalid");
    return c.body(null, 204);
  });
}
