import { bigserial, index, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

/** What a change is about. The last five end tokens that nobody can call back: see `denylist.ts`. */
export const changeKinds = ["key", "routes", "jti", "session", "subject", "client", "signing-key"] as const;

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
    notedAt: moment("noted_at").notNull(),
    /** When the last token that it concerns has expired by itself; null for what concerns no token. */
    expiresAt: moment("expires_at"),
    announcedAt: moment("announced_at"),
  },
  (table) => [
    index("change_outbox_pending").on(table.announcedAt, table.number),
    index("change_outbox_live").on(table.expiresAt),
  ],
);
