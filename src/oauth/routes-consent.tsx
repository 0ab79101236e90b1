import { Hono } from "hono";
import * as v from "valibot";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import { readForm } from "../http/form.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { LiveSession } from "../sessions/session.ts";
import { agreedIn, type Question } from "./authorization.ts";
import { ConsentContent } from "./consent.page.tsx";
import { type AuthorizeDeps, carryOut, type Met, meet, seeOther } from "./routes-authorize.tsx";
import { addressOfWaiting, type Waiting } from "./routes-waiting.ts";

export type ConsentDeps = AuthorizeDeps & {
  /** Ends the session; answers the cookies that say so. */
  readonly signOut: (session: LiveSession, visit: Visit) => Promise<string[]>;
};

const forms = { allow: "/consent", deny: "/consent/deny", change: "/consent/other-account" } as const;
const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));
const answerFields = v.strictObject({
  request: text(8192),
  ticket: text(64),
  agreed: text(8192),
  form_token: text(128),
});
const ticketShape = /^[0-9A-Za-z]{22}$/;

type Shown = { readonly request: string; readonly ticket: string; readonly agreed: string };
/** What a form's token is bound to: the one request it answers, the one page that asked, and what stood on it. */
const formOf = async (form: string, { request, ticket, agreed }: Shown): Promise<string> =>
  JSON.stringify([form, await sha256Hex(request), ticket, await sha256Hex(agreed)]);

const whole = (waiting: Waiting): string => addressOfWaiting(waiting).replace(/^[^?]*\?/, "");
const bondOf = (session: LiveSession): string => `session:${session.id}`;

/** `/consent`: who asks for what, and the person's answer. Every answer is judged as the request itself was. */
export function consentRoutes(deps: ConsentDeps): Hono<DoorEnv> {
  const { authorization } = deps;
  const routes = new Hono<DoorEnv>();

  routes.get(forms.allow, async (c) => {
    const { url } = c.env.visit;
    if (url.origin !== deps.issuer) return seeOther(`${deps.issuer}${url.pathname}${url.search}`);
    const met = await meet(c.req.raw, url.searchParams, c.env.visit, deps);
    const seen = { hasProvedAnew: met.hasProvedAnew, isAsking: true };
    const decision = await authorization.decide(met.asking, met.session, seen, met.visitor);
    return decision.next === "ask" && met.session
      ? await showConsent(decision.question, met, met.session, deps)
      : await carryOut(decision, met, deps);
  });

  routes.post(forms.allow, async (c) => {
    const read = await readAnswer(c.req.raw, forms.allow, c.env.visit, deps);
    if (read instanceof Response) return read;
    const { met, session, ticket, agreed } = read;
    const page = { ticket, agreed: agreed.split(" "), hasProvedAnew: met.hasProvedAnew };
    return await carryOut(await authorization.allow(met.asking, session, page, met.visitor), met, deps);
  });

  routes.post(forms.deny, async (c) => {
    const read = await readAnswer(c.req.raw, forms.deny, c.env.visit, deps);
    if (read instanceof Response) return read;
    const { met, session } = read;
    return await carryOut(authorization.deny(met.asking, session, met.visitor), met, deps);
  });

  routes.post(forms.change, async (c) => {
    const read = await readAnswer(c.req.raw, forms.change, c.env.visit, deps);
    if (read instanceof Response) return read;
    const { met, session } = read;
    const cookies = await deps.signOut(session, c.env.visit);
    return seeOther(addressOfWaiting(met.waiting), cookies);
  });
  return routes;
}

/** Throws unless the form is ours, for this request, shown to this session. Who was signed out meanwhile begins anew. */
async function readAnswer(
  request: Request,
  form: string,
  visit: Visit,
  deps: ConsentDeps,
): Promise<{ met: Met; session: LiveSession; ticket: string; agreed: string } | Response> {
  requireSameOrigin(request.headers, deps.issuer);
  const fields = await readForm(request, answerFields);
  const met = await meet(request, new URLSearchParams(fields.request), visit, deps);
  const { session } = met;
  if (session === null) return seeOther(addressOfWaiting(met.waiting));
  const asked = await formOf(form, fields);
  const isOurs =
    ticketShape.test(fields.ticket) &&
    (await deps.formTokens.isValid(fields.form_token, bondOf(session), asked));
  if (!isOurs) throw new AuthError("cross_site_request", "the form's token is not of this session");
  return { met, session, ticket: fields.ticket, agreed: fields.agreed };
}

async function showConsent(
  question: Question,
  met: Met,
  session: LiveSession,
  { shell, formTokens }: ConsentDeps,
): Promise<Response> {
  const ticket = randomBase62(22);
  const request = whole(met.waiting);
  const agreed = agreedIn(question);
  const shown = { request, ticket, agreed: agreed.join(" ") };
  const make = async (form: string) => await formTokens.make(bondOf(session), await formOf(form, shown));
  const [allow, deny, change] = await Promise.all([make(forms.allow), make(forms.deny), make(forms.change)]);
  return shell.page({
    title: `Allow ${question.client.name}?`,
    content: (
      <ConsentContent
        question={question}
        agreed={agreed}
        email={session.email}
        shown={shown}
        tokens={{ allow, deny, change }}
      />
    ),
  });
}
