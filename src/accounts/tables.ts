import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

export const accountStates = ["active", "disabled", "deleted"] as const;
/** What a link in a mail is for. */
export const linkPurposes = ["register", "recover", "change-address"] as const;

export const accounts = pgTable(
  "accounts",
  {
    id: text().primaryKey(),
    version: integer().notNull().default(1),
    /** As its owner wrote it, and as it is compared. Both are wiped when the account is deleted. */
    email: text().notNull(),
    emailCanonical: text("email_canonical").notNull(),
    /** `<pepper version, 0 for none>$argon2id$v=19$m=…,t=…,p=…$salt$hash`; null: no password opens this account. */
    passwordHash: text("password_hash"),
    passwordChangedAt: momentColumn("password_changed_at"),
    /** What tokens of this account may ask for; given by operators only. */
    scopes: text().array().notNull(),
    state: text({ enum: accountStates }).notNull(),
    /** Tokens and sessions from before are dead. */
    revokedBefore: momentColumn("revoked_before"),
    createdAt: momentColumn("created_at").notNull(),
    updatedAt: momentColumn("updated_at").notNull(),
    lastSignedInAt: momentColumn("last_signed_in_at"),
    /** Kinds of confirmed second factors, kept by the statements that change one: a sign-in knows without asking again. */
    factorKinds: text("factor_kinds").array().notNull().default([]),
  },
  (table) => [
    uniqueIndex("accounts_email").on(table.emailCanonical),
    index("accounts_deleted").on(table.updatedAt).where(sql`${table.state} = 'deleted'`),
    index("accounts_newest").on(table.createdAt.desc(), table.id.desc()),
    check("accounts_state", sql`${table.state} in ('active', 'disabled', 'deleted')`),
  ],
);

/** One link in one mail: opened by anybody, used once, by POST. Only the SHA-256 of its secret is kept. */
export const mailLinks = pgTable(
  "mail_links",
  {
    id: text().primaryKey(),
    secretHash: text("secret_hash").notNull(),
    purpose: text({ enum: linkPurposes }).notNull(),
    /** Whose; null for a registration, which has no account yet. */
    accountId: text("account_id"),
    email: text().notNull(),
    emailCanonical: text("email_canonical").notNull(),
    /** What a registration chose. */
    passwordHash: text("password_hash"),
    createdAt: momentColumn("created_at").notNull(),
    expiresAt: momentColumn("expires_at").notNull(),
    usedAt: momentColumn("used_at"),
  },
  (table) => [
    uniqueIndex("mail_links_secret").on(table.secretHash),
    index("mail_links_account").on(table.accountId),
    index("mail_links_end").on(table.expiresAt),
    check("mail_links_purpose", sql`${table.purpose} in ('register', 'recover', 'change-address')`),
  ],
);
