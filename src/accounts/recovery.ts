import type { Accepted, Asked, LinkVerdict } from "./account.ts";
import {
  circumstancesOf,
  type Foundation,
  type LinkBearer,
  linkHashOf,
  linkUsed,
  newLink,
  noteOf,
  refuseLink,
  requireAddress,
  stranger,
  takeQuestion,
  tellEndings,
} from "./foundation.ts";

const questionLimits = { ofNetwork: "recoverNetwork", ofAddress: "recoverAddress" } as const;
const recoveryLifeMilliseconds = 30 * 60_000;

/** Somebody has lost the password, or the passkeys where there is none, and proves by a mail that the address is theirs. */
export function createRecovery(foundation: Foundation) {
  const { links, changes, passwords, messages, now } = foundation;

  return {
    /**
     * Answers alike whether or not the address is known. An unknown or disabled one is sent nothing: a mail to somebody
     * who has no account here would be a mail that any stranger can have sent to anybody.
     */
    async requestRecovery(email: unknown, asked: Asked): Promise<Accepted> {
      messages.requireMail();
      const address = requireAddress(email);
      const { mayMail, degraded } = await takeQuestion(foundation, questionLimits, address, asked);
      const times = { at: new Date(now()), lifeMilliseconds: recoveryLifeMilliseconds };
      const link = await newLink(address, times, mayMail);
      const made = await links.forRecovery(link.row);
      if (!made.isLive || made.accountId === null || made.email === null) return { degraded };
      const { origin, background } = asked;
      noteOf(foundation, "account.recovery_requested", made.accountId, {
        actor: stranger,
        origin,
        background,
      });
      // To the address as its owner wrote it, never to the spelling that was sent.
      const template = made.hasPassword ? "recover" : "recover-for-passkey";
      messages.send(
        { template, to: made.email, link: link.text, asked: circumstancesOf(asked, now) },
        background,
      );
      return { degraded };
    },

    /** Every session ends: whoever had the old password is out. A refused password leaves the link alive. */
    async recover(link: unknown, newPassword: unknown, operator: LinkBearer): Promise<LinkVerdict> {
      const secretHash = await linkHashOf(foundation, link, operator);
      if (secretHash === null) return { ok: false };
      const found = await links.findLive(secretHash, "recover", new Date(now()));
      if (!found) return refuseLink(foundation, operator);
      const chosen = passwords.requireAcceptable(newPassword, found.email);
      const passwordHash = await passwords.hashChosen(chosen);
      const changed = await changes.recover(secretHash, passwordHash, new Date(now()));
      if (!changed) return { ok: false };
      const { row, endings } = changed;
      const asOwner = { ...operator, actor: { type: "user", id: row.id } as const };
      const reach = await tellEndings(foundation, endings, "by_recovery", asOwner);
      noteOf(foundation, "account.password_changed", row.id, asOwner, "by_recovery");
      const done = circumstancesOf(operator, now);
      messages.send({ template: "password-changed", to: row.email, done }, operator.background);
      return await linkUsed("recover", row, reach);
    },

    /**
     * For an account without a password: every session ends, and whoever holds the link is known to read the mail. What
     * that may open is for who knows what else the account has.
     */
    async openByMail(link: unknown, operator: LinkBearer): Promise<LinkVerdict> {
      const secretHash = await linkHashOf(foundation, link, operator);
      if (secretHash === null) return { ok: false };
      const changed = await changes.openByMail(secretHash, new Date(now()));
      if (!changed) return refuseLink(foundation, operator);
      const { row, endings } = changed;
      const asOwner = { ...operator, actor: { type: "user", id: row.id } as const };
      const reach = await tellEndings(foundation, endings, "by_recovery", asOwner);
      noteOf(foundation, "account.opened_by_mail", row.id, asOwner, "by_recovery");
      return await linkUsed("recover", row, reach);
    },
  };
}
