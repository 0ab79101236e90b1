import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import type { FactorRow, NewFactor, Owner } from "./store.ts";
import { factors } from "./tables.ts";

export const ofOwner = sql`account.id as owner_id, account.version, account.email, account.email_canonical, account.scopes,
  account.revoked_before, account.last_signed_in_at`;
export const confirmedOf = sql`(select json_agg(f) from ${factors} f
  where f.account_id = account.id and f.confirmed_at is not null) as rows`;

export function insertOf(row: NewFactor, condition: SQL = sql`true`): SQL {
  const at = row.confirmedAt ?? null;
  return sql`insert into ${factors} (id, account_id, kind, name, secret, credential_id, counter, details, created_at, confirmed_at)
    select ${row.id}, ${row.accountId}, ${row.kind}, ${row.name}, ${row.secret ?? null}::text,
      ${row.credentialId ?? null}::text, ${row.counter ?? 0}::bigint, ${JSON.stringify(row.details ?? {})}::jsonb,
      ${moment(row.createdAt)}, ${at === null ? sql`null::timestamptz` : moment(at)} where ${condition}`;
}

export const ownerOf = (row: Record<string, unknown>): Owner => {
  const { version, email, emailCanonical, scopes, revokedBefore, lastSignedInAt } = decodeRow(accounts, row);
  return {
    id: String(row["owner_id"]),
    version,
    email,
    emailCanonical,
    scopes,
    revokedBefore,
    lastSignedInAt,
  };
};

/** Rows that came as JSON inside a row: the same texts as columns, but for what JSON has types of its own for. */
export function rowsOf(json: unknown): FactorRow[] {
  const list = typeof json === "string" ? (JSON.parse(json) as unknown) : json;
  return Array.isArray(list) ? list.map((row) => decodeRow(factors, row as Record<string, unknown>)) : [];
}
