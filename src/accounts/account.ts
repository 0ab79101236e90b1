import type { Background } from "../audit/audit.ts";
import type { Origin, Party } from "../audit/events.ts";
import type { Reach } from "../revocation/revocation.ts";
import type { accountStates, linkPurposes } from "./tables.ts";

export type AccountState = (typeof accountStates)[number];
export type LinkPurpose = (typeof linkPurposes)[number];

/** A person as the rest of the house sees them: never the hash of a password. */
export type Account = {
  readonly id: string;
  /** Grows with every change that ends sessions: one that was recognised under an older version may begin none. */
  readonly version: number;
  readonly email: string;
  readonly scopes: readonly string[];
  readonly state: AccountState;
  /** Tokens and sessions from before are dead. */
  readonly revokedBefore: Date | null;
  readonly createdAt: Date;
  readonly lastSignedInAt: Date | null;
  readonly passwordChangedAt: Date | null;
  /** False: no password opens it; passkeys do, and links in mails set them up. */
  readonly hasPassword: boolean;
  /** Kinds of second factor that it has confirmed. */
  readonly factorKinds: readonly string[];
};

/** Who changes something, on whose behalf events are written. */
export type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

/** What a stranger's question comes with. `network` is the address as limits count it. */
export type Asked = {
  readonly network: string;
  readonly origin: Origin;
  readonly background: Background;
};

/**
 * A device that signed in to this address before, as a cookie of ours tells it once its tag is checked: guesses from it
 * are counted by themselves, so that no stranger can lock an owner out.
 */
export type KnownDevice = { readonly id: string; readonly addressHash: string };

/** What a stranger's question is answered, whoever is asked about. */
export type Accepted = {
  /** Limits that were counted in this isolate alone, for Gatehouse-Degraded. */
  readonly degraded: readonly string[];
};

export type PasswordVerdict =
  | {
      readonly ok: true;
      readonly account: Account;
      /** Of the canonical address: what a device cookie is bound to. */
      readonly addressHash: string;
      /** Limits that were counted in this isolate alone, for Gatehouse-Degraded. */
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: "wrong_password" | "unknown_account" | "account_disabled";
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: "over_limit" | "busy";
      readonly retryAfterSeconds: number;
      readonly degraded: readonly string[];
    };

export type LinkVerdict =
  | {
      readonly ok: true;
      readonly purpose: LinkPurpose;
      readonly account: Account;
      /** Of the canonical address: what a device cookie is bound to. */
      readonly addressHash: string;
      readonly reach: Reach | null;
    }
  | { readonly ok: false };

/**
 * Given in the place of a password by a route that made sure of a strong proof of a few minutes ago. It counts only where
 * the account has no password.
 */
export const freshProof: unique symbol = Symbol("fresh proof");
export type OwnProof = string | typeof freshProof;

/** What its owner asks for needs the password once more; `wrong_password` is counted against the owner alone. */
export type OwnVerdict =
  | { readonly ok: true; readonly reach: Reach | null }
  | { readonly ok: false; readonly reason: "wrong_password" }
  | { readonly ok: false; readonly reason: "over_limit"; readonly retryAfterSeconds: number };

export type AccountFilter = {
  readonly state?: AccountState | undefined;
  readonly email?: string | undefined;
  readonly after?: { readonly createdAt: Date; readonly id: string } | undefined;
  readonly limit: number;
};
