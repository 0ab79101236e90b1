import { Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import { readPairs } from "../http/form.ts";
import type { FormTokens } from "../http/form-tokens.ts";
import type { PageShell } from "../http/page.tsx";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { LiveSession } from "../sessions/session.ts";
import { answerOf } from "./answer.ts";
import type { Asking, Authorization, Decision, Visitor } from "./authorization.ts";
import type { Refusal } from "./authorization-request.ts";
import { type Parameters, parametersOf } from "./parameters.ts";
import { addressOfWaiting, hasProvedAnew, markedWaiting, type Waiting, waitingOf } from "./routes-waiting.ts";
import { sendBack } from "./send-back.page.tsx";

/** Whose browser it is: a name that its cookie proves, and the cookies that make it so. */
export type BrowserBond = { readonly name: string; readonly cookies: readonly string[] };

export type AuthorizeDeps = {
  readonly authorization: Authorization;
  readonly shell: PageShell;
  readonly formTokens: FormTokens;
  readonly issuer: string;
  readonly now: () => number;
  readonly ownerOf: (request: Request, background: Visit["background"]) => Promise<LiveSession | null>;
  readonly browserOf: (request: Request) => BrowserBond;
};

export type Arrived = {
  readonly request: Request;
  readonly visitor: Visitor;
  readonly waiting: Waiting;
  readonly parameters: Parameters;
};

/** A request and who is there, once it is known where answers go. */
export type Met = Arrived & {
  readonly asking: Asking;
  readonly session: LiveSession | null;
  readonly hasProvedAnew: boolean;
};

const authorizePath = "/oauth/authorize";
const consentPath = "/consent";
const formBytesMax = 8192;

/**
 * `/oauth/authorize` (RFC 6749 §3.1). What a client posts is opened again with GET: a page of another site may post, and
 * the session's cookie does not come with that.
 */
export function authorizeRoutes(deps: AuthorizeDeps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.get(authorizePath, async (c) => {
    const { url } = c.env.visit;
    if (url.origin !== deps.issuer) return seeOther(`${deps.issuer}${url.pathname}${url.search}`);
    const met = await meet(c.req.raw, url.searchParams, c.env.visit, deps);
    const seen = { hasProvedAnew: met.hasProvedAnew, isAsking: false };
    const decision = await deps.authorization.decide(met.asking, met.session, seen, met.visitor);
    return await carryOut(decision, met, deps);
  });
  routes.post(authorizePath, async (c) => {
    const sent = await readPairs(c.req.raw, formBytesMax);
    return seeOther(`${authorizePath}?${new URLSearchParams(sent)}`);
  });
  return routes;
}

export const seeOther = (location: string, cookies: readonly string[] = []): Response => {
  const answer = new Response(null, { status: 303, headers: { location } });
  for (const cookie of cookies) answer.headers.append("set-cookie", cookie);
  return answer;
};

/** Phase one, and the session beside it: one trip. */
export async function meet(
  request: Request,
  sent: URLSearchParams,
  visit: Visit,
  deps: AuthorizeDeps,
): Promise<Met> {
  const { requestId, address, country, background, arrivedAt } = visit;
  const visitor = { origin: { requestId, address, country }, background, arrivedAt };
  const waiting = waitingOf(sent);
  const parameters = parametersOf(new URLSearchParams(waiting.query));
  if (!parameters) throw new AuthError("invalid_request", "there are too many parameters");
  const [asking, session] = await Promise.all([
    deps.authorization.ask(parameters, visitor),
    deps.ownerOf(request, background),
  ]);
  const browser = deps.browserOf(request).name;
  const isAnew = await hasProvedAnew(waiting, session, browser, deps);
  return { request, visitor, waiting, parameters, asking, session, hasProvedAnew: isAnew };
}

export async function carryOut(decision: Decision, met: Met, deps: AuthorizeDeps): Promise<Response> {
  switch (decision.next) {
    case "send":
      return back(met, { code: decision.code }, deps);
    case "refuse":
      return back(met, decision.refusal, deps);
    case "ask":
      return seeOther(addressOfWaiting(met.waiting, consentPath));
    case "sign-in":
      return await toSignIn("/login", {}, met, deps);
    case "again": {
      const { level, maxAgeSeconds } = decision;
      const wanted = {
        ...(level === null ? {} : { level }),
        ...(maxAgeSeconds === null ? {} : { max_age: String(maxAgeSeconds) }),
      };
      return await toSignIn("/login/again", wanted, met, deps);
    }
  }
}

export const back = (met: Met, what: { readonly code: string } | Refusal, deps: AuthorizeDeps): Response => {
  const { reply, client } = met.asking;
  return sendBack({ reply, client, answer: answerOf(reply, what, deps.issuer) }, met.request, deps.shell);
};

async function toSignIn(
  page: string,
  wanted: Record<string, string>,
  met: Met,
  deps: AuthorizeDeps,
): Promise<Response> {
  const bond = deps.browserOf(met.request);
  const sessionId = met.session?.id ?? null;
  const returnTo = await markedWaiting(met.waiting, sessionId, bond.name, deps.formTokens);
  if (returnTo === null)
    return back(met, { error: "invalid_request", description: "the request is too long" }, deps);
  return seeOther(`${page}?${new URLSearchParams({ ...wanted, return_to: returnTo })}`, bond.cookies);
}
