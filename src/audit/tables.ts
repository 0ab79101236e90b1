import { index, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { eventOutcomes, eventReasons, eventTypes } from "./events.ts";

export const auditEvents = pgTable(
  "audit_events",
  {
    id: text().primaryKey(),
    at: timestamp({ withTimezone: true, mode: "date" }).notNull(),
    type: text({ enum: eventTypes }).notNull(),
    outcome: text({ enum: eventOutcomes }).notNull(),
    reason: text({ enum: eventReasons }),
    actorType: text("actor_type").notNull(),
    actorId: text("actor_id").notNull(),
    subjectType: text("subject_type"),
    subjectId: text("subject_id"),
    requestId: text("request_id").notNull(),
    address: text().notNull(),
    country: text(),
    /** How many equal refusals this row stands for. */
    count: integer().notNull().default(1),
  },
  (table) => [
    index("audit_events_newest").on(table.at.desc(), table.id.desc()),
    index("audit_events_actor").on(table.actorId, table.at.desc()),
    index("audit_events_subject").on(table.subjectId, table.at.desc()),
    index("audit_events_type").on(table.type, table.at.desc()),
  ],
);
