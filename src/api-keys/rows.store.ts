import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import { decodeRow } from "../storage/rows.ts";
import type { KeyRecord } from "./record.ts";
import { apiKeys } from "./tables.ts";

export type NewKey = Omit<
  KeyRecord,
  "version" | "ownerDisabled" | "lastUsedAt" | "lastUsedAddress" | "lastUsedCountry"
> & {
  readonly secretHash: string;
};

/**
 * Read with every record and stored with none: so it is true of keys that are made or rotated while the account is
 * being disabled too. An owner who has no account here is nobody's to disable.
 */
export const isOwnerDisabled = (key: "api_keys" | "kept" | "changed" | "born"): SQL<boolean> => {
  const row = sql.identifier(key);
  return sql<boolean>`(${row}.owner_type = 'user' and exists (
    select 1 from ${accounts} account where account.id = ${row}.owner_id and account.state <> 'active'))`;
};

/** What the query builder selects, as `recordOf` takes it. */
export const keyColumns = { ...getTableColumns(apiKeys), ownerDisabled: isOwnerDisabled("api_keys") };

export function recordOf(row: typeof apiKeys.$inferSelect & { readonly ownerDisabled: boolean }): KeyRecord {
  const { ownerType, ownerId, secretHash: _, ...rest } = row;
  return { ...rest, owner: { type: ownerType, id: ownerId } };
}

/** A row of a hand-written statement, with `isOwnerDisabled` as `owner_disabled`. */
export const recordOfRaw = (raw: Record<string, unknown>): KeyRecord =>
  recordOf({ ...decodeRow(apiKeys, raw), ownerDisabled: raw["owner_disabled"] === true });

export function rowOf({ owner, ...rest }: NewKey): typeof apiKeys.$inferInsert {
  return {
    ...rest,
    ownerType: owner.type,
    ownerId: owner.id,
    scopes: [...rest.scopes],
    allowedAddresses: [...rest.allowedAddresses],
    limits: [...rest.limits],
    version: 1,
  };
}
