import * as v from "valibot";
import type { OwnProof, OwnVerdict } from "../accounts/account.ts";
import type { Markup } from "../http/page.tsx";
import type { LiveSession } from "../sessions/session.ts";
import type { Operator } from "../sessions/sessions.ts";
import { SignOut } from "./account.page.tsx";
import { isFresh } from "./freshness.ts";
import { visitorOf, withCookies } from "./routes-cookies.ts";
import {
  type Mistake,
  mistakeOf,
  ownerBond,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  takeNotice,
  text,
  titleOf,
  tooMany,
} from "./routes-pages-forms.ts";
import type { FormState } from "./sign-in.page.tsx";

/** A person at their own account. */
export type Owner = {
  readonly c: PageContext;
  readonly session: LiveSession;
  readonly operator: Operator;
};
export type Handler = (owner: Owner) => Promise<Response>;

export function createOwnMount(pages: PageMount, deps: PageDeps) {
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
  return { ...own, asOwner };
}

/** Lets only who proved themselves lately; anybody else does that first, and comes back. */
export const asFresh =
  (deps: PageDeps, back: (owner: Owner) => string, handler: Handler): Handler =>
  async (owner) => {
    const { c, session } = owner;
    if (isFresh(session, session, deps.now())) return await handler(owner);
    const again = `/login/again?return_to=${encodeURIComponent(back(owner))}`;
    if (c.req.method === "POST") deps.mfa.refuseStale(owner.operator);
    else if (!session.amr.includes("sms")) return seeOther(again);
    if (session.amr.includes("sms")) return seeOtherWith("text-not-enough", again, deps);
    return seeOtherWith("prove-first", again, deps);
  };

/** The same where the password is asked for anyway: only who has a factor, or no password, must have shown the one lately. */
export const asStrong =
  (deps: PageDeps, back: string, handler: Handler): Handler =>
  (owner) =>
    owner.session.factorKinds.length === 0 && owner.session.hasPassword
      ? handler(owner)
      : asFresh(deps, () => back, handler)(owner);

export type OwnMount = {
  get(path: string, handler: Handler): void;
  /** `back`: the page of the form, for who was signed out meanwhile. */
  post(path: string, back: string, handler: Handler): void;
};

/** One of their pages: what was just done, the form that comes back, the way out. */
export async function ownPage(
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

/** Not sent by who has none: their proof is that they were let through as strong. */
export const ownPasswordField = v.optional(text(2048), "");
export const ownProofOf = (
  { accounts }: PageDeps,
  { hasPassword }: LiveSession,
  password: string,
): OwnProof => (hasPassword ? password : accounts.freshProof);

/** What was wrong with something that needed the password; null when it was done. */
function mistakeIn(verdict: OwnVerdict): Mistake | null {
  if (verdict.ok) return null;
  if (verdict.reason === "over_limit") return tooMany(verdict.retryAfterSeconds);
  return { status: 400, errors: { password: "That is not your password. Check it and try again." } };
}

export async function attempt(change: () => Promise<OwnVerdict>): Promise<Mistake | null> {
  try {
    return mistakeIn(await change());
  } catch (thrown) {
    return mistakeOf(thrown, "new_password");
  }
}
