import { bigserial, index, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/**
 * What the edges must still be told. A row is written by the very statement that changes the truth, so a crash
 * between that change and Redis loses nothing: the cron trigger announces what was never announced.
 */
export const changeOutbox = pgTable(
  "change_outbox",
  {
    number: bigserial({ mode: "number" }).primaryKey(),
    kind: text({ enum: ["key", "routes"] }).notNull(),
    subjectId: text("subject_id").notNull(),
    version: integer().notNull(),
    notedAt: timestamp("noted_at", { withTimezone: true, mode: "date" }).notNull(),
    announcedAt: timestamp("announced_at", { withTimezone: true, mode: "date" }),
  },
  (table) => [index("change_outbox_pending").on(table.announcedAt, table.number)],
);
