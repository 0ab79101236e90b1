import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";
import type { RequestedClaims } from "../tokens/tables.ts";

/** What a person agreed to, as the code carries it to whoever redeems it. Only the SHA-256 of the code is kept. */
export const authorizationCodes = pgTable(
  "authorization_codes",
  {
    codeHash: text("code_hash").primaryKey(),
    /** Of the page on which it was agreed to, so that one page gives one code; null when nobody was asked. */
    ticket: text(),
    clientId: text("client_id").notNull(),
    accountId: text("account_id").notNull(),
    /** The `sid` of all that comes of it. */
    grantId: text("grant_id").notNull(),
    signInSessionId: text("sign_in_session_id").notNull(),
    redirectUri: text("redirect_uri").notNull(),
    /** Whether the request named it, and whoever redeems the code must as well (RFC 6749 §4.1.3). */
    redirectUriGiven: boolean("redirect_uri_given").notNull(),
    codeChallenge: text("code_challenge"),
    scopes: text().array().notNull(),
    resources: text().array().notNull(),
    nonce: text(),
    /** Reserved for the key that its tokens are to be bound to. */
    dpopJkt: text("dpop_jkt"),
    /** Claims asked for one by one (OIDC Core §5.5). */
    claims: jsonb().$type<RequestedClaims>(),
    authTime: momentColumn("auth_time").notNull(),
    acr: text().notNull(),
    amr: text().array().notNull(),
    issuedAt: momentColumn("issued_at").notNull(),
    expiresAt: momentColumn("expires_at").notNull(),
    /** How often it was presented by whoever it was made for. */
    uses: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex("authorization_codes_ticket").on(table.ticket),
    index("authorization_codes_account").on(table.accountId),
    index("authorization_codes_end").on(table.expiresAt),
  ],
);

/** What a person allowed a client for good. */
export const consents = pgTable(
  "consents",
  {
    accountId: text("account_id").notNull(),
    clientId: text("client_id").notNull(),
    scopes: text().array().notNull(),
    createdAt: momentColumn("created_at").notNull(),
    updatedAt: momentColumn("updated_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.clientId] }),
    index("consents_client").on(table.clientId),
  ],
);

/** The name of a person among the clients of one sector (OIDC Core §8.1): drawn, so that no secret's end changes it. */
export const pairwiseSubjects = pgTable(
  "pairwise_subjects",
  {
    accountId: text("account_id").notNull(),
    sector: text().notNull(),
    subject: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.sector] }),
    uniqueIndex("pairwise_subjects_subject").on(table.subject),
  ],
);
