import { type SQL, sql } from "drizzle-orm";
import { bigserial, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { decodeRow } from "../storage/rows.ts";
import { momentColumn } from "../storage/values.ts";
import { changeKinds, endOf, isTokenKind, type PendingChange } from "./ending.ts";

/**
 * What the edges must still be told. A row is written by the very statement that changes the truth, so a crash
 * between that change and Redis loses nothing: the cron trigger announces what was never announced. Rows of the token
 * kinds are themselves the truth about tokens, for as long as a token may live; every row is kept for a day.
 */
export const changeOutbox = pgTable(
  "change_outbox",
  {
    number: bigserial({ mode: "number" }).primaryKey(),
    kind: text({ enum: changeKinds }).notNull(),
    subjectId: text("subject_id").notNull(),
    version: integer().notNull(),
    /** For `subject` and `client`: tokens issued before this are dead. */
    notedAt: momentColumn("noted_at").notNull(),
    /** When the last token that it concerns has expired by itself; null for what concerns no token. */
    expiresAt: momentColumn("expires_at"),
    announcedAt: momentColumn("announced_at"),
  },
  (table) => [
    index("change_outbox_pending").on(table.announcedAt, table.number),
    index("change_outbox_live").on(table.expiresAt),
  ],
);

/**
 * For stores of other rooms: the body of the CTE that notes what ends tokens, in the statement that ends them:
 * `with changed as (…), noted as (${noteEndings(sql`select 'session', session_id from changed`, at)}) select … from noted`.
 * `endings` selects kind and subject id. A note lives as long as any token of before `at` can; that of a `jti` as long
 * as the token itself, given its `exp`; that of a `person` concerns copies of keys, and no token. Returns what `pendingOf` reads.
 */
export function noteEndings(endings: SQL, at: Date, tokenExpiresAt?: Date): SQL {
  const end = endOf(at, tokenExpiresAt);
  return sql`
    insert into ${changeOutbox} (kind, subject_id, version, noted_at, expires_at)
    select ending.kind, ending.subject_id, 0, ${at.toISOString()}::timestamptz,
      case when ending.kind <> 'person' then ${end.toISOString()}::timestamptz end
    from (${endings}) as ending (kind, subject_id)
    returning number, kind, subject_id, noted_at, expires_at`;
}

/** Rows of `noted` as `announceNow` takes them; also those that came as JSON (`json_agg(noted)`). */
export function pendingOf(rows: readonly Record<string, unknown>[]): PendingChange[] {
  return rows.map((raw) => pendingChange(decodeRow(changeOutbox, raw)));
}

type Noted = Pick<
  typeof changeOutbox.$inferSelect,
  "number" | "kind" | "subjectId" | "notedAt" | "expiresAt"
>;

export function pendingChange({ number, kind, subjectId, notedAt, expiresAt }: Noted): PendingChange {
  if (!isTokenKind(kind)) return { number, kind, subjectId, expiresAt };
  if (expiresAt === null) throw new Error("an ending without an end");
  return { number, kind, subjectId, notedAt, expiresAt };
}
