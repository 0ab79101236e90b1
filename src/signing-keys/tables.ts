import { integer, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import type { JWK } from "jose";

export const signingKeys = pgTable(
  "signing_keys",
  {
    kid: text().primaryKey(),
    /** A key signs for one purpose and is never accepted for another. */
    purpose: text({ enum: ["identity", "access-token", "id-token"] }).notNull(),
    algorithm: text({ enum: ["RS256", "ES256", "EdDSA"] }).notNull(),
    /** 1, 2, 3 … by purpose and algorithm: two isolates that make "the next one" make one. */
    slot: integer().notNull(),
    publicJwk: jsonb("public_jwk").$type<JWK>().notNull(),
    privateJwkSealed: text("private_jwk_sealed").notNull(),
    publishedAt: timestamp("published_at", { withTimezone: true, mode: "date" }).notNull(),
    /** From when it signs: every verifier's copy of the key set must hold it by then. */
    signsFrom: timestamp("signs_from", { withTimezone: true, mode: "date" }).notNull(),
    /** Until when it signs; null while no successor is there. */
    signsUntil: timestamp("signs_until", { withTimezone: true, mode: "date" }),
    killedAt: timestamp("killed_at", { withTimezone: true, mode: "date" }),
  },
  (table) => [uniqueIndex("signing_keys_slot").on(table.purpose, table.algorithm, table.slot)],
);
