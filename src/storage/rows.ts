import { getTableColumns } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";

/**
 * A row of a hand-written statement as its table's type: one statement with several effects (`with … update … insert`)
 * is our transaction, and Drizzle decodes only what its builder selected.
 */
export function decodeRow<Table extends PgTable>(
  table: Table,
  raw: Record<string, unknown>,
): Table["$inferSelect"] {
  const row: Record<string, unknown> = {};
  for (const [key, column] of Object.entries(getTableColumns(table))) {
    const value = raw[column.name];
    row[key] = value === null || value === undefined ? null : column.mapFromDriverValue(value);
  }
  return row as Table["$inferSelect"];
}
