import type { Accounts } from "../accounts/accounts.ts";
import type { Mfa } from "../mfa/mfa.ts";
import { type Handlers, userIdOf } from "./call.ts";
import { factorView } from "./views.ts";

type Deps = { readonly accounts: Pick<Accounts, "get">; readonly mfa: Pick<Mfa, "list" | "removeAll"> };

/** People's second factors, as operators see and reset them. */
export function factorHandlers({ accounts, mfa }: Deps) {
  return {
    async listUserFactors({ params }) {
      const { id } = await accounts.get(userIdOf(params));
      return { data: (await mfa.list(id)).map(factorView), next_cursor: null };
    },

    /**
     * For who has lost all of them, once the operator has made sure who asks. Sign-ins under way must begin anew, but no
     * session ends: each was begun by proofs that were good then, and one may be all that its owner has left. Where they
     * may be in other hands, `logOutUser` ends them. What remains is the password: accepted, since the owner gets a mail.
     */
    async resetUserFactors({ params, operator }) {
      const { id } = await accounts.get(userIdOf(params));
      return { removed: await mfa.removeAll(id, operator) };
    },
  } satisfies Handlers;
}
