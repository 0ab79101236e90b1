import { AuthError } from "../errors/auth-error.ts";
import type { FactorShown } from "../mfa/factor.ts";
import { isFreshPasskey } from "./freshness.ts";
import { AddPassword, ChangePassword, RemovePassword } from "./password.page.tsx";
import {
  type Mistake,
  ownerBond,
  type PageDeps,
  readPageForm,
  seeOtherWith,
  staleForm,
  text,
} from "./routes-pages-forms.ts";
import {
  asFresh,
  asStrong,
  attempt,
  type Handler,
  type Owner,
  type OwnMount,
} from "./routes-pages-owner.tsx";
import type { FormState } from "./sign-in.page.tsx";

const page = "/account/security";
const forms = { change: page, add: `${page}/password/add`, remove: `${page}/password/remove` } as const;
export type PasswordTokens = Readonly<Record<keyof typeof forms, string>>;
type Show = (owner: Owner, deps: PageDeps, mistake?: Mistake) => Promise<Response>;

export async function passwordTokens({ session }: Owner, { formTokens }: PageDeps): Promise<PasswordTokens> {
  const { name } = ownerBond(session.id);
  const [change, add, remove] = await Promise.all([
    formTokens.make(name, forms.change),
    formTokens.make(name, forms.add),
    formTokens.make(name, forms.remove),
  ]);
  return { change, add, remove };
}

export function PasswordSections(props: {
  owner: Owner;
  tokens: PasswordTokens;
  factors: readonly FactorShown[];
  state: FormState;
  passwordLengthMin: number;
}) {
  const { owner, tokens, factors, state, passwordLengthMin } = props;
  const { email, hasPassword } = owner.session;
  const shown = { email, state, passwordLengthMin };
  const isPossible =
    factors.some(({ isUserVerified }) => isUserVerified === true) &&
    factors.some(({ kind, codesLeft }) => ["totp", "recovery-codes"].includes(kind) && codesLeft !== 0);
  if (!hasPassword) return <AddPassword {...shown} action={forms.add} token={tokens.add} />;
  return (
    <>
      <ChangePassword {...shown} action={forms.change} token={tokens.change} />
      <RemovePassword action={forms.remove} token={tokens.remove} isPossible={isPossible} />
    </>
  );
}

/** The password of an account: changed, added where there is none, removed where other ways lead in. */
export function mountPasswordForms(own: OwnMount, deps: PageDeps, show: Show): void {
  const change: Handler = async (owner) => {
    const { c, session, operator } = owner;
    const entries = { password: text(2048), new_password: text(2048) };
    const asked = { form: forms.change, bond: ownerBond(session.id), entries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) return await show(owner, deps, staleForm);
    const passwords = { current: fields.password, next: fields.new_password };
    const mistake = await attempt(() =>
      deps.accounts.changePassword(session.accountId, passwords, session.id, operator),
    );
    return mistake ? await show(owner, deps, mistake) : seeOtherWith("password-changed", page, deps);
  };

  const add: Handler = async (owner) => {
    const { c, session, operator } = owner;
    const asked = { form: forms.add, bond: ownerBond(session.id), entries: { new_password: text(2048) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) return await show(owner, deps, staleForm);
    const mistake = await attempt(() =>
      deps.accounts.addPassword(session.accountId, fields.new_password, operator),
    );
    return mistake ? await show(owner, deps, mistake) : seeOtherWith("password-added", page, deps);
  };

  const remove: Handler = async (owner) => {
    const { c, session, operator } = owner;
    const asked = { form: forms.remove, bond: ownerBond(session.id), entries: {} };
    const { isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) return await show(owner, deps, staleForm);
    if (!isFreshPasskey(session, deps.now())) {
      const again = `/login/again?level=phishing-resistant&max_age=600&return_to=${encodeURIComponent(page)}`;
      return seeOtherWith("passkey-first", again, deps);
    }
    const otherWays = deps.mfa.waysInBesidePassword(session.accountId);
    try {
      await deps.accounts.removePassword(session.accountId, otherWays, session.id, operator);
    } catch (thrown) {
      if (!(thrown instanceof AuthError && thrown.code === "conflict")) throw thrown;
      return seeOtherWith("password-stays", page, deps);
    }
    return seeOtherWith("password-removed", page, deps);
  };

  own.post(forms.change, page, asStrong(deps, page, change));
  own.post(
    forms.add,
    page,
    asFresh(deps, () => page, add),
  );
  own.post(forms.remove, page, remove);
}
