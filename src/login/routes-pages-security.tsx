import { AuthError } from "../errors/auth-error.ts";
import { statusOf } from "../errors/codes.ts";
import { SecurityContent } from "./account.page.tsx";
import { FactorsSection } from "./factors.page.tsx";
import { devicesOf, mountDevicePages } from "./routes-pages-devices.tsx";
import { badName } from "./routes-pages-enrolment.tsx";
import { mountFactorPages } from "./routes-pages-factors.tsx";
import {
  type Mistake,
  ownerBond,
  type PageDeps,
  readPageForm,
  seeOtherWith,
  staleForm,
  text,
} from "./routes-pages-forms.ts";
import { asFresh, type Owner, type OwnMount, ownPage } from "./routes-pages-owner.tsx";
import { mountPasswordForms, PasswordSections, passwordTokens } from "./routes-pages-password.tsx";
import { mountPhonePages } from "./routes-pages-phone.tsx";

const page = "/account/security";
const forms = { rename: `${page}/rename`, remove: `${page}/remove` } as const;

/** `/account/security` and what is under it: the password, and what there is besides. */
export function mountSecurityPages(own: OwnMount, deps: PageDeps): void {
  own.get(page, (owner) => showSecurity(owner, deps));
  mountPasswordForms(own, deps, showSecurity);
  mountHeld(own, deps);
  mountFactorPages(own, deps);
  if (deps.mfa.hasTexts) mountPhonePages(own, deps);
  mountDevicePages(own, deps);
}

async function showSecurity(owner: Owner, deps: PageDeps, mistake?: Mistake): Promise<Response> {
  const { accountId, id } = owner.session;
  const { name } = ownerBond(id);
  const [factors, devices, passwords, rename, remove] = await Promise.all([
    deps.mfa.list(accountId),
    devicesOf(owner, deps),
    passwordTokens(owner, deps),
    deps.formTokens.make(name, forms.rename),
    deps.formTokens.make(name, forms.remove),
  ]);
  const tokens = {
    rename: { action: forms.rename, token: rename },
    remove: { action: forms.remove, token: remove },
  };
  return await ownPage(owner, deps, {
    title: "Security",
    form: page,
    mistake,
    content: ({ state }) => (
      <SecurityContent
        state={state}
        password={
          <PasswordSections
            owner={owner}
            tokens={passwords}
            factors={factors}
            state={state}
            passwordLengthMin={deps.passwordLengthMin}
          />
        }
      >
        <FactorsSection
          factors={factors}
          forms={tokens}
          hasTexts={deps.mfa.hasTexts}
          now={deps.now()}
          hasPassword={owner.session.hasPassword}
        />
        {devices}
      </SecurityContent>
    ),
  });
}

const lastWayIn: Mistake = {
  status: statusOf("conflict"),
  alert:
    "This is the only passkey that opens your account. Add another one, or a password, before you remove it.",
};
const factorShape = /^fct_[0-9A-Za-z]{22}$/;

function mountHeld(own: OwnMount, deps: PageDeps): void {
  const { mfa } = deps;
  const back = (): string => page;
  const holderOf = ({ session }: Owner) => ({ accountId: session.accountId, email: session.email });

  const rename = async (owner: Owner): Promise<Response> => {
    const { c, session } = owner;
    const entries = { factor: text(64), name: text(512) };
    const asked = { form: forms.rename, bond: ownerBond(session.id), entries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) return await showSecurity(owner, deps, staleForm);
    try {
      const isThere =
        factorShape.test(fields.factor) && (await mfa.rename(fields.factor, holderOf(owner), fields.name));
      return seeOtherWith(isThere ? "factor-renamed" : "factor-gone", page, deps);
    } catch (thrown) {
      if (!(thrown instanceof AuthError && thrown.code === "invalid_request")) throw thrown;
      return await showSecurity(owner, deps, { status: 400, alert: badName.errors?.name });
    }
  };

  const remove = async (owner: Owner): Promise<Response> => {
    const { c, session, operator } = owner;
    const asked = { form: forms.remove, bond: ownerBond(session.id), entries: { factor: text(64) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) return await showSecurity(owner, deps, staleForm);
    try {
      const isThere =
        factorShape.test(fields.factor) && (await mfa.remove(fields.factor, holderOf(owner), operator));
      return seeOtherWith(isThere ? "factor-removed" : "factor-gone", page, deps);
    } catch (thrown) {
      if (!(thrown instanceof AuthError && thrown.code === "conflict")) throw thrown;
      return await showSecurity(owner, deps, lastWayIn);
    }
  };

  own.post(forms.rename, page, asFresh(deps, back, rename));
  own.post(forms.remove, page, asFresh(deps, back, remove));
}
