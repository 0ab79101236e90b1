import type { Accepted, Asked, LinkVerdict } from "./account.ts";
import type { EmailAddress } from "./email-address.ts";
import {
  circumstancesOf,
  type Foundation,
  type LinkBearer,
  linkHashOf,
  linkUsed,
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

  /** The same checks and one statement, whoever has the address; the mail, which alone differs, is sent behind the answer. */
  async function ask(
    address: EmailAddress,
    asked: Asked,
    passwordHashOf: () => Promise<string | null>,
  ): Promise<Accepted> {
    const { mayMail, degraded } = await takeQuestion(foundation, questionLimits, address, asked);
    const passwordHash = await passwordHashOf();
    const times = { at: new Date(now()), lifeMilliseconds: registrationLifeMilliseconds };
    const link = await newLink(address, times, mayMail);
    const made = await links.forRegistration(link.row, passwordHash);
    if (!mayMail) return { degraded };
    const circumstances = circumstancesOf(asked, now);
    const template = passwordHash === null ? "confirm-for-passkey" : "confirm-address";
    messages.send(
      made.isLive
        ? { template, to: address.email, link: link.text, asked: circumstances }
        : { template: "address-known", to: made.email ?? address.email, asked: circumstances },
      asked.background,
    );
    return { degraded };
  }

  return {
    /**
     * Answers alike whether or not the address is known, by one hash. Accepted: a stranger may register somebody else's address, and the mail's
     * reader who confirms it has an account whose password another chose; the mail says so, and a recovery ends it.
     */
    async register(email: unknown, password: unknown, asked: Asked): Promise<Accepted> {
      messages.requireMail();
      const address = requireAddress(email);
      const chosen = passwords.requireAcceptable(password, address.email);
      return await ask(address, asked, () => passwords.hashChosen(chosen, asked.network));
    },

    /** The same without a password, and without any hash: who confirms the address goes on to a passkey of their own. */
    async registerForPasskey(email: unknown, asked: Asked): Promise<Accepted> {
      messages.requireMail();
      return await ask(requireAddress(email), asked, () => Promise.resolve(null));
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
        return await linkUsed("register", born, null);
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
      return await linkUsed("change-address", row, reach);
    },
  };
}
