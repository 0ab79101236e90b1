import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import type { Markup } from "../http/page.tsx";
import type { Holder } from "../mfa/enrolment.ts";
import type { FactorKind, FactorShown } from "../mfa/factor.ts";
import type { Operator } from "../sessions/sessions.ts";
import { parseReturnTo } from "./return-to.ts";
import {
  type Bond,
  credentialField,
  type Mistake,
  type Notice,
  type PageContext,
  type PageDeps,
  parseCredential,
  passkeyFormBytesMax,
  readPageForm,
  staleForm,
  text,
} from "./routes-pages-forms.ts";
import { returnField } from "./routes-pages-step.tsx";
import { AppContent, type AppShown, type Back } from "./set-up.page.tsx";
import type { FormState } from "./sign-in.page.tsx";

export type SetUp = { readonly kind: FactorKind; readonly isUserVerified: boolean };
type Draft = {
  readonly title: string;
  readonly mistake?: Mistake | undefined;
  readonly content: (state: FormState) => Markup;
};

/** Where a factor is set up: in a sign-in that needs one, or in a session. */
export type Place = {
  readonly c: PageContext;
  readonly holder: Holder;
  readonly operator: Operator;
  readonly bond: Bond;
  /** What a passkey's challenge is bound to. */
  readonly binding: string;
  readonly forms: { readonly app: string; readonly confirm: string; readonly passkey: string };
  readonly back: (returnTo: string) => Back;
  readonly show: (draft: Draft) => Promise<Response>;
  /** The page with the button that leads to a passkey, once more. */
  readonly showPasskey: (returnTo: string, mistake: Mistake) => Promise<Response>;
  readonly over: (notice: Notice, returnTo: string) => Response;
  readonly done: (factor: SetUp, returnTo: string) => Promise<Response>;
};

const startEntries = { return_to: v.optional(text(4096)) };
const confirmEntries = { ...startEntries, id: text(64), code: text(256) };
const passkeyEntries = { ...startEntries, credential: credentialField, name: v.optional(text(512), "") };

/** A new secret, shown with the field for its first code. */
export async function beginApp(place: Place, deps: PageDeps): Promise<Response> {
  const { c, bond, forms, holder } = place;
  const asked = { form: forms.app, bond, entries: startEntries };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  const returnTo = parseReturnTo(fields.return_to, deps.issuer);
  if (!isOurs) return place.over("set-up-over", returnTo);
  return await showApp(place, deps, await deps.mfa.beginTotp(holder), returnTo);
}

export async function confirmApp(place: Place, deps: PageDeps): Promise<Response> {
  const { c, bond, forms, holder, operator } = place;
  const asked = { form: forms.confirm, bond, entries: confirmEntries };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  const { id, code } = fields;
  const returnTo = parseReturnTo(fields.return_to, deps.issuer);
  const pending = await deps.mfa.pendingTotp(id, holder);
  if (!pending) return place.over("set-up-over", returnTo);
  const app = { id, ...pending };
  if (!isOurs) return await showApp(place, deps, app, returnTo, staleForm);
  try {
    if (await deps.mfa.confirmTotp(id, code, holder, operator))
      return await place.done({ kind: "totp", isUserVerified: false }, returnTo);
  } catch (thrown) {
    if (!(thrown instanceof AuthError && thrown.code === "not_found")) throw thrown;
    return place.over("set-up-over", returnTo);
  }
  return await showApp(place, deps, app, returnTo, {
    status: 400,
    errors: {
      code: "That code is not right. Type the one that the app shows now; its clock and yours must agree.",
    },
  });
}

async function showApp(
  place: Place,
  deps: PageDeps,
  app: AppShown,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  const { bond, forms } = place;
  const token = await deps.formTokens.make(bond.name, forms.confirm);
  return await place.show({
    title: "Set up an authenticator app",
    mistake,
    content: (state) => (
      <AppContent
        action={forms.confirm}
        token={token}
        app={app}
        back={place.back(returnTo)}
        state={state}
        returnTo={returnField(returnTo)}
      />
    ),
  });
}

export async function passkeyAskedAt({ bond, forms, holder, binding }: Place, deps: PageDeps) {
  const [token, options] = await Promise.all([
    deps.formTokens.make(bond.name, forms.passkey),
    deps.mfa.passkeyCreation(holder, binding),
  ]);
  return { action: forms.passkey, token, options };
}

export async function addPasskey(place: Place, deps: PageDeps): Promise<Response> {
  const { c, bond, binding, forms, holder, operator } = place;
  const asked = { form: forms.passkey, bond, entries: passkeyEntries, bytesMax: passkeyFormBytesMax };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  const returnTo = parseReturnTo(fields.return_to, deps.issuer);
  if (!isOurs) return await place.showPasskey(returnTo, staleForm);
  const response = parseCredential(fields.credential);
  let added: FactorShown | null;
  try {
    added = await deps.mfa.addPasskey(response, { ...holder, binding, name: fields.name }, operator);
  } catch (thrown) {
    return await place.showPasskey(returnTo, mistakeOfAdding(thrown));
  }
  if (!added) return await place.showPasskey(returnTo, refusedPasskey);
  return await place.done({ kind: "passkey", isUserVerified: added.isUserVerified ?? false }, returnTo);
}

const refusedPasskey: Mistake = {
  status: 400,
  alert: "This passkey could not be added. Nothing was changed. Try again, or use another device.",
};

export const badName: Mistake = {
  status: 400,
  errors: { name: "Give a name of at most 60 letters, signs and spaces." },
};

function mistakeOfAdding(thrown: unknown): Mistake {
  if (!(thrown instanceof AuthError)) throw thrown;
  if (thrown.code === "invalid_request") return badName;
  if (thrown.code === "conflict")
    return { status: 409, alert: "You have as many passkeys as an account can have. Remove one first." };
  throw thrown;
}
