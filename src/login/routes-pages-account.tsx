import { AuthError } from "../errors/auth-error.ts";
import { AccountContent, AddressContent, DeleteContent } from "./account.page.tsx";
import { signedOutCookies } from "./routes-cookies.ts";
import { mountApplications } from "./routes-pages-applications.tsx";
import {
  type Mistake,
  ownerBond,
  type PageDeps,
  type PageMount,
  readPageForm,
  requirePageForm,
  seeOtherWith,
  staleForm,
  text,
} from "./routes-pages-forms.ts";
import {
  asStrong,
  attempt,
  createOwnMount,
  type Owner,
  type OwnMount,
  ownPage,
  ownPasswordField,
  ownProofOf,
} from "./routes-pages-owner.tsx";
import { mountSecurityPages } from "./routes-pages-security.tsx";
import { SessionsContent } from "./sessions.page.tsx";

/** The pages under /account. Who is not signed in goes to sign in, and comes back. */
export function mountAccountPages(pages: PageMount, deps: PageDeps): void {
  const { asOwner, ...own } = createOwnMount(pages, deps);
  mountOverview(own, deps);
  mountSecurityPages(own, deps);
  mountAddress(own, deps);
  mountDeletion(own, deps);
  mountSessions(own, deps);
  mountApplications(own, deps);
  pages.post(
    "/account/sign-out",
    asOwner(
      (owner) => signOut(owner, deps),
      () => seeOtherWith("signed-out", "/login", deps, signedOutCookies(deps.cookies)),
    ),
  );
}

function mountOverview(own: OwnMount, deps: PageDeps): void {
  own.get("/account", async (owner) => {
    const { accountId } = owner.session;
    const [account, sessions] = await Promise.all([
      deps.accounts.get(accountId),
      deps.sessions.list(accountId),
    ]);
    return await ownPage(owner, deps, {
      title: "Your account",
      form: "/account",
      content: ({ state }) => (
        <AccountContent account={account} sessions={sessions.length} state={state} now={deps.now()} />
      ),
    });
  });
}

function mountAddress(own: OwnMount, deps: PageDeps): void {
  const form = "/account/address";
  const show = (owner: Owner, email?: string, mistake?: Mistake): Promise<Response> =>
    ownPage(owner, deps, {
      title: "Change your address",
      form,
      state: { email },
      mistake,
      content: ({ token, state }) => (
        <AddressContent
          token={token}
          state={state}
          email={owner.session.email}
          hasPassword={owner.session.hasPassword}
        />
      ),
    });

  own.get(form, (owner) => show(owner));
  const change = async (owner: Owner): Promise<Response> => {
    const { c, session, operator } = owner;
    const entries = { email: text(512), password: ownPasswordField };
    const { fields, isOurs } = await readPageForm(c, deps, { form, bond: ownerBond(session.id), entries });
    const { email } = fields;
    if (!isOurs) return await show(owner, email, staleForm);
    const password = ownProofOf(deps, session, fields.password);
    const mistake = await attempt(() =>
      deps.accounts.changeAddress(session.accountId, password, email, operator),
    );
    return mistake ? await show(owner, email, mistake) : seeOtherWith("address-asked", "/account", deps);
  };
  own.post(form, form, asStrong(deps, form, change));
}

function mountDeletion(own: OwnMount, deps: PageDeps): void {
  const form = "/account/delete";
  const show = (owner: Owner, mistake?: Mistake): Promise<Response> =>
    ownPage(owner, deps, {
      title: "Delete your account",
      form,
      mistake,
      content: ({ token, state }) => (
        <DeleteContent
          token={token}
          state={state}
          email={owner.session.email}
          hasPassword={owner.session.hasPassword}
        />
      ),
    });

  own.get(form, (owner) => show(owner));
  const remove = async (owner: Owner): Promise<Response> => {
    const { c, session, operator } = owner;
    const entries = { password: ownPasswordField };
    const { fields, isOurs } = await readPageForm(c, deps, { form, bond: ownerBond(session.id), entries });
    if (!isOurs) return await show(owner, staleForm);
    const password = ownProofOf(deps, session, fields.password);
    const mistake = await attempt(() => deps.accounts.remove(session.accountId, password, operator));
    if (mistake) return await show(owner, mistake);
    return seeOtherWith("account-deleted", "/login", deps, signedOutCookies(deps.cookies));
  };
  own.post(form, form, asStrong(deps, form, remove));
}

const endForms = {
  end: "/account/sessions/end",
  endOthers: "/account/sessions/end-others",
  endAll: "/account/sessions/end-all",
} as const;

function mountSessions(own: OwnMount, deps: PageDeps): void {
  const { sessions, formTokens, cookies } = deps;
  const page = "/account/sessions";

  own.get(page, async (owner) => {
    const { id: ownId, accountId } = owner.session;
    const { name } = ownerBond(ownId);
    const [list, end, endOthers, endAll] = await Promise.all([
      sessions.list(accountId),
      formTokens.make(name, endForms.end),
      formTokens.make(name, endForms.endOthers),
      formTokens.make(name, endForms.endAll),
    ]);
    const tokens = { end, endOthers, endAll };
    return await ownPage(owner, deps, {
      title: "Sessions",
      form: page,
      content: ({ state }) => (
        <SessionsContent sessions={list} ownId={ownId} tokens={tokens} state={state} now={deps.now()} />
      ),
    });
  });

  own.post(endForms.end, page, async ({ c, session, operator }) => {
    const asked = { form: endForms.end, bond: ownerBond(session.id), entries: { session: text(64) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) throw new AuthError("cross_site_request");
    const isShaped = /^ses_[0-9A-Za-z]{22}$/.test(fields.session);
    const reach = isShaped
      ? await sessions.end(fields.session, session.accountId, "by_person", operator)
      : null;
    if (reach && fields.session === session.id)
      return seeOtherWith("signed-out", "/login", deps, signedOutCookies(cookies));
    return seeOtherWith(reach ? "session-ended" : "session-gone", page, deps);
  });

  own.post(endForms.endOthers, page, async ({ c, session, operator }) => {
    await requirePageForm(c, deps, { form: endForms.endOthers, bond: ownerBond(session.id) });
    await sessions.endOthers(session.accountId, session.id, operator);
    return seeOtherWith("others-ended", page, deps);
  });

  own.post(endForms.endAll, page, async ({ c, session, operator }) => {
    await requirePageForm(c, deps, { form: endForms.endAll, bond: ownerBond(session.id) });
    await sessions.endAll(session.accountId, "signed_out_everywhere", operator);
    return seeOtherWith("signed-out-everywhere", "/login", deps, signedOutCookies(cookies));
  });
}

async function signOut({ c, session, operator }: Owner, deps: PageDeps): Promise<Response> {
  await requirePageForm(c, deps, { form: "/account/sign-out", bond: ownerBond(session.id) });
  await deps.sessions.end(session.id, session.accountId, "signed_out", operator);
  return seeOtherWith("signed-out", "/login", deps, signedOutCookies(deps.cookies));
}
