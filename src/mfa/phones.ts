import { AuthError } from "../errors/auth-error.ts";
import { sessionLane } from "./attempts.ts";
import { type Holder, newFactorId } from "./enrolment.ts";
import type { Operator } from "./factor.ts";
import { phoneContext } from "./factors/sms.ts";
import { changes, type Foundation, noteChange, type SmsSources } from "./foundation.ts";
import { endingOf, isServed, parsePhoneNumber } from "./phone-number.ts";
import type { Proving } from "./proving.ts";
import { newSmsCode, smsCodeLifeMs } from "./sms-codes.ts";
import type { Step } from "./steps.ts";
import type { FactorRow } from "./store.ts";
import type { PhoneDetails } from "./tables.ts";
import type { Sender } from "./texting.ts";

/** In whose session a number is set up, and what its code is bound to. */
export type PhoneHolder = Holder & {
  readonly sessionId: string;
  readonly version: number;
  readonly factorKinds: readonly string[];
};

export const bindingOfSession = (sessionId: string): string => `session:${sessionId}`;

const expiresInSeconds = smsCodeLifeMs / 1000;

export type PhoneVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "wrong" | "closed" | "over" }
  | { readonly ok: false; readonly reason: "waiting"; readonly retryAfterSeconds: number };

const unlessRight = { wrong: "wrong", no_such_factor: "wrong", closed: "closed", void: "over" } as const;

/** Telephones: the number, what is sent to it, and what it is told when it is no more. */
export function createPhones(foundation: Foundation, { prove }: Pick<Proving, "prove">) {
  const { store, phoneStore, seal, audit, now, sms } = foundation;

  function requireSms(): SmsSources {
    if (!sms) throw new AuthError("not_found", "codes by text message are not offered here");
    return sms;
  }

  const expiry = (): string => new Date(now() + smsCodeLifeMs).toISOString();

  async function numberOf(row: FactorRow): Promise<string | null> {
    const opened = await seal.open(row.secret ?? "", phoneContext(row.id));
    return opened.ok ? opened.plaintext : null;
  }

  /** Beside the mail, to the telephone itself. Never throws, never waits. */
  function tellGone(row: FactorRow, operator: Operator): void {
    if (!sms) return;
    const tell = async (): Promise<void> => {
      const number = await numberOf(row);
      if (number !== null) await sms.texting.tellGone(number, row.accountId, operator);
    };
    operator.background(tell().catch(() => undefined));
  }

  async function noteConfirmed(row: FactorRow, replaced: FactorRow | null, operator: Sender): Promise<void> {
    const isChanged = replaced !== null && (await numberOf(replaced)) !== (await numberOf(row));
    const template = isChanged ? "phone-changed" : "phone-added";
    noteChange(foundation, { ...changes.added.sms, template }, row.accountId, operator);
    if (isChanged) tellGone(replaced, operator);
  }

  return {
    /** Whether there are codes by text message at all. */
    hasTexts: sms !== null,
    requireTexts: (): void => {
      requireSms();
    },
    tellGone,

    /** A code to a new number, which counts once it was given. Sent first: what was not sent is not expected either. */
    async beginPhone(
      text: string,
      holder: PhoneHolder,
      sender: Sender,
    ): Promise<{ id: string; expiresInSeconds: number }> {
      const { codes, texting, countries } = requireSms();
      const { accountId, sessionId } = holder;
      const number = parsePhoneNumber(text);
      if (number === null)
        throw new AuthError(
          "invalid_request",
          "number: give it with its country, from the plus on, like +4915112345678",
        );
      if (!isServed(number, countries))
        throw new AuthError("invalid_request", "number: no text messages are sent to this country");
      if (!holder.factorKinds.some((kind) => kind === "totp" || kind === "passkey"))
        throw new AuthError(
          "conflict",
          "a telephone is never the only factor: set up an app or a passkey first",
        );
      const id = newFactorId();
      const code = newSmsCode();
      const hash = await codes.hashOf(code, { factorId: id, binding: bindingOfSession(sessionId) });
      await texting.sendCode({ template: "number-code", number, accountId, code }, sender);
      await store.begin({
        id,
        accountId,
        kind: "sms",
        name: `Phone number ending in ${endingOf(number)}`,
        secret: await seal.seal(number, phoneContext(id)),
        details: { ending: endingOf(number), code: { hash, expiresAt: expiry() } },
        createdAt: new Date(now()),
        confirmedAt: null,
      });
      return { id, expiresInSeconds };
    },

    /** The end of the number that waits for its code; null when none does. */
    async pendingPhone(id: string, { accountId }: Holder): Promise<string | null> {
      const row = await store.findPending(id, accountId, new Date(now() - smsCodeLifeMs));
      return row?.kind === "sms" ? (row.details as PhoneDetails).ending : null;
    },

    /** Guesses are counted as everywhere: who could guess here would have codes sent to somebody else's number. */
    async confirmPhone(
      id: string,
      code: string,
      holder: PhoneHolder,
      operator: Sender,
    ): Promise<PhoneVerdict> {
      requireSms();
      const { accountId, sessionId, version } = holder;
      const pending = await store.findPending(id, accountId, new Date(now() - smsCodeLifeMs));
      if (pending?.kind !== "sms") return { ok: false, reason: "over" };
      const lane = sessionLane(sessionId);
      const claim = { accountId, version, methods: [], lane, rows: [pending] };
      const shown = { kind: "sms", code, binding: bindingOfSession(sessionId) } as const;
      const verdict = await prove(claim, shown, operator);
      if (!verdict.ok) {
        const { reason } = verdict;
        if (reason === "waiting") return verdict;
        return { ok: false, reason: unlessRight[reason] };
      }
      const codeHash = verdict.use.kind === "sms" ? verdict.use.codeHash : "";
      const confirmed = await phoneStore.confirm({ id, accountId, version, codeHash, lane }, new Date(now()));
      if (!confirmed) return { ok: false, reason: "over" };
      const { replaced } = confirmed;
      await noteConfirmed(pending, replaced, operator);
      return { ok: true };
    },

    /** A code to somebody's own telephone, for this sign-in or this raising of a session. The end of its number. */
    async sendSignInCode(
      step: Step,
      binding: string,
      sender: Sender,
    ): Promise<{ ending: string; expiresInSeconds: number }> {
      const { codes, texting, countries } = requireSms();
      const { accountId, version } = step;
      const found = await store.findOf(accountId);
      if (!found.ok || found.owner.version !== version) throw new AuthError("mfa_token_invalid");
      const row = found.rows.find(({ kind }) => kind === "sms");
      if (!row) throw new AuthError("not_found", "this account has no telephone");
      const number = await numberOf(row);
      if (number === null) {
        const { actor, origin, background } = sender;
        const subject = { type: "user", id: accountId } as const;
        audit.record(
          { type: "factor.refused", outcome: "refused", reason: "unreadable", actor, subject, origin },
          background,
        );
        throw new AuthError("unavailable", "a telephone number cannot be opened with the keys at hand");
      }
      if (!isServed(number, countries))
        throw new AuthError("conflict", "no text messages are sent to this country any more");
      const code = newSmsCode();
      const hash = await codes.hashOf(code, { factorId: row.id, binding });
      await texting.sendCode({ template: "sign-in-code", number, accountId, code }, sender);
      if (!(await phoneStore.noteCode(row.id, accountId, { hash, expiresAt: expiry() })))
        throw new AuthError("mfa_token_invalid");
      return { ending: (row.details as PhoneDetails).ending, expiresInSeconds };
    },
  };
}

export type Phones = ReturnType<typeof createPhones>;
