import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";
import { environments } from "./key-format.ts";
import { type KeyLimit, ownerTypes } from "./record.ts";

export const apiKeys = pgTable(
  "api_keys",
  {
    id: text().primaryKey(),
    lineageId: text("lineage_id").notNull(),
    version: integer().notNull().default(1),
    /** SHA-256 of the whole key, hex. Its preimage has 256 random bits, so a fast hash is the right one. */
    secretHash: text("secret_hash").notNull(),
    displayPrefix: text("display_prefix").notNull(),
    name: text().notNull(),
    ownerType: text("owner_type", { enum: ownerTypes }).notNull(),
    ownerId: text("owner_id").notNull(),
    environment: text({ enum: environments }).notNull(),
    scopes: text().array().notNull(),
    allowedAddresses: text("allowed_addresses").array().notNull(),
    limits: jsonb().$type<KeyLimit[]>().notNull(),
    metadata: jsonb().$type<Record<string, unknown>>().notNull(),
    enabled: boolean().notNull().default(true),
    expiresAt: momentColumn("expires_at"),
    revokedAt: momentColumn("revoked_at"),
    deletedAt: momentColumn("deleted_at"),
    exposedAt: momentColumn("exposed_at"),
    replaces: text(),
    replacedBy: text("replaced_by"),
    imported: boolean().notNull().default(false),
    createdBy: text("created_by").notNull(),
    createdAt: momentColumn("created_at").notNull(),
    updatedAt: momentColumn("updated_at").notNull(),
    lastUsedAt: momentColumn("last_used_at"),
    lastUsedAddress: text("last_used_address"),
    lastUsedCountry: text("last_used_country"),
  },
  (table) => [
    uniqueIndex("api_keys_secret_hash").on(table.secretHash),
    index("api_keys_owner").on(table.ownerType, table.ownerId, table.createdAt.desc(), table.id.desc()),
    index("api_keys_newest").on(table.createdAt.desc(), table.id.desc()),
    check("api_keys_hash_shape", sql`${table.secretHash} ~ '^[0-9a-f]{64}$'`),
    check("api_keys_owner_type", sql`${table.ownerType} in ('user', 'organization', 'service')`),
    check("api_keys_environment", sql`${table.environment} in ('live', 'test')`),
    check("api_keys_limits_shape", sql`jsonb_typeof(${table.limits}) = 'array'`),
    check("api_keys_metadata_shape", sql`jsonb_typeof(${table.metadata}) = 'object'`),
  ],
);
