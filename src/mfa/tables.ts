import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

export const factorKinds = ["totp", "passkey", "sms", "recovery-codes"] as const;

/** What a row holds beside its columns, by kind; an empty object for a TOTP secret. */
export type PasskeyDetails = {
  readonly publicKey: string;
  readonly algorithm: number;
  readonly aaguid: string;
  readonly transports: readonly string[];
  readonly isUserVerified: boolean;
  readonly isBackupEligible: boolean;
  readonly isBackedUp: boolean;
};
/** SHA-256 of each code that is left, as keys: one is taken out in the statement that uses it. */
export type RecoveryDetails = { readonly codes: Readonly<Record<string, true>> };

/** Of a telephone: the end of its number, for its owner to know it by, and the one code that is on its way. */
export type PhoneDetails = {
  readonly ending: string;
  readonly code?: { readonly hash: string; readonly expiresAt: string };
};

/** What proves a person beside, or instead of, the password. One without `confirmed_at` proves nothing yet. */
export const factors = pgTable(
  "factors",
  {
    id: text().primaryKey(),
    accountId: text("account_id").notNull(),
    kind: text({ enum: factorKinds }).notNull(),
    name: text().notNull(),
    /** Sealed: the secret of a TOTP, the number of a telephone. */
    secret: text(),
    /** A passkey's credential id. */
    credentialId: text("credential_id"),
    /** The last accepted time step of a TOTP, the signature counter of a passkey: only ever grows. */
    counter: bigint({ mode: "number" }).notNull().default(0),
    details: jsonb()
      .$type<PasskeyDetails | RecoveryDetails | PhoneDetails | Record<string, never>>()
      .notNull()
      .default({}),
    createdAt: momentColumn("created_at").notNull(),
    confirmedAt: momentColumn("confirmed_at"),
    lastUsedAt: momentColumn("last_used_at"),
  },
  (table) => [
    index("factors_account").on(table.accountId),
    uniqueIndex("factors_credential").on(table.credentialId),
    // One application, one telephone and one set of codes each; passkeys as many as a person has devices.
    uniqueIndex("factors_single")
      .on(table.accountId, table.kind)
      .where(sql`confirmed_at is not null and kind <> 'passkey'`),
    check("factors_kind", sql`${table.kind} in ('totp', 'passkey', 'sms', 'recovery-codes')`),
  ],
);

/**
 * Guesses at an account's factors since the last right one, in whichever session and isolate. A lane is who guesses: a
 * device that signed in before has its own, so that nobody else can make its owner wait.
 */
export const factorAttempts = pgTable(
  "factor_attempts",
  {
    accountId: text("account_id").notNull(),
    lane: text().notNull(),
    failed: integer().notNull(),
    blockedUntil: momentColumn("blocked_until"),
    lastAt: momentColumn("last_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.lane] })],
);

/**
 * Browsers in which the second factor is not asked for, until they expire or the account changes: `account_version` is
 * that of the account when the factor was proved. Only the SHA-256 of the cookie is kept.
 */
export const rememberedDevices = pgTable(
  "remembered_devices",
  {
    id: text().primaryKey(),
    accountId: text("account_id").notNull(),
    accountVersion: integer("account_version").notNull(),
    secretHash: text("secret_hash").notNull(),
    /** What the browser said of itself then, as its owner would call it. */
    name: text().notNull(),
    createdAt: momentColumn("created_at").notNull(),
    lastUsedAt: momentColumn("last_used_at"),
    expiresAt: momentColumn("expires_at").notNull(),
  },
  (table) => [
    index("remembered_devices_account").on(table.accountId),
    index("remembered_devices_end").on(table.expiresAt),
  ],
);

/** What may be used once and was: the keys of challenges, until they would have expired by themselves. */
export const spentChallenges = pgTable(
  "spent_challenges",
  { key: text().primaryKey(), expiresAt: momentColumn("expires_at").notNull() },
  (table) => [index("spent_challenges_end").on(table.expiresAt)],
);
