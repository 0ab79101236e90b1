import { type Context, Hono } from "hono";
import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import { readForm } from "../http/form.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { LiveSession } from "../sessions/session.ts";
import type { BackDoorVisit } from "./authenticate-client.ts";
import { DeviceConsentContent, DeviceDoneContent, UserCodeContent } from "./device.page.tsx";
import type { DeviceAuthorization, DeviceQuestion } from "./device-authorization.ts";
import { type AuthorizeDeps, seeOther } from "./routes-authorize.tsx";

type DeviceDeps = Pick<AuthorizeDeps, "shell" | "formTokens" | "issuer" | "ownerOf"> & {
  readonly deviceAuthorization: DeviceAuthorization;
};

const forms = { code: "/device", allow: "/device/allow", deny: "/device/deny" } as const;
const typedMax = 64;
const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));
const deviceFields = v.strictObject({ user_code: text(typedMax), form_token: text(128) });
const codeForm = JSON.stringify([forms.code]);
/** An answer is to this one device, as it was shown, by the session that typed its code. */
const answerForm = (form: string, { device, scopes }: DeviceQuestion): string =>
  JSON.stringify([form, device.deviceCodeHash, scopes]);
const bondOf = (session: LiveSession): string => `session:${session.id}`;
const wrongCode = "No device is waiting with this code. Check it, or begin again on the device.";

/** `/device` (RFC 8628 §3.3): a person types the code of their device, sees who asks, and answers. */
export function deviceRoutes(deps: DeviceDeps): Hono<DoorEnv> {
  const { deviceAuthorization } = deps;
  const routes = new Hono<DoorEnv>();

  routes.get(forms.code, async (c) => {
    const { url, background } = c.env.visit;
    if (url.origin !== deps.issuer) return seeOther(`${deps.issuer}${url.pathname}${url.search}`);
    const typed = (url.searchParams.get("user_code") ?? "").slice(0, typedMax);
    const session = await deps.ownerOf(c.req.raw, background);
    return session ? await showCode(session, typed, deps) : toSignIn("/login", typed);
  });

  routes.post(forms.code, async (c) => {
    const read = await readAnswer(c, deps);
    if (read instanceof Response) return read;
    const { session, question, token } = read;
    if (!(await deps.formTokens.isValid(token, bondOf(session), codeForm)))
      throw new AuthError("cross_site_request", "the form's token is not of this session");
    return await showQuestion(session, question, deps);
  });

  const answer = (form: "allow" | "deny") => async (c: Context<DoorEnv>) => {
    const read = await readAnswer(c, deps);
    if (read instanceof Response) return read;
    const { session, question, token } = read;
    if (!(await deps.formTokens.isValid(token, bondOf(session), answerForm(forms[form], question))))
      throw new AuthError("cross_site_request", "the form's token is not of this session");
    await deviceAuthorization[form](question, session, visitOf(c.env.visit));
    const isAllowed = form === "allow";
    return deps.shell.page({
      title: isAllowed ? "Your device is connected" : "Nothing was allowed",
      content: <DeviceDoneContent name={question.client.name} isAllowed={isAllowed} />,
    });
  };
  routes.post(forms.allow, answer("allow"));
  routes.post(forms.deny, answer("deny"));
  return routes;
}

const visitOf = ({ requestId, address, network, country, arrivedAt, background }: Visit): BackDoorVisit => ({
  arrivedAt,
  network,
  background,
  origin: { requestId, address, country },
});

function toSignIn(page: string, typed: string, wanted: Record<string, string> = {}): Response {
  const query = typed === "" ? "" : `?${new URLSearchParams({ user_code: typed })}`;
  return seeOther(`${page}?${new URLSearchParams({ ...wanted, return_to: `${forms.code}${query}` })}`);
}

/** The session, and the device whose code it typed; or the answer where there is none. */
async function readAnswer(
  c: Context<DoorEnv>,
  deps: DeviceDeps,
): Promise<{ session: LiveSession; question: DeviceQuestion; token: string } | Response> {
  requireSameOrigin(c.req.raw.headers, deps.issuer);
  const { user_code: typed, form_token: token } = await readForm(c.req.raw, deviceFields);
  const session = await deps.ownerOf(c.req.raw, c.env.visit.background);
  if (!session) return toSignIn("/login", typed);
  const decision = await deps.deviceAuthorization.look(typed, session, visitOf(c.env.visit));
  if (decision.next === "unknown") return await showCode(session, typed, deps, wrongCode);
  if (decision.next === "ask") return { session, question: decision.question, token };
  const { level, maxAgeSeconds } = decision;
  return toSignIn("/login/again", typed, {
    ...(level === null ? {} : { level }),
    ...(maxAgeSeconds === null ? {} : { max_age: String(maxAgeSeconds) }),
  });
}

async function showCode(
  session: LiveSession,
  typed: string,
  { shell, formTokens }: DeviceDeps,
  error?: string,
): Promise<Response> {
  const token = await formTokens.make(bondOf(session), codeForm);
  return shell.page({
    title: error === undefined ? "Connect a device" : "Error: Connect a device",
    status: error === undefined ? 200 : 400,
    content: <UserCodeContent token={token} typed={typed} error={error} />,
  });
}

async function showQuestion(
  session: LiveSession,
  question: DeviceQuestion,
  { shell, formTokens }: DeviceDeps,
): Promise<Response> {
  const make = (form: string) => formTokens.make(bondOf(session), answerForm(form, question));
  const [allow, deny] = await Promise.all([make(forms.allow), make(forms.deny)]);
  const content = <DeviceConsentContent question={question} email={session.email} tokens={{ allow, deny }} />;
  return shell.page({ title: `Allow ${question.client.name} on a device?`, content });
}
