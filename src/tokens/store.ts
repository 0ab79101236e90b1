import { type SQL, sql } from "drizzle-orm";
import { changeOutbox } from "../revocation/tables.ts";
import type { Database } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { type FamilyEnd, refreshFamilies } from "./tables.ts";

export type RefreshFamily = typeof refreshFamilies.$inferSelect;

/** A row of the outbox that ends tokens, as the edges must be told of it. */
export type NotedEnd = {
  readonly kind: "jti" | "session" | "subject" | "client";
  readonly subjectId: string;
  readonly number: number;
  readonly notedAt: Date;
  readonly expiresAt: Date;
};

export type Presentation = {
  readonly familyId: string;
  readonly clientId: string;
  readonly presentedHash: string;
  readonly successorHash: string;
  readonly secretVersion: number;
  readonly at: Date;
  readonly graceMilliseconds: number;
  /** The end of idle life, were the token to rotate now. */
  readonly idleExpiresAt: Date;
};

const moment = (at: Date): SQL => sql`${at.toISOString()}::timestamptz`;

/** How long after its end an access token of a family may still be alive somewhere. */
const deniedMilliseconds = 960_000;

export function createRefreshStore(database: Database) {
  const deadBy = (at: Date): Date => new Date(at.getTime() + deniedMilliseconds);

  const noting = (rows: SQL): SQL => sql`
    insert into ${changeOutbox} (kind, subject_id, version, noted_at, expires_at) ${rows}
    returning number, kind, subject_id, noted_at, expires_at`;

  async function endAndNote(which: SQL, reason: FamilyEnd, at: Date, rows: SQL): Promise<NotedEnd[]> {
    const { rows: noted } = await database.execute<Record<string, unknown>>(sql`
      with ended as (
        update ${refreshFamilies} set revoked_at = ${moment(at)}, revoked_reason = ${reason}
        where ${which} and revoked_at is null and least(idle_expires_at, absolute_expires_at) > ${moment(at)}
        returning session_id, tokens_from
      ),
      noted as (${noting(rows)})
      select * from noted order by number`);
    return noted.map(notedEndOf);
  }

  const sessionRows = (at: Date, which: SQL = sql`true`): SQL => sql`
    select 'session', session_id, 0, ${moment(at)}, ${moment(deadBy(at))}
    from (select distinct session_id from ended where ${which}) as sessions`;

  const singleRow = (kind: NotedEnd["kind"], subjectId: string, at: Date, expiresAt: Date): SQL => sql`
    select ${kind}, ${subjectId}, 0, ${moment(at)}, ${moment(expiresAt)}`;

  return {
    /**
     * The one step of a refresh. An `UPDATE` that waits for another one judges the row as that one left it, so of any
     * number at once one rotates. The others come too late by a moment, which is a retry; or too late, and then the
     * family ends, and the edges' note of it is written, in this same statement. Null: unknown, ended, or not of this client.
     */
    async present(asked: Presentation): Promise<{ family: RefreshFamily; noted: NotedEnd | null } | null> {
      const { presentedHash: presented, at } = asked;
      const graceBegan = moment(new Date(at.getTime() - asked.graceMilliseconds));
      const isCurrent = sql`current_hash = ${presented}`;
      const isHonest = sql`(${isCurrent} or (previous_hash = ${presented} and rotated_at > ${graceBegan}))`;
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        with changed as (
          update ${refreshFamilies} set
            current_hash = case when ${isCurrent} then ${asked.successorHash} else current_hash end,
            previous_hash = case when ${isCurrent} then current_hash else previous_hash end,
            generation = generation + (${isCurrent})::int,
            rotated_at = case when ${isCurrent} then ${moment(at)} else rotated_at end,
            secret_version = case when ${isCurrent} then ${asked.secretVersion}::int else secret_version end,
            idle_expires_at = case when ${isCurrent}
              then least(greatest(idle_expires_at, ${moment(asked.idleExpiresAt)}), absolute_expires_at)
              else idle_expires_at end,
            revoked_at = case when ${isHonest} then null else ${moment(at)} end,
            revoked_reason = case when ${isHonest} then null else 'replayed' end
          where id = ${asked.familyId} and client_id = ${asked.clientId} and revoked_at is null
            and least(idle_expires_at, absolute_expires_at) > ${moment(at)}
          returning *
        ),
        noted as (${noting(sql`
          select 'session', session_id, 0, ${moment(at)}, ${moment(deadBy(at))}
          from changed where revoked_at is not null`)})
        select changed.*, noted.number, noted.kind, noted.subject_id, noted.noted_at, noted.expires_at
        from changed left join noted on true`);
      const [row] = rows;
      if (!row) return null;
      return {
        family: decodeRow(refreshFamilies, row),
        noted: row["number"] === null ? null : notedEndOf(row),
      };
    },

    /** Ends one session of this account; nothing is noted when there was nothing to end. */
    endSession(sessionId: string, accountId: string, reason: FamilyEnd, at: Date): Promise<NotedEnd[]> {
      const which = sql`session_id = ${sessionId} and account_id = ${accountId}`;
      return endAndNote(which, reason, at, sessionRows(at));
    },

    endOthers(accountId: string, keptSessionId: string, reason: FamilyEnd, at: Date): Promise<NotedEnd[]> {
      const which = sql`account_id = ${accountId} and session_id <> ${keptSessionId}`;
      return endAndNote(which, reason, at, sessionRows(at));
    },

    /**
     * Everything of an account. The sessions are named as well as the subject: an access token that says an `iat` a
     * moment ahead, as those after an earlier revocation do, would outlive "everything issued before now".
     */
    endAll(accountId: string, reason: FamilyEnd, at: Date): Promise<NotedEnd[]> {
      const rows = sql`${sessionRows(at)} union all ${singleRow("subject", accountId, at, deadBy(at))}`;
      return endAndNote(sql`account_id = ${accountId}`, reason, at, rows);
    },

    /** Everything of a client; sessions are named for the same reason, but only those it can concern. */
    endOfClient(clientId: string, reason: FamilyEnd, at: Date): Promise<NotedEnd[]> {
      const isAhead = sql`tokens_from > ${moment(new Date(at.getTime() - 2000))}`;
      const rows = sql`${sessionRows(at, isAhead)} union all ${singleRow("client", clientId, at, deadBy(at))}`;
      return endAndNote(sql`client_id = ${clientId}`, reason, at, rows);
    },

    /** One access token. Nothing else of its session changes. */
    async noteToken(jti: string, at: Date, expiresAt: Date | null): Promise<NotedEnd[]> {
      const until = Math.min(expiresAt?.getTime() ?? Number.POSITIVE_INFINITY, deadBy(at).getTime());
      const row = singleRow("jti", jti, at, new Date(until));
      const { rows } = await database.execute<Record<string, unknown>>(noting(row));
      return rows.map(notedEndOf);
    },
  };
}

export type RefreshStore = ReturnType<typeof createRefreshStore>;

function notedEndOf(row: Record<string, unknown>): NotedEnd {
  const decoded = decodeRow(changeOutbox, row);
  return {
    kind: decoded.kind as NotedEnd["kind"],
    subjectId: decoded.subjectId,
    number: Number(decoded.number),
    notedAt: decoded.notedAt,
    expiresAt: decoded.expiresAt ?? decoded.notedAt,
  };
}
