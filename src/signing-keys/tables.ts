import { integer, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import type { JWK } from "jose";

export const signingKeys = pgTable(
  "signing_keys",
  {
    kid: text().primaryKey(),
    /** A key signs for one purpose and is never accepted for another. */
    purpose: text({ enum: ["identity"] }).notNull(),
    algorithm: text({ enum: ["ES256"] }).notNull(),
    /** 1, 2, 3 … by purpose and algorithm: two isolates that make "the next one" make one. */
    slot: integer().notNull(),
    publicJwk: jsonb("public_jwk").$type<JWK>().notNull(),
    privateJwkSealed: text("private_jwk_sealed").notNull(),
    publishedAt: timestamp("published_at", { withTimezone: true, mode: "date" }).notNull(),
    killedAt: timestamp("killed_at", { withTimezone: true, mode: "date" }),
  },
  (table) => [uniqueIndex("signing_keys_slot").on(table.purpose, table.algorithm, table.slot)],
);
