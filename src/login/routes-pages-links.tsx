import { AskRecoveryContent, ChooseContent, DeadLinkContent, RecoverySentContent } from "./recover.page.tsx";
import { visitorOf, withCookies } from "./routes-cookies.ts";
import {
  guestOf,
  type Mistake,
  mistakeOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  readPageForm,
  requirePageForm,
  retryAfterHeader,
  sayingDegraded,
  seeOther,
  seeOtherWith,
  staleForm,
  text,
  titleOf,
} from "./routes-pages-forms.ts";
import { seeOpened } from "./routes-pages-step.tsx";
import type { FormState } from "./sign-in.page.tsx";
import { VerifyEmailContent } from "./verify-email.page.tsx";

export const stranger = { type: "stranger", id: "" } as const;
const linkMax = 256;

/**
 * The secret of a link stays in the address, from the mail to the POST: no page and no Referer repeats it. Null: there is
 * none. Accepted: an edge's log may hold it, since without JavaScript no fragment reaches us; it works once and for
 * minutes, and only until a newer one is asked for.
 */
export function linkOf({ req }: PageContext): string | null {
  const link = req.query("link") ?? "";
  return link === "" || link.length > linkMax ? null : link;
}

/** Pages that a link in a mail leads to. Opening one changes nothing; its one button does. */
export function mountLinkPages(pages: PageMount, deps: PageDeps): void {
  mountVerifyEmail(pages, deps);
  mountAskRecovery(pages, deps);
}

function mountVerifyEmail(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, accounts } = deps;
  const form = "/verify-email";
  const dead = (): Response =>
    shell.page({
      title: "This link does not work any more",
      status: 400,
      content: (
        <DeadLinkContent again={{ href: "/account", label: "Go to your account" }}>
          Was it for a new account? <a href="/register">Register again</a>, and a new mail is sent.
        </DeadLinkContent>
      ),
    });

  pages.get("/verify-email", async (c) => {
    if (linkOf(c) === null) return dead();
    const bond = guestOf(c, deps);
    const token = await formTokens.make(bond.name, form);
    const content = <VerifyEmailContent token={token} state={{}} />;
    return withCookies(shell.page({ title: "Confirm your address", content }), bond.cookies);
  });

  pages.post("/verify-email", async (c) => {
    await requirePageForm(c, deps, { form, bond: guestOf(c, deps) });
    const link = linkOf(c);
    const operator = { ...visitorOf(c.env.visit), actor: stranger };
    const verdict = link === null ? null : await accounts.confirm(link, operator);
    if (!verdict?.ok) return dead();
    return verdict.purpose === "register" && !verdict.account.hasPassword
      ? await seeOpened(c, deps, verdict)
      : seeOtherWith("address-confirmed", "/login", deps);
  });
}

function mountAskRecovery(pages: PageMount, deps: PageDeps): void {
  const { shell, formTokens, accounts } = deps;
  const choose = createChoosing(deps);

  async function show(c: PageContext, state: FormState, mistake?: Mistake): Promise<Response> {
    const bond = guestOf(c, deps);
    const token = await formTokens.make(bond.name, "/recover");
    const shown = { ...state, ...mistake };
    const answer = shell.page({
      title: titleOf("Cannot sign in?", shown),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: <AskRecoveryContent token={token} state={shown} />,
    });
    return withCookies(answer, bond.cookies);
  }

  pages.get("/recover", (c) => (c.req.query("link") === undefined ? show(c, {}) : choose.show(c)));
  pages.get("/recover/sent", () =>
    shell.page({ title: "Look at your mail", content: <RecoverySentContent /> }),
  );

  pages.post("/recover", async (c) => {
    if (c.req.query("link") !== undefined) return await choose.save(c);
    const asked = { form: "/recover", bond: guestOf(c, deps), entries: { email: text(512) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const { email } = fields;
    if (!isOurs) return await show(c, { email }, staleForm);
    try {
      const accepted = await accounts.requestRecovery(email, visitorOf(c.env.visit));
      return sayingDegraded(seeOther("/recover/sent"), accepted);
    } catch (thrown) {
      const mistake = mistakeOf(thrown, "new_password");
      return sayingDegraded(await show(c, { email }, mistake), mistake);
    }
  });
}

function createChoosing(deps: PageDeps) {
  const { shell, formTokens, accounts, passwordLengthMin } = deps;
  const form = "/recover/choose";
  const dead = (): Response =>
    shell.page({
      title: "This link does not work any more",
      status: 400,
      content: <DeadLinkContent again={{ href: "/recover", label: "Ask for a new link" }} />,
    });

  async function show(c: PageContext, mistake?: Mistake): Promise<Response> {
    if (linkOf(c) === null) return dead();
    const bond = guestOf(c, deps);
    const token = await formTokens.make(bond.name, form);
    const state = { ...mistake };
    const answer = shell.page({
      title: titleOf("Choose a new password", state),
      ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
      content: <ChooseContent token={token} state={state} passwordLengthMin={passwordLengthMin} />,
    });
    return withCookies(answer, bond.cookies);
  }

  return {
    show,
    async save(c: PageContext): Promise<Response> {
      const asked = { form, bond: guestOf(c, deps), entries: { new_password: text(2048) } };
      const { fields, isOurs } = await readPageForm(c, deps, asked);
      if (!isOurs) return await show(c, staleForm);
      const link = linkOf(c);
      if (link === null) return dead();
      const operator = { ...visitorOf(c.env.visit), actor: stranger };
      try {
        const verdict = await accounts.recover(link, fields.new_password, operator);
        return verdict.ok ? seeOtherWith("password-saved", "/login", deps) : dead();
      } catch (thrown) {
        return await show(c, mistakeOf(thrown, "new_password"));
      }
    },
  };
}
