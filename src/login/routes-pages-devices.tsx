import { AuthError } from "../errors/auth-error.ts";
import type { Markup } from "../http/page.tsx";
import { DevicesSection } from "./devices.page.tsx";
import {
  ownerBond,
  type PageDeps,
  readPageForm,
  requirePageForm,
  seeOtherWith,
  text,
} from "./routes-pages-forms.ts";
import type { Owner, OwnMount } from "./routes-pages-owner.tsx";

const page = "/account/security";
const forms = { forget: `${page}/devices/forget`, forgetAll: `${page}/devices/forget-all` } as const;

/** The devices of somebody, for the page of their security. */
export async function devicesOf({ session }: Owner, { mfa, formTokens, now }: PageDeps): Promise<Markup> {
  const { name } = ownerBond(session.id);
  const [devices, forget, forgetAll] = await Promise.all([
    mfa.remembered.list(session.accountId),
    formTokens.make(name, forms.forget),
    formTokens.make(name, forms.forgetAll),
  ]);
  const asked = {
    forget: { action: forms.forget, token: forget },
    forgetAll: { action: forms.forgetAll, token: forgetAll },
  };
  return <DevicesSection devices={devices} forms={asked} now={now()} />;
}

export function mountDevicePages(own: OwnMount, deps: PageDeps): void {
  const { remembered } = deps.mfa;

  own.post(forms.forget, page, async ({ c, session, operator }) => {
    const asked = { form: forms.forget, bond: ownerBond(session.id), entries: { device: text(64) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) throw new AuthError("cross_site_request");
    await remembered.forget(session.accountId, fields.device, operator);
    return seeOtherWith("device-forgotten", page, deps);
  });

  own.post(forms.forgetAll, page, async ({ c, session, operator }) => {
    await requirePageForm(c, deps, { form: forms.forgetAll, bond: ownerBond(session.id) });
    await remembered.forgetAll(session.accountId, operator);
    return seeOtherWith("device-forgotten", page, deps);
  });
}
