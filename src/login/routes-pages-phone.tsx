import { AuthError } from "../errors/auth-error.ts";
import { statusOf } from "../errors/codes.ts";
import type { PhoneHolder, PhoneVerdict } from "../mfa/phones.ts";
import type { Sender } from "../mfa/texting.ts";
import { AccountNav } from "./account.page.tsx";
import { PhoneCodeContent, PhoneStartContent } from "./phone.page.tsx";
import { visitorOf } from "./routes-cookies.ts";
import {
  type Mistake,
  notNow,
  ownerBond,
  type PageContext,
  type PageDeps,
  readPageForm,
  seeOtherWith,
  staleForm,
  text,
  tooMany,
} from "./routes-pages-forms.ts";
import { asFresh, type Owner, type OwnMount, ownPage } from "./routes-pages-owner.tsx";

const page = "/account/security";
const forms = { number: `${page}/phone`, confirm: `${page}/phone/confirm` } as const;

export function senderOf(c: PageContext, accountId: string): Sender {
  const { origin, background, network } = visitorOf(c.env.visit);
  return { actor: { type: "user", id: accountId }, origin, background, network };
}

const holderOf = ({ session }: Owner): PhoneHolder => ({
  accountId: session.accountId,
  email: session.email,
  sessionId: session.id,
  version: session.version,
  factorKinds: session.factorKinds,
});

/** Why no text was sent, as a person can use it; null when there is nothing that could be mended here. */
export function mistakeOfTexting(thrown: unknown): Mistake | null {
  if (!(thrown instanceof AuthError)) throw thrown;
  const { code, retryAfterSeconds = 1 } = thrown;
  if (code === "rate_limited") return tooMany(retryAfterSeconds);
  if (code === "unavailable") return notNow(retryAfterSeconds);
  if (code === "conflict")
    return { status: statusOf(code), alert: "No text messages can be sent to this phone. Use another way." };
  if (code === "invalid_request") {
    const words =
      "Give a mobile number with its country, like +49 151 2345678. Some countries get no messages from here.";
    return { status: statusOf(code), errors: { number: words } };
  }
  return null;
}

function mistakeInCode(verdict: PhoneVerdict & { ok: false }): Mistake | null {
  switch (verdict.reason) {
    case "waiting":
      return tooMany(verdict.retryAfterSeconds);
    case "closed":
      return {
        status: statusOf("factor_closed"),
        alert: "There were too many wrong codes. Sign in anew first.",
      };
    case "wrong":
      return {
        status: 400,
        errors: { sms_code: "That code is not right. Type the newest one that was sent." },
      };
    case "over":
      return null;
  }
}

/** A telephone, set up in a session: its number, then the code that was sent to it. */
export function mountPhonePages(own: OwnMount, deps: PageDeps): void {
  const back = (): string => forms.number;
  own.get(
    forms.number,
    asFresh(deps, back, (owner) => showStart(owner, deps)),
  );
  own.post(
    forms.number,
    forms.number,
    asFresh(deps, back, (owner) => begin(owner, deps)),
  );
  own.post(
    forms.confirm,
    forms.number,
    asFresh(deps, back, (owner) => confirm(owner, deps)),
  );
}

const showStart = (owner: Owner, deps: PageDeps, mistake?: Mistake, number?: string): Promise<Response> =>
  ownPage(owner, deps, {
    title: "Add a phone number",
    form: forms.number,
    mistake,
    content: ({ token, state }) => (
      <>
        <AccountNav here={page} />
        <PhoneStartContent
          action={forms.number}
          token={token}
          isChange={owner.session.factorKinds.includes("sms")}
          state={state}
          number={number}
        />
      </>
    ),
  });

async function begin(owner: Owner, deps: PageDeps): Promise<Response> {
  const { c, session } = owner;
  const asked = { form: forms.number, bond: ownerBond(session.id), entries: { number: text(64) } };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  if (!isOurs) return await showStart(owner, deps, staleForm, fields.number);
  try {
    const { id } = await deps.mfa.beginPhone(fields.number, holderOf(owner), senderOf(c, session.accountId));
    return await showCode(owner, deps, id);
  } catch (thrown) {
    const mistake = mistakeOfTexting(thrown);
    if (!mistake) throw thrown;
    return await showStart(owner, deps, mistake, fields.number);
  }
}

async function showCode(owner: Owner, deps: PageDeps, id: string, mistake?: Mistake): Promise<Response> {
  const ending = await deps.mfa.pendingPhone(id, holderOf(owner));
  if (ending === null) return seeOtherWith("set-up-over", forms.number, deps);
  return await ownPage(owner, deps, {
    title: "Confirm your phone number",
    form: forms.confirm,
    mistake,
    content: ({ token, state }) => (
      <>
        <AccountNav here={page} />
        <PhoneCodeContent action={forms.confirm} token={token} phone={{ id, ending }} state={state} />
      </>
    ),
  });
}

async function confirm(owner: Owner, deps: PageDeps): Promise<Response> {
  const { c, session } = owner;
  const entries = { id: text(64), code: text(256) };
  const asked = { form: forms.confirm, bond: ownerBond(session.id), entries };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  const { id, code } = fields;
  if (!isOurs) return await showCode(owner, deps, id, staleForm);
  const verdict = await deps.mfa.confirmPhone(id, code, holderOf(owner), senderOf(c, session.accountId));
  if (verdict.ok) return seeOtherWith("phone-added", page, deps);
  const mistake = mistakeInCode(verdict);
  return mistake ? await showCode(owner, deps, id, mistake) : seeOtherWith("set-up-over", forms.number, deps);
}
