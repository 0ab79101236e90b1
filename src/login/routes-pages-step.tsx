import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import type { Shown } from "../mfa/factor.ts";
import type { Step } from "../mfa/steps.ts";
import type { OpenedByMail } from "./by-mail.ts";
import { FactorContent } from "./factor.page.tsx";
import type { RefusedSignIn } from "./login.ts";
import { homePath, parseReturnTo } from "./return-to.ts";
import { signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { clearStep, factorPath, readStep, seeFactorPage, stepBinding } from "./routes-factor-step.ts";
import {
  credentialField,
  guestOf,
  type Mistake,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  parseCredential,
  passkeyFormBytesMax,
  readPageForm,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  staleForm,
  takeNotice,
  text,
  titleOf,
} from "./routes-pages-forms.ts";
import { mistakeOfTexting, senderOf } from "./routes-pages-phone.tsx";
import { carriedBy, refusedSignIn } from "./routes-pages-sign-in.tsx";

/** A sign-in, or a session to be raised, that waits in this browser. */
export type Waiting = { readonly token: string; readonly step: Step };

/** Null: none, too old, or of a session that this browser does not hold any more. */
export async function waitingStep(
  c: PageContext,
  deps: PageDeps,
  waitsFor: "proof" | "enrolment",
): Promise<Waiting | null> {
  const token = readStep(c.req.raw.headers, deps.cookies);
  const visitor = visitorOf(c.env.visit);
  const step = token === null ? null : await deps.mfa.steps.read(token, waitsFor, visitor);
  if (token === null || !step) return null;
  if (step.raised === null) return { token, step };
  const session = await ownerOf(c, deps);
  if (session?.id === step.raised.sessionId) return { token, step };
  deps.mfa.refuse("superseded", step.accountId, { actor: { type: "stranger", id: "" }, ...visitor });
  return null;
}

/** A link was used of an account without a password: on to what must be shown or set up next. */
export async function seeOpened(c: PageContext, deps: PageDeps, opened: OpenedByMail): Promise<Response> {
  const { deviceCookie } = carriedBy(c, deps);
  const outcome = await deps.login.openByMail(opened, { kind: "browser", deviceCookie });
  if (outcome.ok || outcome.code !== "factor_due")
    throw new AuthError(outcome.ok ? "internal" : outcome.code);
  return seeFactorPage(outcome.due, homePath, deps);
}

/** Who is in a session proves themselves from there, anybody else signs in; both come back to where they were going. */
export async function beginAnew(c: PageContext, deps: PageDeps, returnTo: string): Promise<Response> {
  const path = (await ownerOf(c, deps)) ? "/login/again" : "/login";
  const location = returnTo === homePath ? path : `${path}?return_to=${encodeURIComponent(returnTo)}`;
  return seeOtherWith("step-over", location, deps, [clearStep(deps.cookies)]);
}

export const returnField = (returnTo: string): string | null => (returnTo === homePath ? null : returnTo);

const forms = {
  totp: factorPath,
  "recovery-codes": `${factorPath}/recovery-code`,
  passkey: `${factorPath}/passkey`,
  sms: `${factorPath}/sms`,
} as const;
const sendForm = `${forms.sms}/send`;
const anyEntries = { return_to: v.optional(text(4096)), remember_device: v.optional(text(8)) };
const codeEntries = { ...anyEntries, code: text(256) };
const passkeyEntries = { ...anyEntries, credential: credentialField };

/** `/login/factor`: the second question of a sign-in. */
export function mountStepPages(pages: PageMount, deps: PageDeps): void {
  pages.get(factorPath, async (c) => {
    const returnTo = parseReturnTo(c.req.query("return_to"), deps.issuer);
    const waiting = await waitingStep(c, deps, "proof");
    return waiting
      ? await showFactors(c, deps, { ...waiting, isTexted: c.req.query("by") === "sms" }, returnTo)
      : await beginAnew(c, deps, returnTo);
  });

  for (const kind of ["totp", "recovery-codes"] as const) {
    pages.post(forms[kind], async (c) => {
      const asked = { form: forms[kind], bond: guestOf(c, deps), entries: codeEntries };
      const { fields, isOurs } = await readPageForm(c, deps, asked);
      const shown = isOurs ? ({ kind, code: fields.code } as const) : null;
      return await answerProof(c, deps, fields, async () => shown);
    });
  }

  if (deps.mfa.hasTexts) mountTextForms(pages, deps);

  pages.post(forms.passkey, async (c) => {
    const entries = passkeyEntries;
    const asked = { form: forms.passkey, bond: guestOf(c, deps), entries, bytesMax: passkeyFormBytesMax };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const response = parseCredential(fields.credential);
    return await answerProof(c, deps, fields, async (token) =>
      isOurs ? { kind: "passkey", response, binding: await stepBinding(token) } : null,
    );
  });
}

/** The code, and the button that has one sent: two forms, so that no code is typed into the wrong one. */
function mountTextForms(pages: PageMount, deps: PageDeps): void {
  pages.post(forms.sms, async (c) => {
    const asked = { form: forms.sms, bond: guestOf(c, deps), entries: codeEntries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    return await answerProof(c, deps, fields, async (token) =>
      isOurs ? { kind: "sms", code: fields.code, binding: await stepBinding(token) } : null,
    );
  });

  pages.post(sendForm, async (c) => {
    const entries = { return_to: v.optional(text(4096)) };
    const { fields, isOurs } = await readPageForm(c, deps, {
      form: sendForm,
      bond: guestOf(c, deps),
      entries,
    });
    const returnTo = parseReturnTo(fields.return_to, deps.issuer);
    const waiting = await waitingStep(c, deps, "proof");
    if (!waiting) return await beginAnew(c, deps, returnTo);
    if (!isOurs) return await showFactors(c, deps, { ...waiting, isTexted: true }, returnTo, staleForm);
    try {
      const { step, token } = waiting;
      await deps.mfa.sendSignInCode(step, await stepBinding(token), senderOf(c, step.accountId));
    } catch (thrown) {
      const mistake = mistakeOfTexting(thrown);
      if (mistake) return await showFactors(c, deps, { ...waiting, isTexted: true }, returnTo, mistake);
      return await beginAnew(c, deps, returnTo);
    }
    const next = returnTo === homePath ? "" : `&return_to=${encodeURIComponent(returnTo)}`;
    return seeOtherWith("code-sent", `${factorPath}?by=sms${next}`, deps);
  });
}

/** `shownTo`: what is shown in this step; null when its form was not one of ours. */
async function answerProof(
  c: PageContext,
  deps: PageDeps,
  sent: { return_to?: string | undefined; remember_device?: string | undefined },
  shownTo: (token: string) => Promise<Shown | null>,
): Promise<Response> {
  const { cookies, login, now } = deps;
  const returnTo = parseReturnTo(sent.return_to, deps.issuer);
  const waiting = await waitingStep(c, deps, "proof");
  if (!waiting) return await beginAnew(c, deps, returnTo);
  const shown = await shownTo(waiting.token);
  if (!shown) return await showFactors(c, deps, waiting, returnTo, staleForm);
  const carried = { ...carriedBy(c, deps), isToRemember: sent.remember_device !== undefined };
  const outcome = await login.prove(waiting.token, shown, carried, visitorOf(c.env.visit));
  if (outcome.ok) {
    const signedIn = signedInCookies(cookies, { ...outcome, now: now() });
    return seeOther(returnTo, [...signedIn, clearStep(cookies)]);
  }
  if (outcome.code === "factor_due") return seeFactorPage(outcome.due, returnTo, deps);
  if (outcome.code === "mfa_token_invalid") return await beginAnew(c, deps, returnTo);
  return await showFactors(c, deps, waiting, returnTo, mistakeIn(outcome, shown));
}

function mistakeIn(outcome: RefusedSignIn, { kind }: Shown): Mistake {
  if (outcome.code !== "invalid_code") return refusedSignIn(outcome);
  if (kind === "sms") {
    const words = "That code is not right, was used already, or is too old. Have a new one sent.";
    return { status: 400, errors: { sms_code: words } };
  }
  const errors =
    kind === "totp"
      ? { code: "That code is not right, or was used already. Wait for the next one and type that." }
      : { recovery_code: "That recovery code is not right, or was used already." };
  return { status: 400, errors };
}

async function showFactors(
  c: PageContext,
  deps: PageDeps,
  { token, step, isTexted = false }: Waiting & { readonly isTexted?: boolean },
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  const { shell, formTokens, mfa } = deps;
  const [held, options] = await Promise.all([
    mfa.list(step.accountId),
    mfa.passkeyRequestOf(step.accountId, await stepBinding(token)),
  ]);
  const has = (kind: Shown["kind"]): boolean =>
    held.some((factor) => factor.kind === kind) && !(step.byMail && kind === "passkey");
  // Taken away since the password was given: there is nothing to ask for any more.
  if (!has("totp") && !has("passkey") && !step.byMail) return await beginAnew(c, deps, returnTo);
  const bond = guestOf(c, deps);
  const formOf = async (kind: Shown["kind"]) =>
    has(kind) ? { action: forms[kind], token: await formTokens.make(bond.name, forms[kind]) } : null;
  const [passkey, app, recovery] = await Promise.all([
    formOf("passkey"),
    formOf("totp"),
    formOf("recovery-codes"),
  ]);
  const phone = mfa.hasTexts ? held.find((factor) => factor.kind === "sms") : undefined;
  const sms = phone && {
    ending: phone.numberEnding ?? "",
    isOpen: isTexted,
    send: { action: sendForm, token: await formTokens.make(bond.name, sendForm) },
    show: { action: forms.sms, token: await formTokens.make(bond.name, forms.sms) },
  };
  const notice = takeNotice(c, deps);
  const state = { done: notice.done, ...mistake };
  const isRaise = step.raised !== null;
  const answer = shell.page({
    title: titleOf(isRaise ? "Confirm that it is you" : "One more step", state),
    ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
    content: (
      <FactorContent
        asked={{ passkey: passkey && { ...passkey, options }, app, sms: sms ?? null, recovery }}
        isRaise={isRaise}
        isPasskeyNeeded={step.isPasskeyNeeded ?? false}
        rememberDays={step.mayRemember ? mfa.remembered.days : 0}
        state={state}
        returnTo={returnField(returnTo)}
      />
    ),
  });
  return withCookies(answer, [...bond.cookies, ...notice.cookies]);
}
