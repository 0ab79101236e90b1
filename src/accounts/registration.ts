import type { Accepted, Asked, LinkVerdict } from "./account.ts";
import {
  accountOf,
  circumstancesOf,
  type Foundation,
  type LinkBearer,
  linkHashOf,
  newAccountId,
  newLink,
  noteOf,
  refuseLink,
  requireAddress,
  takeQuestion,
  tellEndings,
} from "./foundation.ts";

const questionLimits = { ofNetwork: "registerNetwork", ofAddress: "mailAddress" } as const;
const registrationLifeMilliseconds = 24 * 3_600_000;

/** A person comes in: nobody has an account before the address is proved to be theirs. */
export function createRegistration(foundation: Foundation) {
  const { links, changes, passwords, messages, now } = foundation;

  return {
    /**
     * Answers alike whether or not the address is known: the same checks, one hash, one statement; the mail, which alone
     * differs, is sent behind the answer. Accepted: a stranger may register somebody else's address, and the mail's
     * reader who confirms it has an account whose password another chose; the mail says so, and a recovery ends it.
     */
    async register(email: unknown, password: unknown, asked: Asked): Promise<Accepted> {
      messages.requireMail();
      const address = requireAddress(email);
      const chosen = passwords.requireAcceptable(password, address.email);
      const { mayMail, degraded } = await takeQuestion(foundation, questionLimits, address, asked);
      const passwordHash = await passwords.hashChosen(chosen, asked.network);
      const times = { at: new Date(now()), lifeMilliseconds: registrationLifeMilliseconds };
      const link = await newLink(address, times, mayMail);
      const made = await links.forRegistration(link.row, passwordHash);
      if (!mayMail) return { degraded };
      const circumstances = circumstancesOf(asked, now);
      messages.send(
        made.isLive
          ? { template: "confirm-address", to: address.email, link: link.text, asked: circumstances }
          : { template: "address-known", to: made.email ?? address.email, asked: circumstances },
        asked.background,
      );
      return { degraded };
    },

    /** Uses up the link of a registration or of a change of address; of twenty at once one succeeds. */
    async confirm(link: unknown, operator: LinkBearer): Promise<LinkVerdict> {
      const secretHash = await linkHashOf(foundation, link, operator);
      if (secretHash === null) return { ok: false };
      const at = new Date(now());
      const born = await changes.register(secretHash, newAccountId(), at);
      if (born) {
        const asOwner = { ...operator, actor: { type: "user", id: born.id } as const };
        noteOf(foundation, "account.created", born.id, asOwner, "by_person");
        return { ok: true, purpose: "register", account: accountOf(born), reach: null };
      }
      const moved = await changes.moveAddress(secretHash, at);
      if (!moved) return refuseLink(foundation, operator);
      const { row, emailBefore, endings } = moved;
      const asOwner = { ...operator, actor: { type: "user", id: row.id } as const };
      const reach = await tellEndings(foundation, endings, "address_changed", asOwner);
      noteOf(foundation, "account.address_changed", row.id, asOwner, "by_person");
      const done = circumstancesOf(operator, now);
      messages.send(
        { template: "address-changed", to: emailBefore, newAddress: row.email, done },
        operator.background,
      );
      return { ok: true, purpose: "change-address", account: accountOf(row), reach };
    },
  };
}
