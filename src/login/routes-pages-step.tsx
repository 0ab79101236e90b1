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
import { carriedBy, refusedSignIn } from "./routes-pages-sign-in.tsx";

/** A sign-in, or a session to be raised, that waits in this browser. */
export type Waiting = { readonly token: string; readonly step: Step };

/** Null: none, too old, or of a session that this browser does not hold any more. */
export async function waitingStep(c: PageContext, deps: PageDeps): Promise<Waiting | null> {
  const token = readStep(c.req.raw.headers, deps.cookies);
  const step = token === null ? null : await deps.mfa.steps.read(token);
  if (token === null || !step) return null;
  if (step.raised === null) return { token, step };
  const session = await ownerOf(c, deps);
  return session?.id === step.raised.sessionId ? { token, step } : null;
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
} as const;
const codeEntries = { code: text(256), return_to: v.optional(text(4096)) };
const passkeyEntries = { credential: credentialField, return_to: v.optional(text(4096)) };

/** `/login/factor`: the second question of a sign-in. */
export function mountStepPages(pages: PageMount, deps: PageDeps): void {
  pages.get(factorPath, async (c) => {
    const returnTo = parseReturnTo(c.req.query("return_to"), deps.issuer);
    const waiting = await waitingStep(c, deps);
    return waiting && !waiting.step.mustEnrol
      ? await showFactors(c, deps, waiting, returnTo)
      : await beginAnew(c, deps, returnTo);
  });

  for (const kind of ["totp", "recovery-codes"] as const) {
    pages.post(forms[kind], async (c) => {
      const asked = { form: forms[kind], bond: guestOf(c, deps), entries: codeEntries };
      const { fields, isOurs } = await readPageForm(c, deps, asked);
      const shown = isOurs ? ({ kind, code: fields.code } as const) : null;
      return await answerProof(c, deps, fields.return_to, async () => shown);
    });
  }

  pages.post(forms.passkey, async (c) => {
    const entries = passkeyEntries;
    const asked = { form: forms.passkey, bond: guestOf(c, deps), entries, bytesMax: passkeyFormBytesMax };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const response = parseCredential(fields.credential);
    return await answerProof(c, deps, fields.return_to, async (token) =>
      isOurs ? { kind: "passkey", response, binding: await stepBinding(token) } : null,
    );
  });
}

/** `shownTo`: what is shown in this step; null when its form was not one of ours. */
async function answerProof(
  c: PageContext,
  deps: PageDeps,
  sentTo: string | undefined,
  shownTo: (token: string) => Promise<Shown | null>,
): Promise<Response> {
  const { cookies, login, now } = deps;
  const returnTo = parseReturnTo(sentTo, deps.issuer);
  const waiting = await waitingStep(c, deps);
  if (!waiting) return await beginAnew(c, deps, returnTo);
  const shown = await shownTo(waiting.token);
  if (!shown) return await showFactors(c, deps, waiting, returnTo, staleForm);
  const outcome = await login.prove(waiting.token, shown, carriedBy(c, deps), visitorOf(c.env.visit));
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
  const errors =
    kind === "totp"
      ? { code: "That code is not right, or was used already. Wait for the next one and type that." }
      : { recovery_code: "That recovery code is not right, or was used already." };
  return { status: 400, errors };
}

async function showFactors(
  c: PageContext,
  deps: PageDeps,
  { token, step }: Waiting,
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
  const notice = takeNotice(c, deps);
  const state = { done: notice.done, ...mistake };
  const isRaise = step.raised !== null;
  const answer = shell.page({
    title: titleOf(isRaise ? "Confirm that it is you" : "One more step", state),
    ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
    content: (
      <FactorContent
        asked={{ passkey: passkey && { ...passkey, options }, app, recovery }}
        isRaise={isRaise}
        state={state}
        returnTo={returnField(returnTo)}
      />
    ),
  });
  return withCookies(answer, [...bond.cookies, ...notice.cookies]);
}
