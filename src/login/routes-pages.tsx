import { Hono } from "hono";
import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import { sentenceOf } from "../errors/codes.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { RefusedSignIn, SignInOutcome } from "./login.ts";
import { RegisterContent, RegisterSentContent } from "./register.page.tsx";
import { homePath, parseReturnTo } from "./return-to.ts";
import { readOwnCookies, signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { seeFactorPage } from "./routes-factor-step.ts";
import { mountAccountPages } from "./routes-pages-account.tsx";
import {
  guestOf,
  type Mistake,
  mistakeOf,
  notNow,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
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
import { mountLinkPages } from "./routes-pages-links.tsx";
import { type FormState, SignInContent } from "./sign-in.page.tsx";

/** Pages for people, server-rendered; each works without JavaScript. `onError` speaks in their voice. */
export function pageRoutes(
  deps: PageDeps,
  onError: (thrown: Error, c: PageContext) => Response,
): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.onError(onError);
  const pages: PageMount = {
    get: (path, handler) =>
      routes.get(path, (c) => {
        // Cookies and forms are of one origin: under another name of this Worker nobody could sign in.
        const { url } = c.env.visit;
        return url.origin === deps.issuer
          ? handler(c)
          : seeOther(`${deps.issuer}${url.pathname}${url.search}`);
      }),
    post: (path, handler) =>
      routes.post(path, (c) => {
        requireSameOrigin(c.req.raw.headers, deps.issuer);
        return handler(c);
      }),
  };
  routes.get("/assets/:file", (c) => {
    const asset = deps.shell.asset(c.req.param("file"));
    if (!asset) throw new AuthError("not_found");
    return asset;
  });
  routes.get("/favicon.ico", () => deps.shell.favicon());
  pages.get("/", () => seeOther(homePath));
  // The address that password managers open (W3C, A Well-Known URL for Changing Passwords).
  pages.get("/.well-known/change-password", () => seeOther("/account/security"));
  mountSignInPage(pages, deps);
  mountRegisterPages(pages, deps);
  mountLinkPages(pages, deps);
  mountAccountPages(pages, deps);
  return routes;
}

function mountSignInPage(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, issuer } = deps;

  async function show(c: PageContext, returnTo: string, state: FormState, mistake?: Mistake) {
    const bond = guestOf(c, deps);
    const notice = takeNotice(c, deps);
    const shown = { done: notice.done, ...state, ...mistake };
    const answer = shell.page({
      title: titleOf("Sign in", shown),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: (
        <SignInContent
          token={await formTokens.make(bond.name, "/login")}
          state={shown}
          returnTo={returnTo === homePath ? null : returnTo}
        />
      ),
    });
    return withCookies(answer, [...bond.cookies, ...notice.cookies]);
  }

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
    const notYet = async (no: SignInOutcome & { ok: false }): Promise<Response> =>
      no.code === "factor_due"
        ? seeFactorPage(no.due, returnTo, deps)
        : await show(c, returnTo, { email }, refusedSignIn(no));
    if (!("ok" in outcome)) return await show(c, returnTo, { email }, outcome);
    const answer = outcome.ok
      ? seeOther(returnTo, signedInCookies(deps.cookies, { ...outcome, now: deps.now() }))
      : await notYet(outcome);
    return sayingDegraded(answer, outcome);
  });
}

async function signIn(
  c: PageContext,
  deps: PageDeps,
  credentials: { email: string; password: string },
): Promise<SignInOutcome | Mistake> {
  const own = readOwnCookies(c.req.raw.headers, deps.cookies);
  const cookies = { sessionCookie: own.session, deviceCookie: own.device };
  try {
    return await deps.login.signIn({ ...credentials, kind: "browser", ...cookies }, visitorOf(c.env.visit));
  } catch (thrown) {
    return mistakeOf(thrown, "password");
  }
}

const signInEntries = { email: text(512), password: text(2048), return_to: v.optional(text(4096)) };

/** A browser asks for no challenge, so a sign-in that failed is a form to mend (400) and no 401. */
export function refusedSignIn({ code, retryAfterSeconds = 1 }: RefusedSignIn): Mistake {
  switch (code) {
    case "invalid_code":
      return { status: 400, errors: { code: sentenceOf(code) } };
    case "invalid_passkey":
    case "factor_closed":
    case "mfa_token_invalid":
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

function mountRegisterPages(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, accounts, passwordLengthMin } = deps;

  async function show(c: PageContext, state: FormState, mistake?: Mistake): Promise<Response> {
    const bond = guestOf(c, deps);
    const token = await formTokens.make(bond.name, "/register");
    const shown = { ...state, ...mistake };
    const answer = shell.page({
      title: titleOf("Create an account", shown),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: <RegisterContent token={token} state={shown} passwordLengthMin={passwordLengthMin} />,
    });
    return withCookies(answer, bond.cookies);
  }

  pages.get("/register", async (c) => ((await ownerOf(c, deps)) ? seeOther(homePath) : await show(c, {})));
  pages.get("/register/sent", () =>
    shell.page({ title: "Look at your mail", content: <RegisterSentContent /> }),
  );

  pages.post("/register", async (c) => {
    const asked = { form: "/register", bond: guestOf(c, deps), entries: registerEntries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const { email, password } = fields;
    if (!isOurs) return await show(c, { email }, staleForm);
    try {
      const accepted = await accounts.register(email, password, visitorOf(c.env.visit));
      return sayingDegraded(seeOther("/register/sent"), accepted);
    } catch (thrown) {
      const mistake = mistakeOf(thrown, "password");
      return sayingDegraded(await show(c, { email }, mistake), mistake);
    }
  });
}

const registerEntries = { email: text(512), password: text(2048) };
