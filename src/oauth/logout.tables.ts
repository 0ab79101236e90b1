import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { momentColumn } from "../storage/values.ts";

export const noticeStates = ["waiting", "delivered", "given_up"] as const;

/** Clients that must be told that a session ended (OIDC Back-Channel Logout §2.5): one row for each grant, once. */
export const logoutNotices = pgTable(
  "logout_notices",
  {
    /** The grant: the `sid` of the client's ID tokens. */
    sessionId: text("session_id").primaryKey(),
    clientId: text("client_id").notNull(),
    accountId: text("account_id").notNull(),
    state: text({ enum: noticeStates }).notNull(),
    attempts: integer().notNull(),
    /** What the client answered the last time; null: nothing. */
    lastStatus: integer("last_status"),
    notedAt: momentColumn("noted_at").notNull(),
    /** When it is sent next; whoever sends it holds it for as long as that may take. */
    dueAt: momentColumn("due_at").notNull(),
    settledAt: momentColumn("settled_at"),
  },
  (table) => [
    index("logout_notices_due").on(table.state, table.dueAt),
    index("logout_notices_client").on(table.clientId, table.notedAt),
  ],
);
