import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";
import type { ClientMetadata, ClientSecret } from "./client.ts";

export const clients = pgTable(
  "clients",
  {
    id: text().primaryKey(),
    version: integer().notNull().default(1),
    /** Members that came later than a row are filled in when it is read. */
    metadata: jsonb().$type<Partial<ClientMetadata>>().notNull(),
    /** SHA-256 only: 256 random bits need no slow hash. */
    secrets: jsonb().$type<ClientSecret[]>().notNull(),
    enabled: boolean().notNull().default(true),
    registeredBy: text("registered_by", { enum: ["operator", "dynamic", "document"] }).notNull(),
    createdAt: momentColumn("created_at").notNull(),
    updatedAt: momentColumn("updated_at").notNull(),
  },
  (table) => [
    index("clients_newest").on(table.createdAt.desc(), table.id.desc()),
    check("clients_metadata_shape", sql`jsonb_typeof(${table.metadata}) = 'object'`),
    check("clients_secrets_shape", sql`jsonb_typeof(${table.secrets}) = 'array'`),
    check("clients_secrets_two", sql`jsonb_array_length(${table.secrets}) <= 2`),
    check("clients_registered_by", sql`${table.registeredBy} in ('operator', 'dynamic', 'document')`),
  ],
);
