import * as v from "valibot";
import { sentenceOf } from "../errors/codes.ts";
import { challengePaths } from "../http/passkey-form.tsx";
import type { RefusedSignIn, SignInOutcome } from "./login.ts";
import { homePath, parseReturnTo } from "./return-to.ts";
import { carriedIn, signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { seeFactorPage } from "./routes-factor-step.ts";
import {
  credentialField,
  guestOf,
  type Mistake,
  mistakeOf,
  notNow,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  parseCredential,
  passkeyFormBytesMax,
  readPageForm,
  retryAfterHeader,
  sayingDegraded,
  seeOther,
  staleForm,
  takeNotice,
  text,
  titleOf,
  tooMany,
} from "./routes-pages-forms.ts";
import { type FormState, SignInContent } from "./sign-in.page.tsx";

/** `/login`: by password, or by a passkey alone. */
export function mountSignInPage(pages: PageMount, deps: PageDeps): void {
  const { issuer } = deps;
  const { show, answerTo } = signInPage(deps);

  pages.get("/login", async (c) => {
    const returnTo = parseReturnTo(c.req.query("return_to"), issuer);
    return (await ownerOf(c, deps)) ? seeOther(returnTo) : await show(c, returnTo, {});
  });

  pages.post("/login", async (c) => {
    const asked = { form: "/login", bond: guestOf(c, deps), entries: signInEntries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const { email, password } = fields;
    const returnTo = parseReturnTo(fields.return_to, issuer);
    if (!isOurs) return await show(c, returnTo, { email }, staleForm);
    const outcome = await signIn(c, deps, { email, password });
    return await answerTo(c, outcome, returnTo, { email });
  });

  pages.get(challengePaths.guest, async (c) => {
    const bond = guestOf(c, deps);
    return withCookies(c.text(await deps.mfa.freshChallenge(bond.name)), bond.cookies);
  });

  pages.post(passkeyForm, async (c) => {
    const bond = guestOf(c, deps);
    const asked = { form: passkeyForm, bond, entries: passkeyEntries, bytesMax: passkeyFormBytesMax };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const returnTo = parseReturnTo(fields.return_to, issuer);
    if (!isOurs) return await show(c, returnTo, {}, staleForm);
    const response = parseCredential(fields.credential);
    const shown = { kind: "passkey", response, binding: bond.name } as const;
    const carried = { ...carriedBy(c, deps), kind: "browser" } as const;
    const outcome = await deps.login.signInByPasskey(shown, carried, visitorOf(c.env.visit));
    return await answerTo(c, outcome, returnTo, {});
  });
}

function signInPage(deps: PageDeps) {
  const { shell, formTokens } = deps;

  async function show(c: PageContext, returnTo: string, state: FormState, mistake?: Mistake) {
    const bond = guestOf(c, deps);
    const notice = takeNotice(c, deps);
    const shown = { done: notice.done, ...state, ...mistake };
    const [token, passkeyToken, options] = await Promise.all([
      formTokens.make(bond.name, "/login"),
      formTokens.make(bond.name, passkeyForm),
      deps.mfa.passkeyRequest(bond.name),
    ]);
    const answer = shell.page({
      title: titleOf("Sign in", shown),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: (
        <SignInContent
          token={token}
          passkey={{ action: passkeyForm, token: passkeyToken, options, renew: "guest" }}
          state={shown}
          returnTo={returnTo === homePath ? null : returnTo}
        />
      ),
    });
    return withCookies(answer, [...bond.cookies, ...notice.cookies]);
  }

  async function answerTo(
    c: PageContext,
    outcome: SignInOutcome | Mistake,
    returnTo: string,
    state: FormState,
  ): Promise<Response> {
    const notYet = async (no: SignInOutcome & { ok: false }): Promise<Response> =>
      no.code === "factor_due"
        ? seeFactorPage(no.due, returnTo, deps)
        : await show(c, returnTo, state, refusedSignIn(no));
    if (!("ok" in outcome)) return await show(c, returnTo, state, outcome);
    const answer = outcome.ok
      ? seeOther(returnTo, signedInCookies(deps.cookies, { ...outcome, now: deps.now() }))
      : await notYet(outcome);
    return sayingDegraded(answer, outcome);
  }
  return { show, answerTo };
}

/** What the browser holds of earlier sign-ins. */
export const carriedBy = ({ req }: PageContext, { cookies }: Pick<PageDeps, "cookies">) =>
  carriedIn(req.raw.headers, cookies);

async function signIn(
  c: PageContext,
  deps: PageDeps,
  credentials: { email: string; password: string },
): Promise<SignInOutcome | Mistake> {
  const asked = { ...credentials, kind: "browser", ...carriedBy(c, deps) } as const;
  try {
    return await deps.login.signIn(asked, visitorOf(c.env.visit));
  } catch (thrown) {
    return mistakeOf(thrown, "password");
  }
}

const passkeyForm = "/login/passkey";
const passkeyEntries = { credential: credentialField, return_to: v.optional(text(4096)) };
const signInEntries = { email: text(512), password: text(2048), return_to: v.optional(text(4096)) };

/** A browser asks for no challenge, so a sign-in that failed is a form to mend (400) and no 401. */
export function refusedSignIn({ code, retryAfterSeconds = 1 }: RefusedSignIn): Mistake {
  switch (code) {
    case "invalid_code":
      return { status: 400, errors: { code: sentenceOf(code) } };
    case "invalid_passkey":
    case "factor_closed":
    case "mfa_token_invalid":
    case "recovery_refused":
      return { status: 400, alert: sentenceOf(code) };
    case "invalid_credentials":
      return { status: 400, errors: { password: "The address or the password is not right. Check both." } };
    case "account_disabled":
      return { status: 403, alert: "This account is disabled. Ask those who run this service." };
    case "rate_limited":
      return tooMany(retryAfterSeconds);
    case "unavailable":
      return notNow(retryAfterSeconds);
  }
}
