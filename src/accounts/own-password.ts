import { AuthError } from "../errors/auth-error.ts";
import type { Operator, OwnVerdict } from "./account.ts";
import type { Condition } from "./changes.store.ts";
import { circumstancesOf, type Foundation, noteOf, tellEndings } from "./foundation.ts";

/** A password for an account that has none, and none for one that has other ways in. The route asks for a fresh, strong proof. */
export function createOwnPassword(foundation: Foundation) {
  const { store, changes, passwords, messages, rateLimits, audit, now } = foundation;

  async function own(accountId: string) {
    const row = await store.find(accountId);
    if (row?.state !== "active") throw new AuthError("not_found", "no account has this id");
    return row;
  }

  function tell(
    change: { readonly type: "account.password_added" | "account.password_removed"; readonly to: string },
    accountId: string,
    operator: Operator,
  ): void {
    noteOf(foundation, change.type, accountId, operator, "by_person");
    const template = change.type === "account.password_added" ? "password-added" : "password-removed";
    messages.send({ template, to: change.to, done: circumstancesOf(operator, now) }, operator.background);
  }

  return {
    /** Ends nothing: whoever is signed in proved more than a password. One hash, so it is counted as a guess's work is. */
    async addPassword(accountId: string, next: unknown, operator: Operator): Promise<OwnVerdict> {
      const row = await own(accountId);
      if (row.passwordHash !== null)
        throw new AuthError("conflict", "the account has a password: change that one");
      const chosen = passwords.requireAcceptable(next, row.email);
      const trip = rateLimits.openTrip();
      const taking = rateLimits.take(trip, [rateLimits.demandOf("ownPassword", `account:${accountId}`)]);
      await trip.send();
      const taken = await taking;
      if (!taken.ok) {
        const { actor, origin, background } = operator;
        const event = { type: "limit.exceeded", outcome: "refused", reason: "over_limit" } as const;
        audit.record({ ...event, actor, subject: actor, origin }, background);
        return { ok: false, reason: "over_limit", retryAfterSeconds: taken.retryAfterSeconds ?? 1 };
      }
      const passwordHash = await passwords.hashChosen(chosen, accountId);
      const changed = await changes.addPassword(accountId, passwordHash, new Date(now()));
      if (!changed) throw new AuthError("conflict", "the account has a password: change that one");
      tell({ type: "account.password_added", to: row.email }, accountId, operator);
      return { ok: true, reach: null };
    },

    /**
     * `otherWays`: what the account must have besides, so that nobody is locked out and no mail alone opens it. Every
     * session but the given one ends: who knew the password is out.
     */
    async removePassword(
      accountId: string,
      otherWays: Condition,
      keepSessionId: string,
      operator: Operator,
    ): Promise<OwnVerdict> {
      const row = await own(accountId);
      if (row.passwordHash === null) throw new AuthError("conflict", "the account has no password");
      const hashes = { old: row.passwordHash, next: null };
      const at = new Date(now());
      const changed = await changes.changePassword(accountId, hashes, keepSessionId, at, otherWays);
      if (!changed)
        throw new AuthError(
          "conflict",
          "it needs a passkey that verifies its user, and beside it recovery codes or an app",
        );
      const reach = await tellEndings(foundation, changed.endings, "password_changed", operator);
      tell({ type: "account.password_removed", to: row.email }, accountId, operator);
      return { ok: true, reach };
    },
  };
}
