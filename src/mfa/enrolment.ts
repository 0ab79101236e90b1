import type { EventReason } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { FactorShown, Operator } from "./factor.ts";
import {
  canonicalCode,
  codeHashOf,
  codesInASet,
  codesLeft,
  newRecoveryCode,
} from "./factors/recovery-codes.ts";
import { newTotpSecret, sealContext, stepOf } from "./factors/totp.ts";
import { changes, type Foundation, noteChange, noteRefusal } from "./foundation.ts";
import { challengeOf } from "./passkey-response.ts";
import type { FactorRow } from "./store.ts";
import type { PasskeyDetails, PhoneDetails } from "./tables.ts";

/**
 * Whose factors: the route has made sure that it is their owner, freshly proved. `version`: of the account just then. What
 * is set up counts only while it is still that, so that of two at once who were let in before there was a factor one is.
 */
export type Holder = {
  readonly accountId: string;
  readonly email: string;
  readonly version: number;
  /** In a sign-in that a mail began: nothing but a passkey that verifies its user. */
  readonly isPasskeyOnly?: boolean;
};
type HolderId = Pick<Holder, "accountId">;

const pendingMilliseconds = 15 * 60_000;
const passkeysMax = 20;
const nameMax = 60;

/** One line that a person can read; empty stands for the name that we give. */
export function parseFactorName(text: string): string {
  const name = text.trim().normalize("NFC");
  if (name.length > nameMax || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name))
    throw new AuthError("invalid_request", `name: give at most ${nameMax} printable characters`);
  return name;
}

function requireAnyKind({ isPasskeyOnly }: Pick<Holder, "isPasskeyOnly">): void {
  if (isPasskeyOnly) throw new AuthError("conflict", "an account without a password begins with a passkey");
}

/** Setting up, naming and taking away. */
export function createEnrolment(
  foundation: Foundation,
  tellGone: (phone: FactorRow, operator: Operator) => void,
) {
  const { store, passkeys, challenges, seal, now } = foundation;

  return {
    /** The secret is shown now, and counts once a code of it was given. */
    async beginTotp(holder: Omit<Holder, "version">): Promise<{ id: string; secret: string; uri: string }> {
      requireAnyKind(holder);
      const { accountId, email } = holder;
      const id = newFactorId();
      const { secret, uri } = newTotpSecret({ issuer: foundation.brandName, account: email });
      await store.begin({
        id,
        accountId,
        kind: "totp",
        name: "Authenticator app",
        secret: await seal.seal(secret, sealContext(id)),
        createdAt: new Date(now()),
        confirmedAt: null,
      });
      return { id, secret, uri };
    },

    /** The same once more, for a page that comes back; null when there is nothing that waits to be confirmed. */
    async pendingTotp(
      id: string,
      { accountId, email }: Omit<Holder, "version">,
    ): Promise<{ secret: string; uri: string } | null> {
      const opened = await openPending(id, accountId);
      return opened && newTotpSecret({ issuer: foundation.brandName, account: email }, opened.secret);
    },

    /** False for a wrong code. Guessing at one's own secret gains nothing, so it is not counted. */
    async confirmTotp(id: string, code: string, holder: Holder, operator: Operator): Promise<boolean> {
      requireAnyKind(holder);
      const { accountId, version } = holder;
      const opened = await openPending(id, accountId);
      if (!opened) throw new AuthError("not_found", "nothing waits to be confirmed; begin again");
      const step = stepOf(code, {
        secret: opened.secret,
        at: now(),
        window: foundation.totpWindowSteps,
        after: 0,
      });
      if (step === null) {
        noteRefusal(foundation, "wrong_code", accountId, operator);
        return false;
      }
      if (!(await store.confirmTotp(id, { accountId, version, step, at: new Date(now()) })))
        throw new AuthError("not_found", "nothing waits to be confirmed; begin again");
      noteChange(foundation, changes.added.totp, accountId, operator);
      return true;
    },

    /** What `navigator.credentials.create` is given. */
    async passkeyCreation({ accountId, email, isPasskeyOnly }: Omit<Holder, "version">, binding: string) {
      const existing = (await store.list(accountId)).filter(({ kind }) => kind === "passkey");
      return passkeys.creationOptions({
        challenge: await challenges.make(binding),
        account: { id: accountId, email },
        mustVerifyUser: isPasskeyOnly ?? false,
        existing: existing.map(({ credentialId, details }) => ({
          credentialId: credentialId ?? "",
          transports: (details as PasskeyDetails).transports,
        })),
      });
    },

    /** Null: what was shown is no answer to a challenge of ours or proves too little, or its credential is bound already. */
    async addPasskey(
      response: unknown,
      given: Holder & { readonly binding: string; readonly name: string },
      operator: Operator,
    ): Promise<FactorShown | null> {
      const { accountId, version, binding, isPasskeyOnly } = given;
      const refuse = (reason: EventReason): null => {
        noteRefusal(foundation, reason, accountId, operator);
        return null;
      };
      const challenge = challengeOf(response);
      if (challenge === null) return refuse("wrong_passkey");
      const checked = await challenges.check(challenge, binding);
      if (!checked.ok) return refuse(checked.reason);
      const verdict = await passkeys.verifyRegistration(response, challenge);
      if (!verdict.ok || (isPasskeyOnly && !verdict.credential.isUserVerified))
        return refuse("wrong_passkey");
      const held = (await store.list(accountId)).filter(({ kind }) => kind === "passkey").length;
      if (held >= passkeysMax)
        throw new AuthError("conflict", `an account has at most ${passkeysMax} passkeys; remove one first`);
      const { credentialId, signCount, ...details } = verdict.credential;
      const at = new Date(now());
      const row = {
        id: newFactorId(),
        accountId,
        kind: "passkey",
        name: parseFactorName(given.name) || `Passkey ${held + 1}`,
        credentialId,
        counter: signCount,
        details,
        createdAt: at,
        confirmedAt: at,
      } as const;
      const once = { key: checked.onceKey, expiresAt: checked.expiresAt };
      const refusal = await store.addPasskey(row, { version, challenge: once, at });
      if (refusal !== null) return refuse(refusal);
      noteChange(foundation, changes.added.passkey, accountId, operator);
      return shownOf({ ...row, secret: null, lastUsedAt: null });
    },

    /** Ten new ones, shown this once; those from before are worth nothing any more. */
    async makeRecoveryCodes({ accountId }: HolderId, operator: Operator): Promise<readonly string[]> {
      const texts = Array.from({ length: codesInASet }, newRecoveryCode);
      const hashes = await Promise.all(texts.map((text) => codeHashOf(accountId, canonicalCode(text) ?? "")));
      const at = new Date(now());
      const isMade = await store.replaceRecoveryCodes({
        id: newFactorId(),
        accountId,
        kind: "recovery-codes",
        name: "Recovery codes",
        details: { codes: Object.fromEntries(hashes.map((hash) => [hash, true as const])) },
        createdAt: at,
        confirmedAt: at,
      });
      if (!isMade)
        throw new AuthError("conflict", "recovery codes stand in for another factor: set one up first");
      noteChange(foundation, changes.added["recovery-codes"], accountId, operator);
      return texts;
    },

    list: async (accountId: string): Promise<FactorShown[]> => (await store.list(accountId)).map(shownOf),

    /** False: the account has no such factor. */
    rename: (id: string, { accountId }: HolderId, name: string): Promise<boolean> =>
      store.rename(id, accountId, requireName(name)),

    async remove(id: string, { accountId }: HolderId, operator: Operator): Promise<boolean> {
      const removed = await store.remove(id, accountId, new Date(now()));
      if (removed === "last_way_in")
        throw new AuthError(
          "conflict",
          "nothing else opens the account: add another passkey or a password first",
        );
      for (const { kind } of removed) noteChange(foundation, changes.removed[kind], accountId, operator);
      tellPhones(removed, operator);
      return removed.length > 0;
    },

    /** For who has lost all of them: an operator's doing, after they made sure who asks. How many there were. */
    async removeAll(accountId: string, operator: Operator): Promise<number> {
      const removed = await store.removeAll(accountId, new Date(now()));
      const change = { type: "factor.removed", template: "second-factors-reset" } as const;
      if (removed.length > 0) noteChange(foundation, change, accountId, operator);
      tellPhones(removed, operator);
      return removed.length;
    },

    /** What an account that is gone leaves behind; nobody is told. */
    forget: async (accountId: string): Promise<number> =>
      (await store.removeAll(accountId, new Date(now()))).length,

    /** For the cron trigger. */
    sweep: (): Promise<void> => store.sweep(new Date(now())),
  };

  function tellPhones(removed: readonly FactorRow[], operator: Operator): void {
    for (const row of removed) if (row.kind === "sms") tellGone(row, operator);
  }

  async function openPending(id: string, accountId: string): Promise<{ secret: string } | null> {
    const row = await store.findPending(id, accountId, new Date(now() - pendingMilliseconds));
    const opened = row?.secret ? await seal.open(row.secret, sealContext(id)) : null;
    return opened?.ok ? { secret: opened.plaintext } : null;
  }
}

export type Enrolment = ReturnType<typeof createEnrolment>;

export const newFactorId = (): string => `fct_${randomBase62(22)}`;

function requireName(text: string): string {
  const name = parseFactorName(text);
  if (name === "") throw new AuthError("invalid_request", "name: give a name");
  return name;
}

function shownOf(row: FactorRow): FactorShown {
  const { id, kind, name, createdAt, lastUsedAt } = row;
  const passkey = kind === "passkey" ? (row.details as PasskeyDetails) : null;
  return {
    id,
    kind,
    name,
    createdAt,
    lastUsedAt,
    codesLeft: kind === "recovery-codes" ? codesLeft(row) : null,
    numberEnding: kind === "sms" ? (row.details as PhoneDetails).ending : null,
    isBackedUp: passkey?.isBackedUp ?? null,
    isUserVerified: passkey?.isUserVerified ?? null,
  };
}
