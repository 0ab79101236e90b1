import type { EventReason } from "../audit/events.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Asked, KnownDevice, PasswordVerdict } from "./account.ts";
import { type EmailAddress, parseEmailAddress } from "./email-address.ts";
import { accountOf, addressHashOf, type Foundation, guessDemands, noteOf, stranger } from "./foundation.ts";
import type { AccountRow } from "./store.ts";

/** What is looked up where no address can be read: the same look-up, and nobody's. */
const nobody: EmailAddress = { email: "", canonical: "nobody" };

/**
 * Recognises a person by their password. Limits and look-up leave together, then always one hash: known, unknown,
 * disabled or without a password, the work and the answer are alike. Only who gave the right password learns more.
 * Accepted: a hash of older parameters takes the time of its own cost until its owner signs in again.
 */
export function createSignIn(foundation: Foundation) {
  const { store, passwords, rateLimits, audit } = foundation;

  function refuse(reason: EventReason, row: AccountRow | null, { origin, background }: Asked): void {
    const subject = row ? ({ type: "user", id: row.id } as const) : null;
    const event = { type: "sign_in.refused", outcome: "refused", reason, actor: stranger, subject, origin };
    audit.record(event as Parameters<typeof audit.record>[0], background);
  }

  /** Behind the answer: a sign-in is not kept waiting by a new pepper. */
  async function upgrade(row: AccountRow, password: unknown, { origin, background }: Asked): Promise<void> {
    const old = row.passwordHash ?? "";
    const isUpgraded = await store.upgradePassword(row.id, { old, next: await passwords.rehash(password) });
    const operator = { actor: { type: "user", id: row.id } as const, origin, background };
    if (isUpgraded) noteOf(foundation, "account.password_upgraded", row.id, operator);
  }

  async function takeGuess(address: EmailAddress, asked: Asked & { readonly device: KnownDevice | null }) {
    const addressHash = await addressHashOf(address);
    const isKnown = asked.device !== null && asked.device.addressHash === addressHash;
    const whose = isKnown ? `device:${asked.device.id}` : `address:${addressHash}`;
    const demands = [
      rateLimits.demandOf("signInNetwork", `network:${asked.network}`),
      ...guessDemands(rateLimits, whose),
    ];
    const trip = rateLimits.openTrip();
    const taking = rateLimits.take(trip, demands);
    await trip.send();
    return { addressHash, demands, taken: await taking };
  }

  return {
    async verifyPassword(
      email: unknown,
      password: unknown,
      asked: Asked & { readonly device: KnownDevice | null },
    ): Promise<PasswordVerdict> {
      const address = parseEmailAddress(email) ?? nobody;
      const [{ addressHash, demands, taken }, row] = await Promise.all([
        takeGuess(address, asked),
        store.findByAddress(address.canonical),
      ]);
      const { degraded } = taken;
      if (!taken.ok) {
        refuse("over_limit", row, asked);
        const { retryAfterSeconds = 1 } = taken;
        return { ok: false, reason: "over_limit", retryAfterSeconds, degraded };
      }
      const busy = { ok: false, reason: "busy", degraded } as const;
      let checked: Awaited<ReturnType<typeof passwords.verify>>;
      try {
        checked = await passwords.verify(password, row?.passwordHash ?? null, asked.network);
      } catch (error) {
        // Nothing was guessed: what was taken for it goes back.
        asked.background(rateLimits.giveBack(taken, demands).catch(() => undefined));
        if (!(error instanceof AuthError) || error.retryAfterSeconds === undefined) throw error;
        return { ...busy, retryAfterSeconds: error.retryAfterSeconds };
      }
      if (!row || !checked.matches) {
        const reason = row ? "wrong_password" : "unknown_account";
        refuse(reason, row, asked);
        return { ok: false, reason, degraded };
      }
      asked.background(rateLimits.giveBack(taken, demands).catch(() => undefined));
      if (row.state !== "active") {
        refuse("account_disabled", row, asked);
        return { ok: false, reason: "account_disabled", degraded };
      }
      if (checked.needsUpgrade) asked.background(upgrade(row, password, asked).catch(() => undefined));
      return { ok: true, account: accountOf(row), addressHash, degraded };
    },
  };
}
