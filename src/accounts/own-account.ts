import { AuthError } from "../errors/auth-error.ts";
import { type Account, freshProof, type Operator, type OwnVerdict } from "./account.ts";
import {
  accountOf,
  addressHashOf,
  circumstancesOf,
  type Foundation,
  giveBackWhenTaken,
  guessDemands,
  newLink,
  noteOf,
  requireAddress,
  tellEndings,
} from "./foundation.ts";
import type { AccountRow } from "./store.ts";

export type PasswordConfirmed =
  | { readonly ok: true; readonly account: Account }
  | (OwnVerdict & { readonly ok: false });

const newAddressLifeMilliseconds = 3_600_000;

/** What an owner does to the account, each time with the password once more: a stolen session alone changes nothing. */
export function createOwnAccount(foundation: Foundation) {
  const { store, links, changes, passwords, messages, rateLimits, audit, now } = foundation;

  function refuse(reason: "wrong_password" | "over_limit", operator: Operator): void {
    const { actor, origin, background } = operator;
    const type = reason === "over_limit" ? "limit.exceeded" : "access.refused";
    audit.record({ type, outcome: "refused", reason, actor, subject: actor, origin }, background);
  }

  /** Guesses from inside a session are counted by themselves: no stranger can use them up. */
  async function recognise(
    accountId: string,
    password: unknown,
    operator: Operator,
  ): Promise<{ ok: true; row: AccountRow } | (OwnVerdict & { ok: false })> {
    const whose = `account:${accountId}`;
    const demands = guessDemands(rateLimits, whose);
    const trip = rateLimits.openTrip();
    const taking = rateLimits.take(trip, [...demands, rateLimits.demandOf("ownPassword", whose)]);
    const guessing = trip.send().then(async () => ({ taken: await taking, demands }));
    const finding = store.find(accountId).catch((error: unknown) => {
      operator.background(giveBackWhenTaken(rateLimits, guessing));
      throw error;
    });
    const [row, { taken }] = await Promise.all([finding, guessing]);
    if (row?.state !== "active") throw new AuthError("not_found", "no account has this id");
    if (!taken.ok) {
      refuse("over_limit", operator);
      return { ok: false, reason: "over_limit", retryAfterSeconds: taken.retryAfterSeconds ?? 1 };
    }
    const giveBack = () => operator.background(rateLimits.giveBack(taken, demands).catch(() => undefined));
    if (row.passwordHash === null && password === freshProof) {
      giveBack();
      return { ok: true, row };
    }
    const checking = passwords.verify(password, row.passwordHash, accountId).catch((error: unknown) => {
      // Nothing was guessed: what was taken for it goes back.
      giveBack();
      throw error;
    });
    if (!(await checking).matches) {
      refuse("wrong_password", operator);
      return { ok: false, reason: "wrong_password" };
    }
    giveBack();
    return { ok: true, row };
  }

  return {
    freshProof: freshProof as typeof freshProof,

    /** The password once more, as a fresh proof of who holds a session. */
    async confirmPassword(
      accountId: string,
      password: unknown,
      operator: Operator,
    ): Promise<PasswordConfirmed> {
      const known = await recognise(accountId, password, operator);
      return known.ok ? { ok: true, account: accountOf(known.row) } : known;
    },

    /** Every session but the given one ends. */
    async changePassword(
      accountId: string,
      given: { readonly current: unknown; readonly next: unknown },
      keepSessionId: string | null,
      operator: Operator,
    ): Promise<OwnVerdict> {
      const known = await recognise(accountId, given.current, operator);
      if (!known.ok) return known;
      const { row } = known;
      const chosen = passwords.requireAcceptable(given.next, row.email);
      const hashes = { old: row.passwordHash ?? "", next: await passwords.hashChosen(chosen, accountId) };
      const changed = await changes.changePassword(accountId, hashes, keepSessionId, new Date(now()));
      // Another change was faster: what was given is no longer the password.
      if (!changed) return { ok: false, reason: "wrong_password" };
      const reach = await tellEndings(foundation, changed.endings, "password_changed", operator);
      noteOf(foundation, "account.password_changed", accountId, operator, "by_person");
      const done = circumstancesOf(operator, now);
      messages.send({ template: "password-changed", to: row.email, done }, operator.background);
      return { ok: true, reach };
    },

    /** Nothing changes before the link in the mail to the new address is used. A taken address is answered alike. */
    async changeAddress(
      accountId: string,
      password: unknown,
      newEmail: unknown,
      operator: Operator,
    ): Promise<OwnVerdict> {
      messages.requireMail();
      const address = requireAddress(newEmail, "new_email");
      const known = await recognise(accountId, password, operator);
      if (!known.ok) return known;
      const trip = rateLimits.openTrip();
      const addressee = `address:${await addressHashOf(address)}`;
      const taking = rateLimits.take(trip, [rateLimits.demandOf("mailAddress", addressee)]);
      await trip.send();
      const { ok: mayMail } = await taking;
      const times = { at: new Date(now()), lifeMilliseconds: newAddressLifeMilliseconds };
      const link = await newLink(address, times, mayMail);
      const made = await links.forNewAddress(link.row, accountId);
      const asked = circumstancesOf(operator, now);
      if (mayMail && made.isLive)
        messages.send(
          { template: "confirm-new-address", to: address.email, link: link.text, asked },
          operator.background,
        );
      else if (mayMail)
        messages.send({ template: "address-known", to: address.email, asked }, operator.background);
      return { ok: true, reach: null };
    },

    /**
     * `password: null`: an operator removes it, and only routes that let operators in may say so. `endOwned` ends what the
     * person owns elsewhere, first: after a failure in between the account is still there, and asked again it goes.
     */
    async remove(
      accountId: string,
      password: unknown,
      operator: Operator,
      endOwned?: () => Promise<unknown>,
    ): Promise<OwnVerdict> {
      const isByOperator = password === null;
      if (!isByOperator) {
        const known = await recognise(accountId, password, operator);
        if (!known.ok) return known;
      } else if (!(await store.find(accountId))) throw new AuthError("not_found", "no account has this id");
      await endOwned?.();
      const reason = isByOperator ? "by_operator" : "by_person";
      const changed = await changes.delete(accountId, reason, new Date(now()));
      if (!changed) throw new AuthError("not_found", "no account has this id");
      const reach = await tellEndings(foundation, changed.endings, reason, operator);
      noteOf(foundation, "account.deleted", accountId, operator, reason);
      const done = circumstancesOf(operator, now);
      messages.send({ template: "account-deleted", to: changed.emailBefore, done }, operator.background);
      return { ok: true, reach };
    },
  };
}
