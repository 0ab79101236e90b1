import type { OwnVerdict } from "../accounts/account.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Markup } from "../http/page.tsx";
import type { LiveSession } from "../sessions/session.ts";
import type { Operator } from "../sessions/sessions.ts";
import { AccountContent, AddressContent, DeleteContent, SecurityContent, SignOut } from "./account.page.tsx";
import { signedOutCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import {
  type Mistake,
  mistakeOf,
  ownerBond,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  readPageForm,
  requirePageForm,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  staleForm,
  takeNotice,
  text,
  titleOf,
  tooMany,
} from "./routes-pages-forms.ts";
import { SessionsContent } from "./sessions.page.tsx";
import type { FormState } from "./sign-in.page.tsx";

/** A person at their own account. */
type Owner = {
  readonly c: PageContext;
  readonly session: LiveSession;
  readonly operator: Operator;
};
type Handler = (owner: Owner) => Promise<Response>;

/** The pages under /account. Who is not signed in goes to sign in, and comes back. */
export function mountAccountPages(pages: PageMount, deps: PageDeps): void {
  const asOwner =
    (handler: Handler, otherwise: (c: PageContext) => Response) =>
    async (c: PageContext): Promise<Response> => {
      const session = await ownerOf(c, deps);
      if (!session) return otherwise(c);
      const { origin, background } = visitorOf(c.env.visit);
      const operator = { actor: { type: "user", id: session.accountId }, origin, background } as const;
      return await handler({ c, session, operator });
    };
  const toSignIn = (path: string): string => `/login?return_to=${encodeURIComponent(path)}`;

  const own: OwnMount = {
    get: (path, handler) =>
      pages.get(
        path,
        asOwner(handler, () => seeOther(toSignIn(path))),
      ),
    post: (path, back, handler) =>
      pages.post(
        path,
        asOwner(handler, () => seeOtherWith("signed-out-meanwhile", toSignIn(back), deps)),
      ),
  };
  mountOverview(own, deps);
  mountSecurity(own, deps);
  mountAddress(own, deps);
  mountDeletion(own, deps);
  mountSessions(own, deps);
  pages.post(
    "/account/sign-out",
    asOwner(
      (owner) => signOut(owner, deps),
      () => seeOtherWith("signed-out", "/login", deps, signedOutCookies(deps.cookies)),
    ),
  );
}

type OwnMount = {
  get(path: string, handler: Handler): void;
  /** `back`: the page of the form, for who was signed out meanwhile. */
  post(path: string, back: string, handler: Handler): void;
};

/** One of their pages: what was just done, the form that comes back, the way out. */
async function ownPage(
  { c, session }: Owner,
  deps: PageDeps,
  draft: {
    readonly title: string;
    readonly form: string;
    readonly state?: FormState;
    readonly mistake?: Mistake | undefined;
    readonly content: (shown: { token: string; state: FormState }) => Markup;
  },
): Promise<Response> {
  const { shell, formTokens } = deps;
  const bond = ownerBond(session.id);
  const notice = takeNotice(c, deps);
  const state = { done: notice.done, ...draft.state, ...draft.mistake };
  const [token, signOutToken] = await Promise.all([
    formTokens.make(bond.name, draft.form),
    formTokens.make(bond.name, "/account/sign-out"),
  ]);
  const answer = shell.page({
    title: titleOf(draft.title, state),
    content: draft.content({ token, state }),
    top: <SignOut token={signOutToken} />,
    ...(draft.mistake ? { status: draft.mistake.status, headers: retryAfterHeader(draft.mistake) } : {}),
  });
  return withCookies(answer, notice.cookies);
}

/** What was wrong with something that needed the password; null when it was done. */
function mistakeIn(verdict: OwnVerdict): Mistake | null {
  if (verdict.ok) return null;
  if (verdict.reason === "over_limit") return tooMany(verdict.retryAfterSeconds);
  return { status: 400, errors: { password: "That is not your password. Check it and try again." } };
}

async function attempt(change: () => Promise<OwnVerdict>): Promise<Mistake | null> {
  try {
    return mistakeIn(await change());
  } catch (thrown) {
    return mistakeOf(thrown, "new_password");
  }
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

function mountSecurity(own: OwnMount, deps: PageDeps): void {
  const form = "/account/security";
  const show = (owner: Owner, mistake?: Mistake): Promise<Response> =>
    ownPage(owner, deps, {
      title: "Security",
      form,
      mistake,
      content: ({ token, state }) => (
        <SecurityContent
          token={token}
          state={state}
          email={owner.session.email}
          passwordLengthMin={deps.passwordLengthMin}
        />
      ),
    });

  own.get(form, (owner) => show(owner));
  own.post(form, form, async (owner) => {
    const { c, session, operator } = owner;
    const entries = { password: text(2048), new_password: text(2048) };
    const { fields, isOurs } = await readPageForm(c, deps, { form, bond: ownerBond(session.id), entries });
    if (!isOurs) return await show(owner, staleForm);
    const passwords = { current: fields.password, next: fields.new_password };
    const mistake = await attempt(() =>
      deps.accounts.changePassword(session.accountId, passwords, session.id, operator),
    );
    return mistake ? await show(owner, mistake) : seeOtherWith("password-changed", form, deps);
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
        <AddressContent token={token} state={state} email={owner.session.email} />
      ),
    });

  own.get(form, (owner) => show(owner));
  own.post(form, form, async (owner) => {
    const { c, session, operator } = owner;
    const entries = { email: text(512), password: text(2048) };
    const { fields, isOurs } = await readPageForm(c, deps, { form, bond: ownerBond(session.id), entries });
    const { email, password } = fields;
    if (!isOurs) return await show(owner, email, staleForm);
    const mistake = await attempt(() =>
      deps.accounts.changeAddress(session.accountId, password, email, operator),
    );
    return mistake ? await show(owner, email, mistake) : seeOtherWith("address-asked", "/account", deps);
  });
}

function mountDeletion(own: OwnMount, deps: PageDeps): void {
  const form = "/account/delete";
  const show = (owner: Owner, mistake?: Mistake): Promise<Response> =>
    ownPage(owner, deps, {
      title: "Delete your account",
      form,
      mistake,
      content: ({ token, state }) => (
        <DeleteContent token={token} state={state} email={owner.session.email} />
      ),
    });

  own.get(form, (owner) => show(owner));
  own.post(form, form, async (owner) => {
    const { c, session, operator } = owner;
    const entries = { password: text(2048) };
    const { fields, isOurs } = await readPageForm(c, deps, { form, bond: ownerBond(session.id), entries });
    if (!isOurs) return await show(owner, staleForm);
    const mistake = await attempt(() => deps.accounts.remove(session.accountId, fields.password, operator));
    if (mistake) return await show(owner, mistake);
    return seeOtherWith("account-deleted", "/login", deps, signedOutCookies(deps.cookies));
  });
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
