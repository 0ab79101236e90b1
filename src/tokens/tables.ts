import { sql } from "drizzle-orm";
import { check, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

/** Why a family ended. */
export const familyEnds = [
  "signed_out",
  "signed_out_everywhere",
  "superseded",
  "replayed",
  "password_changed",
  "by_recovery",
  "address_changed",
  "by_person",
  "by_operator",
  "by_client",
  "account_disabled",
] as const;
export type FamilyEnd = (typeof familyEnds)[number];

/** Scopes that are about the person and no right at an API: an operator gives none of them, and takes none away. */
export const identityScopes = ["openid", "profile", "email", "address", "phone", "offline_access"] as const;
export type IdentityScope = (typeof identityScopes)[number];

/** Names of claims, by where they are to be told. */
export type RequestedClaims = { readonly idToken: readonly string[]; readonly userinfo: readonly string[] };

/**
 * One sign-in's line of refresh tokens: at most one token of it can rotate. A row holds hashes only; the successor is
 * derived from the token presented, so neither the database nor the secret alone gives a live token.
 */
export const refreshFamilies = pgTable(
  "refresh_families",
  {
    id: text().primaryKey(),
    /** Of the sign-in itself, or `gnt_…`: what an application was granted ends apart from the browser's session. */
    sessionId: text("session_id").notNull(),
    /** The browser session that an application's grant came from; null for the sign-in itself. */
    signInSessionId: text("sign_in_session_id"),
    accountId: text("account_id").notNull(),
    clientId: text("client_id").notNull(),
    audience: text().notNull(),
    /** What its access tokens may be for (RFC 8707 §2.2); null: for `audience` alone. */
    resources: text().array(),
    /** Claims asked for one by one (OIDC Core §5.5); null: none. */
    claims: jsonb().$type<RequestedClaims>(),
    scopes: text().array().notNull(),
    authTime: momentColumn("auth_time").notNull(),
    acr: text().notNull(),
    amr: text().array().notNull(),
    currentHash: text("current_hash").notNull(),
    previousHash: text("previous_hash"),
    generation: integer().notNull(),
    rotatedAt: momentColumn("rotated_at").notNull(),
    /** The version of the secret that derived the current token: a retry must get the same bytes. */
    secretVersion: integer("secret_version").notNull(),
    /** Access tokens say no earlier `iat`: they must not look older than a revocation of "everything before". */
    tokensFrom: momentColumn("tokens_from"),
    createdAt: momentColumn("created_at").notNull(),
    idleExpiresAt: momentColumn("idle_expires_at").notNull(),
    absoluteExpiresAt: momentColumn("absolute_expires_at").notNull(),
    revokedAt: momentColumn("revoked_at"),
    revokedReason: text("revoked_reason", { enum: familyEnds }),
  },
  (table) => [
    index("refresh_families_session").on(table.sessionId),
    index("refresh_families_sign_in")
      .on(table.signInSessionId)
      .where(sql`${table.signInSessionId} is not null`),
    index("refresh_families_account").on(table.accountId),
    index("refresh_families_end").on(table.absoluteExpiresAt),
    check("refresh_families_end_told", sql`(${table.revokedAt} is null) = (${table.revokedReason} is null)`),
    check("refresh_families_generation", sql`${table.generation} >= 0`),
  ],
);
