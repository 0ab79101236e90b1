import { AuthError } from "../errors/auth-error.ts";
import { ApplicationsContent, revokeForm } from "./applications.page.tsx";
import { ownerBond, type PageDeps, readPageForm, seeOtherWith, text } from "./routes-pages-forms.ts";
import { type OwnMount, ownPage } from "./routes-pages-owner.tsx";

const page = "/account/applications";

/** `/account/applications`: what the person allowed, each with the button that ends it. */
export function mountApplications(own: OwnMount, deps: PageDeps): void {
  own.get(page, async (owner) => {
    const { accountId, id } = owner.session;
    const [applications, token] = await Promise.all([
      deps.applications.list(accountId),
      deps.formTokens.make(ownerBond(id).name, revokeForm),
    ]);
    return await ownPage(owner, deps, {
      title: "Applications",
      form: page,
      content: ({ state }) => (
        <ApplicationsContent applications={applications} token={token} state={state} now={deps.now()} />
      ),
    });
  });

  own.post(revokeForm, page, async ({ c, session, operator }) => {
    const asked = { form: revokeForm, bond: ownerBond(session.id), entries: { client: text(512) } };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    if (!isOurs) throw new AuthError("cross_site_request");
    const isThere = await deps.applications.revoke(session.accountId, fields.client, operator);
    return seeOtherWith(isThere ? "application-ended" : "application-gone", page, deps);
  });
}
