import { DeadLinkContent, RecoverPasskeyContent } from "./recover.page.tsx";
import { RegisterPasskeyContent } from "./register.page.tsx";
import { homePath } from "./return-to.ts";
import { visitorOf, withCookies } from "./routes-cookies.ts";
import {
  guestOf,
  type Mistake,
  mistakeOf,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  readPageForm,
  requirePageForm,
  retryAfterHeader,
  sayingDegraded,
  seeOther,
  staleForm,
  text,
  titleOf,
} from "./routes-pages-forms.ts";
import { linkOf, stranger } from "./routes-pages-links.tsx";
import { seeOpened } from "./routes-pages-step.tsx";
import type { FormState } from "./sign-in.page.tsx";

/** Accounts without a password: begun at `/register/passkey`, recovered at `/recover/passkey`. */
export function mountByMailPages(pages: PageMount, deps: PageDeps): void {
  mountRegister(pages, deps);
  mountRecover(pages, deps);
}

function mountRegister(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, accounts } = deps;
  const form = "/register/passkey";

  async function show(c: PageContext, state: FormState, mistake?: Mistake): Promise<Response> {
    const bond = guestOf(c, deps);
    const shown = { ...state, ...mistake };
    const answer = shell.page({
      title: titleOf("Create an account", shown),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: (
        <RegisterPasskeyContent action={form} token={await formTokens.make(bond.name, form)} state={shown} />
      ),
    });
    return withCookies(answer, bond.cookies);
  }

  pages.get(form, async (c) => ((await ownerOf(c, deps)) ? seeOther(homePath) : await show(c, {})));
  pages.post(form, async (c) => {
    const asked = { form, bond: guestOf(c, deps), entries: { email: text(512) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const { email } = fields;
    if (!isOurs) return await show(c, { email }, staleForm);
    try {
      const accepted = await accounts.registerForPasskey(email, visitorOf(c.env.visit));
      return sayingDegraded(seeOther("/register/sent"), accepted);
    } catch (thrown) {
      const mistake = mistakeOf(thrown, "password");
      return sayingDegraded(await show(c, { email }, mistake), mistake);
    }
  });
}

function mountRecover(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, accounts } = deps;
  const form = "/recover/passkey";
  const dead = (): Response =>
    shell.page({
      title: "This link does not work any more",
      status: 400,
      content: <DeadLinkContent again={{ href: "/recover", label: "Ask for a new link" }} />,
    });

  pages.get(form, async (c) => {
    if (linkOf(c) === null) return dead();
    const bond = guestOf(c, deps);
    const content = <RecoverPasskeyContent token={await formTokens.make(bond.name, form)} />;
    return withCookies(shell.page({ title: "Set up a new passkey", content }), bond.cookies);
  });

  pages.post(form, async (c) => {
    await requirePageForm(c, deps, { form, bond: guestOf(c, deps) });
    const link = linkOf(c);
    const operator = { ...visitorOf(c.env.visit), actor: stranger };
    const verdict = link === null ? null : await accounts.openByMail(link, operator);
    return verdict?.ok ? await seeOpened(c, deps, verdict) : dead();
  });
}
