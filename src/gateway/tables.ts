import { sql } from "drizzle-orm";
import { boolean, check, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { RouteLimit } from "../authentication/methods/method.ts";
import { momentColumn } from "../storage/values.ts";
import type { Level } from "../tokens/levels.ts";

export const gatewayRoutes = pgTable(
  "gateway_routes",
  {
    id: text().primaryKey(),
    version: integer().notNull().default(1),
    name: text().notNull(),
    host: text(),
    path: text().notNull(),
    upstreamUrl: text("upstream_url"),
    upstreamService: text("upstream_service"),
    keepPath: boolean("keep_path").notNull(),
    credentials: text({ enum: ["api-key", "access-token", "client-certificate", "public"] })
      .array()
      .notNull(),
    scopes: text().array().notNull(),
    level: text().$type<Level>(),
    maxAgeSeconds: integer("max_age_seconds"),
    limits: jsonb().$type<RouteLimit[]>().notNull(),
    timeoutSeconds: integer("timeout_seconds").notNull(),
    corsOrigins: text("cors_origins").array().notNull(),
    audiences: text().array().notNull().default([]),
    enabled: boolean().notNull(),
    createdAt: momentColumn("created_at").notNull(),
    updatedAt: momentColumn("updated_at").notNull(),
  },
  (table) => [
    uniqueIndex("gateway_routes_name").on(table.name),
    uniqueIndex("gateway_routes_match").on(sql`coalesce(${table.host}, '')`, sql`lower(${table.path})`),
    check(
      "gateway_routes_one_upstream",
      sql`num_nonnulls(${table.upstreamUrl}, ${table.upstreamService}) = 1`,
    ),
    check("gateway_routes_credentials", sql`cardinality(${table.credentials}) > 0`),
    check(
      "gateway_routes_public_alone",
      sql`not ('public' = any(${table.credentials})) or cardinality(${table.credentials}) = 1`,
    ),
    check("gateway_routes_timeout", sql`${table.timeoutSeconds} between 1 and 300`),
    check("gateway_routes_level", sql`${table.level} in ('one-factor', 'two-factor', 'phishing-resistant')`),
    check("gateway_routes_max_age", sql`${table.maxAgeSeconds} between 1 and 2592000`),
    check("gateway_routes_limits_shape", sql`jsonb_typeof(${table.limits}) = 'array'`),
  ],
);
