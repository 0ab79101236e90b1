import * as v from "valibot";
import { readForm } from "../http/form.ts";
import type { Step } from "../mfa/steps.ts";
import { parseReturnTo } from "./return-to.ts";
import { signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { holderOf } from "./routes-factor-holder.ts";
import { clearStep, enrolPath, seeFactorPage, stepBinding } from "./routes-factor-step.ts";
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
  passkeyFormBytesMax,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  takeNotice,
  text,
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
      if (!place) return await beginAnew(c, deps, await returnToSent(c, deps));
      // An app is not offered where it is too weak: whoever sends its form had the page open from before.
      return place.isPasskeyNeeded && act !== addPasskey
        ? place.over("set-up-over", await returnToSent(c, deps))
        : await act(place, deps);
    });
  }
}

const whereTo = v.object({ return_to: v.optional(text(4096)) });

/** Where a form that came too late would have led on: of the rest nothing is looked at. */
async function returnToSent({ req }: PageContext, { issuer }: PageDeps): Promise<string> {
  const { return_to: returnTo } = await readForm(req.raw, whereTo, passkeyFormBytesMax);
  return parseReturnTo(returnTo, issuer);
}

const choiceFor = (returnTo: string): string => `${enrolPath}?return_to=${encodeURIComponent(returnTo)}`;

/** A place in a sign-in. */
type GuestPlace = Place & { readonly isPasskeyNeeded: boolean };

/** Null unless a sign-in waits here that must set up a factor, and its account is as it was when it began. */
async function placeOf(c: PageContext, deps: PageDeps): Promise<GuestPlace | null> {
  const waiting = await waitingStep(c, deps, "enrolment");
  if (!waiting) return null;
  const { step, token } = waiting;
  const account = await deps.accounts.get(step.accountId);
  const { origin, background } = visitorOf(c.env.visit);
  const operator = { actor: { type: "user", id: account.id }, origin, background } as const;
  if (!deps.mfa.mayEnrol(step, account)) {
    deps.mfa.refuse("superseded", account.id, operator);
    return null;
  }
  const place: GuestPlace = {
    c,
    isPasskeyNeeded: deps.login.isPasskeyNeeded(account),
    holder: holderOf(step, account),
    operator,
    bond: guestOf(c, deps),
    binding: await stepBinding(token),
    forms,
    back: (returnTo) => ({ href: choiceFor(returnTo), words: "Choose another way" }),
    show: (draft) => guestPage(place, deps, draft),
    showPasskey: (returnTo, mistake) => showChoice(place, deps, returnTo, mistake),
    over: (notice, returnTo) => seeOtherWith(notice, choiceFor(returnTo), deps),
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
  place: GuestPlace,
  deps: PageDeps,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  if (place.holder.isPasskeyOnly) return await showOnlyPasskey(place, deps, returnTo, mistake);
  const [passkey, token] = await Promise.all([
    passkeyAskedAt(place, deps),
    deps.formTokens.make(place.bond.name, forms.app),
  ]);
  return await place.show({
    title: "Protect your account",
    mistake,
    content: (state) => (
      <SetUpContent
        app={place.isPasskeyNeeded ? null : { action: forms.app, token }}
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
  if (!outcome.ok && outcome.code === "factor_due") return seeFactorPage(outcome.due, returnTo, deps);
  if (!outcome.ok) return await beginAnew(c, deps, returnTo);
  const set = [...signedInCookies(cookies, { ...outcome, now: now() }), clearStep(cookies)];
  return seeOther(`/account/security/recovery-codes?return_to=${encodeURIComponent(returnTo)}`, set);
}
