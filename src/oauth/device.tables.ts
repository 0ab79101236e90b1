import { boolean, index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

/**
 * Devices that wait for a person (RFC 8628 §3.2). Only the SHA-256 of the device code is kept. The user code stands as it
 * is: whoever reads it here could let the device into an account of their own, and into nobody else's.
 */
export const deviceAuthorizations = pgTable(
  "device_authorizations",
  {
    deviceCodeHash: text("device_code_hash").primaryKey(),
    userCode: text("user_code").notNull(),
    clientId: text("client_id").notNull(),
    scopes: text().array().notNull(),
    resources: text().array().notNull(),
    state: text({ enum: ["pending", "approved", "denied"] }).notNull(),
    intervalSeconds: integer("interval_seconds").notNull(),
    polledAt: momentColumn("polled_at"),
    /** Of the last time it asked. */
    polledTooSoon: boolean("polled_too_soon").notNull().default(false),
    issuedAt: momentColumn("issued_at").notNull(),
    expiresAt: momentColumn("expires_at").notNull(),
  },
  (table) => [
    uniqueIndex("device_authorizations_user_code").on(table.userCode),
    index("device_authorizations_end").on(table.expiresAt),
  ],
);
