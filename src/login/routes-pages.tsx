import { Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import { requireSameOrigin } from "../http/same-origin.ts";
import type { DoorEnv } from "../http/visit.ts";
import { RegisterContent, RegisterSentContent } from "./register.page.tsx";
import { homePath } from "./return-to.ts";
import { visitorOf, withCookies } from "./routes-cookies.ts";
import { mountAccountPages } from "./routes-pages-account.tsx";
import { mountAgainPage } from "./routes-pages-again.tsx";
import { mountByMailPages } from "./routes-pages-by-mail.tsx";
import {
  guestOf,
  type Mistake,
  mistakeOf,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  readPageForm,
  retryAfterHeader,
  sayingDegraded,
  seeOther,
  staleForm,
  text,
  titleOf,
} from "./routes-pages-forms.ts";
import { mountLinkPages } from "./routes-pages-links.tsx";
import { mountSetUpPages } from "./routes-pages-set-up.tsx";
import { mountSignInPage } from "./routes-pages-sign-in.tsx";
import { mountStepPages } from "./routes-pages-step.tsx";
import type { FormState } from "./sign-in.page.tsx";

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
  mountStepPages(pages, deps);
  mountSetUpPages(pages, deps);
  mountAgainPage(pages, deps);
  mountRegisterPages(pages, deps);
  mountLinkPages(pages, deps);
  mountByMailPages(pages, deps);
  mountAccountPages(pages, deps);
  return routes;
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
