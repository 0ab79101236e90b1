import { sql } from "drizzle-orm";
import { check, index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

export const sessionKinds = ["browser", "native"] as const;

/**
 * Somebody who has proved something, on one device. It lives as long as its own family of refresh tokens: ending
 * the family, by whoever, ends the session.
 */
export const sessions = pgTable(
  "sessions",
  {
    id: text().primaryKey(),
    /** The refresh family of the sign-in itself. */
    familyId: text("family_id").notNull(),
    accountId: text("account_id").notNull(),
    kind: text({ enum: sessionKinds }).notNull(),
    /** SHA-256 of the page cookie; null for a native application, which has none. */
    secretHash: text("secret_hash"),
    createdAt: momentColumn("created_at").notNull(),
    lastSeenAt: momentColumn("last_seen_at").notNull(),
    idleExpiresAt: momentColumn("idle_expires_at").notNull(),
    absoluteExpiresAt: momentColumn("absolute_expires_at").notNull(),
    userAgent: text("user_agent").notNull(),
    address: text().notNull(),
    city: text(),
    country: text(),
  },
  (table) => [
    uniqueIndex("sessions_secret").on(table.secretHash),
    uniqueIndex("sessions_family").on(table.familyId),
    index("sessions_account").on(table.accountId, table.createdAt.desc()),
    index("sessions_end").on(table.absoluteExpiresAt),
    check("sessions_kind", sql`${table.kind} in ('browser', 'native')`),
  ],
);
