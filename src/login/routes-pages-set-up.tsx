import type { Step } from "../mfa/steps.ts";
import { homePath, parseReturnTo } from "./return-to.ts";
import { signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { holderOf, isAwaited } from "./routes-factor-holder.ts";
import { clearStep, enrolPath, stepBinding } from "./routes-factor-step.ts";
import {
  addPasskey,
  beginApp,
  confirmApp,
  type Place,
  passkeyAskedAt,
  type SetUp,
} from "./routes-pages-enrolment.tsx";
import {
  guestOf,
  type Mistake,
  type PageContext,
  type PageDeps,
  type PageMount,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  takeNotice,
  titleOf,
} from "./routes-pages-forms.ts";
import { carriedBy } from "./routes-pages-sign-in.tsx";
import { beginAnew, returnField, waitingStep } from "./routes-pages-step.tsx";
import { OnlyPasskeyContent, SetUpContent } from "./set-up.page.tsx";

const forms = {
  app: `${enrolPath}/app`,
  confirm: `${enrolPath}/app/confirm`,
  passkey: `${enrolPath}/passkey`,
} as const;

/** `/login/set-up`: a sign-in that cannot go on before there is a second factor. */
export function mountSetUpPages(pages: PageMount, deps: PageDeps): void {
  pages.get(enrolPath, async (c) => {
    const returnTo = parseReturnTo(c.req.query("return_to"), deps.issuer);
    const place = await placeOf(c, deps);
    return place ? await showChoice(place, deps, returnTo) : await beginAnew(c, deps, returnTo);
  });

  for (const [form, act] of [
    [forms.app, beginApp],
    [forms.confirm, confirmApp],
    [forms.passkey, addPasskey],
  ] as const) {
    pages.post(form, async (c) => {
      const place = await placeOf(c, deps);
      return place ? await act(place, deps) : await beginAnew(c, deps, homePath);
    });
  }
}

/** Null unless a sign-in waits here of an account that has nothing to show, and is as it was when it began. */
async function placeOf(c: PageContext, deps: PageDeps): Promise<Place | null> {
  const waiting = await waitingStep(c, deps);
  if (!waiting?.step.mustEnrol) return null;
  const { step, token } = waiting;
  const account = await deps.accounts.get(step.accountId);
  if (!isAwaited(step, account)) return null;
  const { origin, background } = visitorOf(c.env.visit);
  const place: Place = {
    c,
    holder: holderOf(step, account),
    operator: { actor: { type: "user", id: account.id }, origin, background },
    bond: guestOf(c, deps),
    binding: await stepBinding(token),
    forms,
    show: (draft) => guestPage(place, deps, draft),
    showPasskey: (returnTo, mistake) => showChoice(place, deps, returnTo, mistake),
    over: (notice, returnTo) =>
      seeOtherWith(notice, `${enrolPath}?return_to=${encodeURIComponent(returnTo)}`, deps),
    done: (factor, returnTo) => begin(place, deps, { step, factor, returnTo }),
  };
  return place;
}

async function guestPage(
  { c, bond }: Place,
  deps: PageDeps,
  draft: Parameters<Place["show"]>[0],
): Promise<Response> {
  const notice = takeNotice(c, deps);
  const { mistake } = draft;
  const state = { done: notice.done, ...mistake };
  const answer = deps.shell.page({
    title: titleOf(draft.title, state),
    ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
    content: draft.content(state),
  });
  return withCookies(answer, [...bond.cookies, ...notice.cookies]);
}

async function showChoice(
  place: Place,
  deps: PageDeps,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  if (place.holder.step?.isPasskeyOnly) return await showOnlyPasskey(place, deps, returnTo, mistake);
  const [passkey, token] = await Promise.all([
    passkeyAskedAt(place, deps),
    deps.formTokens.make(place.bond.name, forms.app),
  ]);
  return await place.show({
    title: "Protect your account",
    mistake,
    content: (state) => (
      <SetUpContent
        app={{ action: forms.app, token }}
        passkey={passkey}
        state={state}
        returnTo={returnField(returnTo)}
      />
    ),
  });
}

async function showOnlyPasskey(
  place: Place,
  deps: PageDeps,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  const passkey = await passkeyAskedAt(place, deps);
  return await place.show({
    title: "Create your passkey",
    mistake,
    content: (state) => (
      <OnlyPasskeyContent
        passkey={passkey}
        email={place.holder.email}
        state={state}
        returnTo={returnField(returnTo)}
      />
    ),
  });
}

/** They are in; the codes for a lost phone come before what they came for. */
async function begin(
  { c }: Place,
  deps: PageDeps,
  { step, factor, returnTo }: { step: Step; factor: SetUp; returnTo: string },
): Promise<Response> {
  const { cookies, login, now } = deps;
  const outcome = await login.enrolled(step, factor, carriedBy(c, deps), visitorOf(c.env.visit));
  if (!outcome.ok) return await beginAnew(c, deps, returnTo);
  const set = [...signedInCookies(cookies, { ...outcome, now: now() }), clearStep(cookies)];
  return seeOther(`/account/security/recovery-codes?return_to=${encodeURIComponent(returnTo)}`, set);
}
