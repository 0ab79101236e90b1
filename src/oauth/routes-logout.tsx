import { type Context, Hono } from "hono";
import * as v from "valibot";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import { readForm, readPairs } from "../http/form.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { LiveSession } from "../sessions/session.ts";
import { LogoutContent, SignedOutContent } from "./logout.page.tsx";
import type { Logout, LogoutTarget } from "./logout.ts";
import { parametersOf } from "./parameters.ts";
import { seeOther } from "./routes-authorize.tsx";
import type { ConsentDeps } from "./routes-consent.tsx";
import { sendBack } from "./send-back.page.tsx";

type LogoutDeps = Pick<ConsentDeps, "shell" | "formTokens" | "issuer" | "ownerOf" | "signOut"> & {
  readonly logout: Logout;
};

const path = "/oauth/logout";
const confirmed = `${path}/confirmed`;
const formBytesMax = 8192;
const confirmFields = v.strictObject({
  request: v.pipe(v.string(), v.maxLength(formBytesMax)),
  form_token: v.pipe(v.string(), v.maxLength(128)),
});

const formOf = async (request: string): Promise<string> =>
  JSON.stringify([confirmed, await sha256Hex(request)]);

/** `/oauth/logout` (OIDC RP-Initiated Logout §2). What is posted is opened again with GET, where the session's cookie comes along. */
export function logoutRoutes(deps: LogoutDeps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();

  routes.get(path, async (c) => {
    const { url } = c.env.visit;
    if (url.origin !== deps.issuer) return seeOther(`${deps.issuer}${url.pathname}${url.search}`);
    const { decision, session } = await look(c, url.searchParams, deps);
    if (decision.next === "end" || !session) return await end(c, session, decision.target, deps);
    const request = url.searchParams.toString();
    const token = await deps.formTokens.make(`session:${session.id}`, await formOf(request));
    const content = <LogoutContent token={token} email={session.email} request={request} />;
    return deps.shell.page({ title: "Sign out?", content });
  });

  routes.post(path, async (c) =>
    seeOther(`${path}?${new URLSearchParams(await readPairs(c.req.raw, formBytesMax))}`),
  );

  routes.post(confirmed, async (c) => {
    requireSameOrigin(c.req.raw.headers, deps.issuer);
    const { request, form_token: token } = await readForm(c.req.raw, confirmFields);
    const { decision, session } = await look(c, new URLSearchParams(request), deps);
    const isOurs =
      session !== null &&
      (await deps.formTokens.isValid(token, `session:${session.id}`, await formOf(request)));
    if (session && !isOurs) throw new AuthError("cross_site_request");
    return await end(c, session, decision.target, deps);
  });
  return routes;
}

async function look(c: Context<DoorEnv>, sent: URLSearchParams, deps: LogoutDeps) {
  const { visit } = c.env;
  const parameters = parametersOf(sent);
  if (!parameters) throw new AuthError("invalid_request", "there are too many parameters");
  const session = await deps.ownerOf(c.req.raw, visit.background);
  return { session, decision: await deps.logout.decide(parameters, session, visit) };
}

async function end(
  c: Context<DoorEnv>,
  session: LiveSession | null,
  target: LogoutTarget | null,
  deps: LogoutDeps,
): Promise<Response> {
  const cookies = session ? await deps.signOut(session, c.env.visit) : [];
  const answer = target
    ? sendBack(backTo(target), c.req.raw, deps.shell)
    : deps.shell.page({ title: "You are signed out", content: <SignedOutContent /> });
  for (const cookie of cookies) answer.headers.append("set-cookie", cookie);
  return answer;
}

const backTo = ({ client, redirect, state }: LogoutTarget) => ({
  reply: { redirect, state, mode: "query" as const },
  answer: state === null ? ({} as Record<string, string>) : { state },
  client,
});
