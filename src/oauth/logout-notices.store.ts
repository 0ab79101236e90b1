import { type SQL, sql } from "drizzle-orm";
import { changeOutbox } from "../revocation/tables.ts";
import type { Database } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { refreshFamilies } from "../tokens/tables.ts";
import { logoutNotices } from "./logout.tables.ts";
import { clients } from "./tables.ts";

export type LogoutNotice = typeof logoutNotices.$inferSelect;

/** How an attempt ended. */
export type Settled = {
  readonly state: LogoutNotice["state"];
  readonly status: number | null;
  readonly dueAt: Date;
  readonly at: Date;
};

/** How long an ending stays in sight of the cron trigger after its tokens are dead. */
const lookBackMilliseconds = 3_600_000;
/** For operators to look at. */
const keptMilliseconds = 7 * 24 * 3_600_000;

const noticesOf = ({ rows }: { rows: Record<string, unknown>[] }): LogoutNotice[] =>
  rows.map((row) => decodeRow(logoutNotices, row));

/**
 * The queue of logout tokens. That a session ended is written by the statement that ends it, into the outbox of
 * `revocation`; from there it becomes a row for each client, once, whoever comes first: the request that ended it, behind
 * its answer, or the cron trigger.
 */
export function createLogoutNoticeStore(database: Database) {
  /** `ended` selects ids of browser sessions. The rows are held by whoever made them. */
  const make = async (ended: SQL, at: Date, heldUntil: Date): Promise<LogoutNotice[]> =>
    noticesOf(
      await database.execute<Record<string, unknown>>(sql`
        insert into ${logoutNotices} (session_id, client_id, account_id, state, attempts, noted_at, due_at)
        select granted.session_id, granted.client_id, granted.account_id, 'waiting', 0, ${moment(at)},
          ${moment(heldUntil)}
        from ${refreshFamilies} granted join ${clients} client on client.id = granted.client_id
        where granted.sign_in_session_id in (${ended}) and 'openid' = any(granted.scopes)
          and granted.revoked_reason is distinct from 'by_client'
          and client.enabled and client.metadata ->> 'backchannelLogoutUri' is not null
        on conflict (session_id) do nothing returning *`),
    );

  return {
    makeFor: (sessionIds: readonly string[], at: Date, heldUntil: Date): Promise<LogoutNotice[]> =>
      make(sql`select jsonb_array_elements_text(${JSON.stringify(sessionIds)}::jsonb)`, at, heldUntil),

    /** For endings whose own request did not come so far. */
    makeMissed: (at: Date, heldUntil: Date): Promise<LogoutNotice[]> =>
      make(
        sql`select subject_id from ${changeOutbox} where kind = 'session'
              and expires_at > ${moment(new Date(at.getTime() - lookBackMilliseconds))}`,
        at,
        heldUntil,
      ),

    /** Each is handed to one caller, until it is settled or no longer held. */
    async takeDue(at: Date, heldUntil: Date, count: number): Promise<LogoutNotice[]> {
      return noticesOf(
        await database.execute<Record<string, unknown>>(sql`
          update ${logoutNotices} set due_at = ${moment(heldUntil)} where session_id in (
            select session_id from ${logoutNotices} where state = 'waiting' and due_at <= ${moment(at)}
            order by due_at limit ${count} for update skip locked)
          returning *`),
      );
    },

    async settle(sessionId: string, { state, status, dueAt, at }: Settled): Promise<void> {
      await database.execute(sql`
        update ${logoutNotices} set state = ${state}, attempts = attempts + 1, last_status = ${status}::integer,
          due_at = ${moment(dueAt)}, settled_at = ${state === "waiting" ? null : at.toISOString()}::timestamptz
        where session_id = ${sessionId} and state = 'waiting'`);
    },

    /** Newest first. */
    async list(clientId: string, limit: number): Promise<LogoutNotice[]> {
      return noticesOf(
        await database.execute<Record<string, unknown>>(sql`
          select * from ${logoutNotices} where client_id = ${clientId}
          order by noted_at desc, session_id desc limit ${limit}`),
      );
    },

    async sweep(at: Date): Promise<void> {
      await database.execute(sql`
        delete from ${logoutNotices} where session_id in (
          select session_id from ${logoutNotices} where state <> 'waiting'
            and due_at < ${moment(new Date(at.getTime() - keptMilliseconds))} limit 1000)`);
    },
  };
}

export type LogoutNoticeStore = ReturnType<typeof createLogoutNoticeStore>;
