import type { InferOutput } from "valibot";
import type { Account } from "../accounts/account.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { ApiKeys, Operator } from "../api-keys/api-keys.ts";
import { AuthError } from "../errors/auth-error.ts";
import { laterOf, type Reach } from "../revocation/revocation.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { type Handlers, requireChange, userIdOf } from "./call.ts";
import { pageOf, parseCursor } from "./cursor.ts";
import type { createUserInput, listUsersQuery, updateUserInput } from "./user-input.ts";
import { reachView, userView } from "./views.ts";

type Deps = {
  readonly accounts: Pick<
    Accounts,
    "create" | "get" | "list" | "setScopes" | "disable" | "enable" | "tellAgain" | "remove"
  >;
  readonly sessions: Pick<Sessions, "endAll">;
  readonly apiKeys: Pick<ApiKeys, "revokeOfOwner">;
};
type Changed = { readonly account: Account; readonly reach: Reach };

/** People's accounts. */
export function userHandlers(deps: Deps) {
  const { accounts } = deps;
  return {
    createUser: async ({ body, operator }) =>
      userView(await accounts.create(body as InferOutput<typeof createUserInput>, operator)),
    async listUsers({ query }) {
      const { limit, cursor, email, state } = query as InferOutput<typeof listUsersQuery>;
      const after = cursor === undefined ? undefined : parseCursor(cursor);
      const found = await accounts.list({
        email,
        state,
        after: after && { createdAt: after.at, id: after.id },
        limit: limit + 1,
      });
      const page = pageOf(found, limit, (account) => ({ at: account.createdAt, id: account.id }));
      return { data: page.rows.map(userView), next_cursor: page.nextCursor };
    },
    getUser: async ({ params }) => userView(await accounts.get(userIdOf(params))),
    async updateUser({ params, body, operator }) {
      const edits = body as InferOutput<typeof updateUserInput>;
      requireChange(edits);
      const { account, reach } = await change(deps, userIdOf(params), edits, operator);
      return { ...userView(account), ...reachView(reach) };
    },
    async deleteUser({ params, operator }) {
      return reachView(await remove(deps, userIdOf(params), operator));
    },
  } satisfies Handlers;
}

/** What takes away comes first, what gives comes last: in between nobody may do what neither state allows. */
async function change(
  deps: Deps,
  id: string,
  { scopes, enabled }: InferOutput<typeof updateUserInput>,
  operator: Operator,
): Promise<Changed> {
  const steps = [
    ...(enabled === false ? [() => disable(deps, id, operator)] : []),
    ...(scopes === undefined ? [] : [() => deps.accounts.setScopes(id, scopes, operator)]),
    ...(enabled === true ? [() => enable(deps, id, operator)] : []),
  ];
  let changed: Changed | null = null;
  for (const step of steps) {
    const { account, reach } = await step();
    changed = { account, reach: changed ? laterOf(changed.reach, reach) : reach };
  }
  if (!changed) throw new AuthError("internal", "a change without a step");
  return changed;
}

/** Null: that is how it was already, or another call was faster. */
async function unlessAlready<Done>(
  accounts: Deps["accounts"],
  id: string,
  state: Account["state"],
  doing: Promise<Done>,
): Promise<Done | null> {
  try {
    return await doing;
  } catch (thrown) {
    const isAnswer =
      thrown instanceof AuthError && (thrown.code === "conflict" || thrown.code === "not_found");
    if (isAnswer && (await accounts.get(id)).state === state) return null;
    throw thrown;
  }
}

/** Twice is once; the edges are told again, since the first answer may have been lost or have promised a late time. */
async function disable({ accounts, sessions }: Deps, id: string, operator: Operator): Promise<Changed> {
  const changed = await unlessAlready(accounts, id, "disabled", accounts.disable(id, operator));
  if (changed) return changed;
  const tokens = await sessions.endAll(id, "account_disabled", operator);
  const keys = await accounts.tellAgain(id, operator);
  return { account: await accounts.get(id), reach: laterOf(tokens, keys) };
}

async function enable({ accounts }: Deps, id: string, operator: Operator): Promise<Changed> {
  const changed = await unlessAlready(accounts, id, "active", accounts.enable(id, operator));
  if (changed) return changed;
  return { reach: await accounts.tellAgain(id, operator), account: await accounts.get(id) };
}

/** Deleted already: whatever may have been left when the first attempt failed half-way ends now. */
async function remove({ accounts, sessions, apiKeys }: Deps, id: string, operator: Operator): Promise<Reach> {
  const removed = await unlessAlready(accounts, id, "deleted", accounts.remove(id, null, operator));
  if (removed?.ok && removed.reach) return removed.reach;
  const tokens = await sessions.endAll(id, "by_operator", operator);
  const keys = await apiKeys.revokeOfOwner({ type: "user", id }, operator);
  return laterOf(tokens, keys.reach);
}
