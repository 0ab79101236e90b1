import type { Context } from "hono";
import * as v from "valibot";
import type { Accounts } from "../accounts/accounts.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { AuthError } from "../errors/auth-error.ts";
import { statusOf } from "../errors/codes.ts";
import type { Cookies } from "../http/cookies.ts";
import { waitOf } from "../http/error-page.tsx";
import { readForm } from "../http/form.ts";
import type { FormTokens } from "../http/form-tokens.ts";
import type { PageShell } from "../http/page.tsx";
import { setRateLimitHeaders } from "../http/rate-limit-headers.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { LiveSession } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Applications } from "./applications.ts";
import type { Login } from "./login.ts";
import { readOwnCookies, withCookies } from "./routes-cookies.ts";
import { formCookie, formCookieShape } from "./routes-guest-binding.ts";
import type { FormState } from "./sign-in.page.tsx";

export type PageDeps = {
  readonly shell: PageShell;
  readonly formTokens: FormTokens;
  readonly login: Login;
  readonly accounts: Accounts;
  readonly mfa: Mfa;
  readonly sessions: Sessions;
  readonly applications: Applications;
  readonly cookies: Cookies;
  readonly issuer: string;
  readonly passwordLengthMin: number;
  readonly now: () => number;
};

export type PageContext = Context<DoorEnv>;

type PageHandler = (c: PageContext) => Promise<Response> | Response;

/** Where pages are mounted: under the issuer's own name, and for POST from pages of ours alone. */
export type PageMount = {
  get(path: string, handler: PageHandler): unknown;
  post(path: string, handler: PageHandler): unknown;
};

/** Who is signed in, as the page cookie tells. */
export const ownerOf = ({ req, env }: PageContext, deps: PageDeps): Promise<LiveSession | null> =>
  deps.sessions.find(readOwnCookies(req.raw.headers, deps.cookies).session, env.visit.background);

/** Whoever has a page read aloud hears its title first. */
export const titleOf = (title: string, { errors, alert }: FormState): string =>
  alert !== undefined || Object.keys(errors ?? {}).length > 0 ? `Error: ${title}` : title;

/** Whom a form is shown to: its token is worth nothing to anybody else. */
export type Bond = { readonly name: string; readonly cookies: readonly string[] };

const formCookieSeconds = 86_400;

/** A browser that is not signed in is known by a cookie that proves nothing else. It gets one with its first form. */
export function guestOf(
  { req }: { readonly req: { readonly raw: Request } },
  { cookies }: Pick<PageDeps, "cookies">,
): Bond {
  const found = cookies.read(req.raw.headers, formCookie);
  const id = found !== null && formCookieShape.test(found) ? found : randomBase62(32);
  const cookie = cookies.set(formCookie, id, { sameSite: "Lax", maxAgeSeconds: formCookieSeconds });
  return { name: `browser:${id}`, cookies: [cookie] };
}

export const ownerBond = (sessionId: string): Bond => ({ name: `session:${sessionId}`, cookies: [] });

const formToken = v.pipe(v.string("must be text"), v.maxLength(128, "is too long"));
export const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));

/** What an authenticator answered, as JSON; with the statement of a hardware key it is a few kilobytes. */
export const credentialField = text(32 * 1024);
export const passkeyFormBytesMax = 64 * 1024;

/** Null is no credential either: it is refused where credentials are read. */
export function parseCredential(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

/** `isOurs` is false for a form that we did not show to this browser, or too long ago: what it asks must not be done. */
export async function readPageForm<Entries extends v.ObjectEntries>(
  { req }: PageContext,
  { formTokens }: Pick<PageDeps, "formTokens">,
  asked: {
    readonly form: string;
    readonly bond: Bond;
    readonly entries: Entries;
    readonly bytesMax?: number;
  },
) {
  const schema = v.strictObject({ ...asked.entries, form_token: formToken });
  const fields = await readForm(req.raw, schema, asked.bytesMax);
  const token = (fields as { form_token: string }).form_token;
  return { fields, isOurs: await formTokens.isValid(token, asked.bond.name, asked.form) };
}

/** For forms that hold nothing but a button. */
export async function requirePageForm(
  c: PageContext,
  deps: PageDeps,
  asked: { readonly form: string; readonly bond: Bond },
): Promise<void> {
  const { isOurs } = await readPageForm(c, deps, { ...asked, entries: {} });
  if (!isOurs) throw new AuthError("cross_site_request", "the form's token is not of this browser");
}

/** Why a form comes back. */
export type Mistake = Pick<FormState, "errors" | "alert"> & {
  readonly status: number;
  readonly retryAfterSeconds?: number | undefined;
  /** Limits that were counted in this isolate alone, for Gatehouse-Degraded. */
  readonly degraded?: readonly string[] | undefined;
};

export const staleForm: Mistake = {
  status: statusOf("cross_site_request"),
  alert: "This page had been open for too long, so nothing was sent. Please send it again.",
};

export const tooMany = (retryAfterSeconds: number): Mistake => ({
  status: statusOf("rate_limited"),
  retryAfterSeconds,
  alert: `There were too many attempts in a short time. Wait ${waitOf(retryAfterSeconds)}, then try again. Nothing was changed.`,
});

export const notNow = (retryAfterSeconds: number): Mistake => ({
  status: statusOf("unavailable"),
  retryAfterSeconds,
  alert: "This cannot be done right now. Nothing was changed. Try again in a moment.",
});

/** What a person can mend goes back into the form; anything else is an error page's matter. */
export function mistakeOf(thrown: unknown, passwordField: "password" | "new_password"): Mistake {
  if (!(thrown instanceof AuthError)) throw thrown;
  const { code, detail, retryAfterSeconds, degraded } = thrown;
  const status = statusOf(code);
  if (code === "password_refused") {
    return {
      status,
      errors: { [passwordField]: `Choose another password: ${detail ?? "this one is known"}.` },
    };
  }
  if (code === "invalid_request")
    return { status, errors: { email: "Give one mail address, like name@example.com." } };
  if (code === "rate_limited") return { ...tooMany(retryAfterSeconds ?? 1), degraded };
  if (code === "unavailable") return notNow(retryAfterSeconds ?? 1);
  throw thrown;
}

export const retryAfterHeader = ({ retryAfterSeconds }: Pick<Mistake, "retryAfterSeconds">) =>
  retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };

export function sayingDegraded(answer: Response, { degraded = [] }: Pick<Mistake, "degraded">): Response {
  setRateLimitHeaders(answer.headers, { standings: [], degraded });
  return answer;
}

const noticeCookie = "gatehouse-notice";
const noticeCookieSeconds = 60;

/** What the page after a form says was done: a closed list, in a cookie that no link can set. */
const notices = {
  "signed-out": "You are signed out.",
  "signed-out-meanwhile": "You were signed out meanwhile, so nothing was changed. Sign in and try again.",
  "signed-out-everywhere": "You are signed out everywhere.",
  "address-confirmed": "Your address is confirmed. Sign in with it.",
  "address-asked":
    "A mail is on its way to the new address. Your address stays as it is until you open its link.",
  "password-saved":
    "Your new password is saved, and every device is signed out. Sign in with the new password.",
  "password-changed": "Your password is changed. Every other device is signed out.",
  "password-added": "Your account has a password now.",
  "password-removed": "Your password is removed. Every other device is signed out.",
  "password-stays":
    "Your password stays: add a passkey that asks for your fingerprint, face or PIN, and recovery codes or an app, first.",
  "passkey-first": "Use your passkey first, so that we see that it works. Then do it once more.",
  "session-ended": "That session is ended.",
  "session-gone": "That session had ended already.",
  "others-ended": "All other sessions are ended.",
  "application-ended": "Its access is taken away.",
  "application-gone": "It had no access any more.",
  "account-deleted": "Your account is deleted.",
  "step-over": "That took too long or something changed meanwhile, so nothing was done. Please begin again.",
  "prove-first": "That change needs a fresh proof that it is you. Give it here, then do it once more.",
  "text-not-enough":
    "A text message is not enough for that change. Use your app, a passkey or a recovery code.",
  "factor-needed":
    "What you want to do needs a second proof besides your password. Set one up, then you go on.",
  "set-up-over": "That took too long, so nothing was set up. Please begin again.",
  "app-added": "Your authenticator app is set up. You are asked for a code of it when you sign in.",
  "passkey-added": "Your passkey is added. You can sign in with it from now on.",
  "code-sent": "A code is on its way to your phone. It works for 5 minutes.",
  "phone-added": "Your phone number is confirmed. You can have codes sent to it when you sign in.",
  "factor-renamed": "The new name is saved.",
  "factor-removed": "It is removed. It can no longer be used to sign in.",
  "factor-gone": "That was removed already.",
  "device-forgotten": "It is forgotten. The second step is asked for there at the next sign-in.",
} as const;
export type Notice = keyof typeof notices;

/** What did not happen, or comes first, is not shown as if it were done. */
const notDone: readonly string[] = [
  "signed-out-meanwhile",
  "session-gone",
  "step-over",
  "prove-first",
  "text-not-enough",
  "factor-needed",
  "set-up-over",
  "factor-gone",
] satisfies Notice[];

export function takeNotice(
  { req }: PageContext,
  { cookies }: Pick<PageDeps, "cookies">,
): { done: FormState["done"]; cookies: string[] } {
  const word = cookies.read(req.raw.headers, noticeCookie);
  if (word === null) return { done: undefined, cookies: [] };
  const said = Object.hasOwn(notices, word) ? notices[word as Notice] : undefined;
  const kind = notDone.includes(word) ? "told" : "done";
  return { done: said && { kind, text: said }, cookies: [cookies.clear(noticeCookie, "Lax")] };
}

/** RFC 9110 §15.4.4: whatever was sent, the next page is fetched with GET, so that a password is sent to one address only. */
export function seeOther(location: string, set: readonly string[] = []): Response {
  return withCookies(new Response(null, { status: 303, headers: { location } }), set);
}

export function seeOtherWith(
  notice: Notice,
  location: string,
  { cookies }: Pick<PageDeps, "cookies">,
  set: readonly string[] = [],
): Response {
  const cookie = cookies.set(noticeCookie, notice, { sameSite: "Lax", maxAgeSeconds: noticeCookieSeconds });
  return seeOther(location, [...set, cookie]);
}
