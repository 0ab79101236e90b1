import { AuthError } from "../errors/auth-error.ts";
import type { Reach } from "../revocation/revocation.ts";
import type { Account, AccountFilter, Operator } from "./account.ts";
import type { Changed } from "./changes.store.ts";
import { parseEmailAddress } from "./email-address.ts";
import {
  accountOf,
  type Foundation,
  newAccountId,
  noteOf,
  requireAddress,
  tellEndings,
} from "./foundation.ts";

/** Accounts as operators handle them. */
export function createAdministration(foundation: Foundation) {
  const { store, changes, passwords, now } = foundation;

  async function find(accountId: string): Promise<Account | null> {
    const row = await store.find(accountId);
    return row ? accountOf(row) : null;
  }

  async function get(accountId: string): Promise<Account> {
    const account = await find(accountId);
    if (!account) throw new AuthError("not_found", "no account has this id");
    return account;
  }

  async function requireChanged<Change>(changed: Change | null, accountId: string): Promise<Change> {
    if (changed) return changed;
    const { state } = await get(accountId);
    throw new AuthError("conflict", `the account is ${state}`);
  }

  async function spread(
    changed: Changed,
    operator: Operator,
  ): Promise<{ readonly account: Account; readonly reach: Reach }> {
    const reach = await tellEndings(foundation, changed.endings, "account_disabled", operator);
    return { account: accountOf(changed.row), reach };
  }

  return {
    find,
    get,

    /** Verified by the operator's word; without a password it is opened by a recovery. */
    async create(
      draft: { readonly email: unknown; readonly password?: unknown; readonly scopes: readonly string[] },
      operator: Operator,
    ): Promise<Account> {
      const address = requireAddress(draft.email);
      const isOpen = draft.password !== undefined && draft.password !== null;
      const passwordHash = isOpen
        ? await passwords.hashChosen(passwords.requireAcceptable(draft.password, address.email))
        : null;
      const at = new Date(now());
      const row = {
        id: newAccountId(),
        version: 1,
        email: address.email,
        emailCanonical: address.canonical,
        passwordHash,
        passwordChangedAt: isOpen ? at : null,
        scopes: [...draft.scopes],
        state: "active" as const,
        revokedBefore: null,
        createdAt: at,
        updatedAt: at,
        lastSignedInAt: null,
        factorKinds: [],
      };
      if (!(await store.insert(row))) throw new AuthError("conflict", "an account has this address already");
      noteOf(foundation, "account.created", row.id, operator, "by_operator");
      return accountOf(row);
    },

    async list({ email, ...filter }: AccountFilter): Promise<Account[]> {
      const address = email === undefined ? undefined : parseEmailAddress(email);
      if (address === null) return [];
      const rows = await store.list({ ...filter, emailCanonical: address?.canonical });
      return rows.map(accountOf);
    },

    /** What is taken away, living tokens lose at once. */
    async setScopes(accountId: string, scopes: readonly string[], operator: Operator) {
      const changed = await requireChanged(
        await changes.setScopes(accountId, [...new Set(scopes)], new Date(now())),
        accountId,
      );
      noteOf(foundation, "account.scopes_changed", accountId, operator, "by_operator");
      return await spread(changed, operator);
    },

    /** Ends every session and stops every key. Disabling twice is a conflict: the first time stands. */
    async disable(accountId: string, operator: Operator) {
      const changed = await requireChanged(await changes.disable(accountId, new Date(now())), accountId);
      noteOf(foundation, "account.disabled", accountId, operator, "by_operator");
      return await spread(changed, operator);
    },

    /** The keys of the account open doors again; sessions that ended stay ended. */
    async enable(accountId: string, operator: Operator) {
      const changed = await requireChanged(await changes.enable(accountId, new Date(now())), accountId);
      noteOf(foundation, "account.enabled", accountId, operator, "by_operator");
      return await spread(changed, operator);
    },

    /** An earlier answer may have been lost, or may have promised a late time: the edges read its keys anew. */
    tellAgain: (accountId: string, { background }: Operator): Promise<Reach> =>
      foundation.revocation.announceNow([{ kind: "person", subjectId: accountId, number: 0 }], background),
  };
}
