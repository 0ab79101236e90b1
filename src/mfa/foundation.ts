import type { OwnerNotice } from "../accounts/owner-notices.ts";
import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, EventType } from "../audit/events.ts";
import type { Seal } from "../crypto/seal.ts";
import type { Challenges } from "./challenges.ts";
import type { FactorKind, Operator } from "./factor.ts";
import type { AnyFactor } from "./factors/index.ts";
import type { Passkeys } from "./passkeys.ts";
import type { PhoneStore } from "./phone.store.ts";
import type { SmsCodes } from "./sms-codes.ts";
import type { FactorStore } from "./store.ts";
import type { Texting } from "./texting.ts";

/** What codes by text message need. */
export type SmsSources = {
  readonly codes: SmsCodes;
  readonly texting: Texting;
  /** Calling codes of the countries to which texts are sent. */
  readonly countries: readonly string[];
};

/** What every part of this room stands on. */
export type Foundation = {
  readonly store: FactorStore;
  readonly phoneStore: PhoneStore;
  /** Null: none are sent, and the factor does not exist. */
  readonly sms: SmsSources | null;
  readonly factors: readonly AnyFactor[];
  readonly passkeys: Passkeys;
  readonly challenges: Challenges;
  readonly seal: Pick<Seal, "seal" | "open">;
  /** What an authenticator application shows beside its codes. */
  readonly brandName: string;
  /** Steps of 30 seconds by which a code may be early or late, when an app is set up as when it is used. */
  readonly totpWindowSteps: number;
  readonly audit: Pick<Audit, "record">;
  readonly tellOwner: (accountId: string, notice: OwnerNotice, background: Background) => void;
  readonly now: () => number;
};

/** Why a factor, or what a sign-in waits with, was refused. `accountId`: null where it is nobody's that we know of. */
export function noteRefusal(
  { audit }: Pick<Foundation, "audit">,
  reason: EventReason,
  accountId: string | null,
  { actor, origin, background }: Operator,
): void {
  const subject = accountId === null ? null : ({ type: "user", id: accountId } as const);
  audit.record({ type: "factor.refused", outcome: "refused", reason, actor, subject, origin }, background);
}

/** Every change of a factor is an event, and its owner is told by mail. */
export function noteChange(
  { audit, tellOwner, now }: Pick<Foundation, "audit" | "tellOwner" | "now">,
  change: { readonly type: EventType; readonly template: OwnerNotice["template"] },
  accountId: string,
  { actor, origin, background }: Operator,
): void {
  const subject = { type: "user", id: accountId } as const;
  audit.record({ type: change.type, outcome: "done", reason: null, actor, subject, origin }, background);
  const done = { at: new Date(now()), address: origin.address, country: origin.country };
  tellOwner(accountId, { template: change.template, done }, background);
}

export const changes = {
  added: {
    totp: { type: "factor.added", template: "totp-added" },
    passkey: { type: "factor.added", template: "passkey-added" },
    sms: { type: "factor.added", template: "phone-added" },
    "recovery-codes": { type: "factor.added", template: "recovery-codes-made" },
  },
  removed: {
    totp: { type: "factor.removed", template: "totp-removed" },
    passkey: { type: "factor.removed", template: "passkey-removed" },
    sms: { type: "factor.removed", template: "phone-removed" },
    "recovery-codes": { type: "factor.removed", template: "recovery-codes-removed" },
  },
} as const satisfies Record<
  string,
  Record<FactorKind, { type: EventType; template: OwnerNotice["template"] }>
>;
