import type { Audit } from "../audit/audit.ts";
import type { EventReason, EventType, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Circumstances } from "../messages/message.ts";
import type { Messages } from "../messages/messages.ts";
import type { Demand, OwnLimit, Taken } from "../rate-limits/limits.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { PendingChange } from "../revocation/ending.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import type { Account, Asked, LinkPurpose, LinkVerdict, Operator } from "./account.ts";
import type { ChangeStore } from "./changes.store.ts";
import { type EmailAddress, parseEmailAddress } from "./email-address.ts";
import type { LinkStore, NewLink } from "./links.store.ts";
import type { Passwords } from "./passwords.ts";
import type { AccountRow, AccountStore } from "./store.ts";

/** What every part of this room stands on. */
export type Foundation = {
  readonly store: AccountStore;
  readonly links: LinkStore;
  readonly changes: ChangeStore;
  readonly passwords: Passwords;
  readonly messages: Pick<Messages, "requireMail" | "send">;
  readonly rateLimits: Pick<RateLimits, "openTrip" | "take" | "giveBack" | "demandOf" | "brakeOf" | "note">;
  readonly revocation: Pick<Revocation, "announceNow">;
  readonly audit: Pick<Audit, "record">;
  readonly now: () => number;
};

export const stranger: Party = { type: "stranger", id: "" };
export const newAccountId = (): string => `usr_${randomBase62(22)}`;

export function accountOf(row: AccountRow): Account {
  const { id, version, email, scopes, state, revokedBefore, createdAt, lastSignedInAt } = row;
  return {
    id,
    version,
    email,
    scopes,
    state,
    revokedBefore,
    createdAt,
    lastSignedInAt,
    passwordChangedAt: row.passwordChangedAt,
    hasPassword: row.passwordHash !== null,
    factorKinds: row.factorKinds,
  };
}

export function requireAddress(input: unknown, field = "email"): EmailAddress {
  const address = parseEmailAddress(input);
  if (!address) throw new AuthError("invalid_request", `${field}: give one mail address`);
  return address;
}

/** A counter's subject names nobody to whoever reads Redis, and no address of any length makes a long key. */
export const addressHashOf = ({ canonical }: Pick<EmailAddress, "canonical">): Promise<string> =>
  sha256Hex(canonical);

export const circumstancesOf = ({ origin }: Pick<Operator, "origin">, now: () => number): Circumstances => ({
  at: new Date(now()),
  address: origin.address,
  country: origin.country,
});

export function noteOf(
  { audit }: Pick<Foundation, "audit">,
  type: EventType,
  accountId: string,
  { actor, origin, background }: Operator,
  reason: EventReason | null = null,
): void {
  const subject = { type: "user", id: accountId } as const;
  audit.record({ type, outcome: "done", reason, actor, subject, origin }, background);
}

/** The edges are told what a change ended, and audit which sessions. */
export async function tellEndings(
  { audit, revocation }: Pick<Foundation, "audit" | "revocation">,
  endings: readonly PendingChange[],
  reason: EventReason,
  { actor, origin, background }: Operator,
): Promise<Reach> {
  for (const { kind, subjectId } of endings) {
    if (kind !== "session") continue;
    const subject = { type: "session", id: subjectId } as const;
    audit.record({ type: "session.ended", outcome: "done", reason, actor, subject, origin }, background);
  }
  return await revocation.announceNow(endings, background);
}

/** 256 random bits: the text goes into one mail, its SHA-256 into the table. */
export async function newLink(
  address: EmailAddress,
  times: { readonly at: Date; readonly lifeMilliseconds: number },
  isWanted: boolean,
): Promise<{ text: string; row: NewLink }> {
  const text = randomBase62(43);
  const row = {
    id: `lnk_${randomBase62(22)}`,
    secretHash: await sha256Hex(text),
    email: address.email,
    emailCanonical: address.canonical,
    at: times.at,
    expiresAt: new Date(times.at.getTime() + times.lifeMilliseconds),
    isWanted,
  };
  return { text, row };
}

const linkShape = /^[0-9A-Za-z]{43}$/;

/** Who presents a link: a stranger, whose network is counted where the door has named it. */
export type LinkBearer = Operator & { readonly network?: string };

const linkSubject = ({ network, origin }: LinkBearer): string => `network:${network ?? origin.address}`;

/**
 * Null without a call for what was never a link of ours. Throws `rate_limited`, without a call too, for whose links were
 * none again and again.
 */
export async function linkHashOf(
  foundation: Pick<Foundation, "rateLimits" | "audit">,
  text: unknown,
  bearer: LinkBearer,
): Promise<string | null> {
  if (typeof text !== "string" || !linkShape.test(text)) return null;
  const { retryAfterSeconds, standing } = foundation.rateLimits.brakeOf("refusedLinks", linkSubject(bearer));
  if (retryAfterSeconds > 0)
    refuseOver({ names: [standing.name], retryAfterSeconds, degraded: [] }, foundation, bearer);
  return await sha256Hex(text);
}

/** What a link that was used up is answered. */
export async function linkUsed(
  purpose: LinkPurpose,
  row: AccountRow,
  reach: Reach | null,
): Promise<LinkVerdict & { ok: true }> {
  const addressHash = await addressHashOf({ canonical: row.emailCanonical });
  return { ok: true, purpose, account: accountOf(row), addressHash, reach };
}

/** What a link that opens nothing is answered, and counted. */
export function refuseLink(
  { rateLimits }: Pick<Foundation, "rateLimits">,
  bearer: LinkBearer,
): { readonly ok: false } {
  rateLimits.note("refusedLinks", linkSubject(bearer));
  return { ok: false };
}

/**
 * A stranger's question that may cause a mail: two limits in one trip. Past that of the network it is refused; past that
 * of the address it goes on as ever, and no mail is sent: `mayMail`. `degraded`: what was counted in this isolate alone.
 */
export async function takeQuestion(
  foundation: Pick<Foundation, "rateLimits" | "audit">,
  limits: { readonly ofNetwork: OwnLimit; readonly ofAddress: OwnLimit },
  address: EmailAddress,
  asked: Asked,
): Promise<{ readonly mayMail: boolean; readonly degraded: readonly string[] }> {
  const { rateLimits } = foundation;
  const trip = rateLimits.openTrip();
  const network = rateLimits.take(trip, [rateLimits.demandOf(limits.ofNetwork, `network:${asked.network}`)]);
  const addressee = `address:${await addressHashOf(address)}`;
  const mail = rateLimits.take(trip, [rateLimits.demandOf(limits.ofAddress, addressee)]);
  await trip.send();
  const [ofNetwork, ofAddress] = [await network, await mail];
  const degraded = [...ofNetwork.degraded, ...ofAddress.degraded];
  if (!ofNetwork.ok) refuseOver({ ...ofNetwork, degraded }, foundation, asked);
  return { mayMail: ofAddress.ok, degraded };
}

function refuseOver(
  {
    names,
    retryAfterSeconds,
    degraded,
  }: Pick<Taken & { ok: false }, "names" | "retryAfterSeconds" | "degraded">,
  { audit }: Pick<Foundation, "audit">,
  { origin, background }: Pick<Operator, "origin" | "background">,
): never {
  const subject = { type: "limit", id: names.join(" ") } as const;
  const event = { type: "limit.exceeded", outcome: "refused", reason: "over_limit" } as const;
  audit.record({ ...event, actor: stranger, subject, origin }, background);
  throw new AuthError("rate_limited", undefined, { retryAfterSeconds, degraded });
}

/** The demands of one guess at a password; `subject` is whose count it is. */
export const guessDemands = (rateLimits: Pick<RateLimits, "demandOf">, subject: string): Demand[] =>
  (["signInBurst", "signInMinutes", "signInHour", "signInDay"] as const).map((name) =>
    rateLimits.demandOf(name, subject),
  );

/** A guess that could not be judged was none. Never throws. */
export async function giveBackWhenTaken(
  rateLimits: Pick<RateLimits, "giveBack">,
  taking: Promise<{ readonly taken: Taken; readonly demands: readonly Demand[] }>,
): Promise<void> {
  try {
    const { taken, demands } = await taking;
    if (taken.ok) await rateLimits.giveBack(taken, demands);
  } catch {
    // What could not be given back is forgotten with its window.
  }
}
