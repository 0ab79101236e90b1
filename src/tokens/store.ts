import { type SQL, sql } from "drizzle-orm";
import type { PendingChange } from "../revocation/ending.ts";
import { changeOutbox, noteEndings, pendingOf } from "../revocation/tables.ts";
import { type Database, inOneTransaction } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import { type FamilyEnd, refreshFamilies } from "./tables.ts";

export type RefreshFamily = typeof refreshFamilies.$inferSelect;

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
  /** What is asked for; null: all that there is. A family that was granted less does not rotate. */
  readonly scopes: readonly string[] | null;
  readonly audience: string | null;
};

/** Of whom something is asked: the session of an account, or of a client's family. */
export type EndedSession =
  | { readonly sessionId: string; readonly accountId: string }
  | { readonly familyId: string; readonly clientId: string };

/** How far an `iat` may be ahead of the time of an ending that comes after it. */
const aheadMilliseconds = 5000;

export function createRefreshStore(database: Database) {
  /** `endings` selects from `ended` what the edges must be told of. */
  async function endAndNote(
    which: SQL,
    reason: FamilyEnd,
    at: Date,
    endings: SQL = endedSessions(),
  ): Promise<PendingChange[]> {
    const { rows } = await database.execute<Record<string, unknown>>(endingOf(which, reason, at, endings));
    return pendingOf(rows);
  }

  /**
   * A whole session. It is locked first, as whoever redeems a code locks it: so a grant that is coming to be is either
   * there when the second statement looks, and ends too, or finds its sign-in gone.
   */
  async function endSessionAndNote(
    session: SQL,
    isAsked: SQL,
    reason: FamilyEnd,
    at: Date,
  ): Promise<PendingChange[]> {
    const [, noted = []] = await inOneTransaction(database, [
      sql`select id from ${refreshFamilies} where session_id = ${session} and ${isAsked} for update`,
      endingOf(sql`${isOfSession(session)} and ${isAsked}`, reason, at, endedSessions()),
    ]);
    return pendingOf(noted);
  }

  const endingOf = (which: SQL, reason: FamilyEnd, at: Date, endings: SQL): SQL => sql`
      with ended as (
        update ${refreshFamilies} set revoked_at = ${moment(at)}, revoked_reason = ${reason}
        where ${which} and revoked_at is null and least(idle_expires_at, absolute_expires_at) > ${moment(at)}
        returning session_id, tokens_from, rotated_at
      ),
      noted as (${noteEndings(endings, at)})
      select * from noted order by number`;

  return {
    /**
     * The one step of a refresh. An `UPDATE` that waits for another one judges the row as that one left it, so of any
     * number at once one rotates. The others come too late by a moment, which is a retry; or too late, and then the
     * family ends, and the edges' note of it is written, in this same statement. Null: unknown, ended, or not of this client.
     */
    async present(asked: Presentation): Promise<{ family: RefreshFamily; noted: PendingChange[] } | null> {
      const { presentedHash: presented, at } = asked;
      const graceBegan = moment(new Date(at.getTime() - asked.graceMilliseconds));
      const isCurrent = sql`(current_hash = ${presented} and ${isGranted(asked)})`;
      const isHonest = sql`(current_hash = ${presented} or (previous_hash = ${presented} and rotated_at > ${graceBegan}))`;
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
            and least(idle_expires_at, absolute_expires_at) > ${moment(at)} and ${isSignInLive}
          returning *
        ),
        noted as (${noteEndings(sql`select 'session', session_id from changed where revoked_at is not null`, at)})
        select changed.*, noted.number, noted.kind, noted.subject_id, noted.noted_at, noted.expires_at
        from changed left join noted on true`);
      const [row] = rows;
      if (!row) return null;
      return {
        family: decodeRow(refreshFamilies, row),
        noted: row["number"] === null ? [] : pendingOf([row]),
      };
    },

    /** Ends one session of this account, and what applications had of it; nothing is noted when there was nothing to end. */
    endSession(sessionId: string, accountId: string, reason: FamilyEnd, at: Date): Promise<PendingChange[]> {
      return endSessionAndNote(sql`${sessionId}::text`, sql`account_id = ${accountId}`, reason, at);
    },

    /** Ends the family's whole session, and what applications had of it, when the family is this client's. */
    endFamily(familyId: string, clientId: string, reason: FamilyEnd, at: Date): Promise<PendingChange[]> {
      const session = sql`(
        select session_id from ${refreshFamilies} where id = ${familyId} and client_id = ${clientId})`;
      return endSessionAndNote(session, sql`true`, reason, at);
    },

    /** What ended these sessions when its answer was lost, and nobody told the edges of it. */
    async findUntold(which: EndedSession, at: Date): Promise<PendingChange[]> {
      const ofWhich =
        "familyId" in which
          ? sql`asked.id = ${which.familyId} and asked.client_id = ${which.clientId}`
          : sql`asked.session_id = ${which.sessionId} and asked.account_id = ${which.accountId}`;
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select number, kind, subject_id, noted_at, expires_at from ${changeOutbox}
        where announced_at is null and kind = 'session' and expires_at > ${moment(at)}
          and subject_id in (
            select ended.session_id from ${refreshFamilies} ended join ${refreshFamilies} asked
              on ended.session_id = asked.session_id or ended.sign_in_session_id = asked.session_id
            where ${ofWhich})
        order by number`);
      return pendingOf(rows);
    },

    endOthers(
      accountId: string,
      keptSessionId: string,
      reason: FamilyEnd,
      at: Date,
    ): Promise<PendingChange[]> {
      const isKept = sql`${keptSessionId} in (session_id, coalesce(sign_in_session_id, session_id))`;
      const isOffline = sql`(sign_in_session_id is not null and ${outlivesSession})`;
      return endAndNote(sql`account_id = ${accountId} and not ${isKept} and not ${isOffline}`, reason, at);
    },

    /** What one application has of one person, in every session. */
    endOfClientAt(
      accountId: string,
      clientId: string,
      reason: FamilyEnd,
      at: Date,
    ): Promise<PendingChange[]> {
      return endAndNote(sql`account_id = ${accountId} and client_id = ${clientId}`, reason, at);
    },

    /**
     * Everything of a client. Sessions are named as well, where their tokens may say an `iat` a moment ahead: such a token
     * would outlive "everything issued before now".
     */
    endOfClient(clientId: string, reason: FamilyEnd, at: Date): Promise<PendingChange[]> {
      const lately = moment(new Date(at.getTime() - aheadMilliseconds));
      const isAhead = sql`(tokens_from > ${lately} or rotated_at > ${lately})`;
      const endings = sql`${endedSessions(isAhead)} union all select 'client', ${clientId}`;
      return endAndNote(sql`client_id = ${clientId}`, reason, at, endings);
    },

    /** One access token. `expiresAt`: its own `exp`; null when that is not known. */
    async noteToken(jti: string, at: Date, expiresAt: Date | null): Promise<PendingChange[]> {
      const { rows } = await database.execute<Record<string, unknown>>(
        noteEndings(sql`select 'jti', ${jti}`, at, expiresAt ?? undefined),
      );
      return pendingOf(rows);
    },
  };
}

export type RefreshStore = ReturnType<typeof createRefreshStore>;

/** An application that was granted this goes on when the browser's session ends (OIDC Core §11). */
const outlivesSession = sql`'offline_access' = any(scopes)`;

/** The sign-in's own family, and what applications were granted from it and may not keep without it. */
const isOfSession = (session: SQL): SQL =>
  sql`(session_id = ${session} or (sign_in_session_id = ${session} and not ${outlivesSession}))`;

/** A grant that came to be while its session ended was not seen by that ending, and is as dead. */
const isSignInLive = sql`(sign_in_session_id is null or ${outlivesSession} or not exists (
  select 1 from ${refreshFamilies} signed_in
  where signed_in.session_id = ${refreshFamilies}.sign_in_session_id and signed_in.revoked_at is not null))`;

/** RFC 6749 §6: no scope that was not granted; RFC 8707 §2.2: no resource either. */
function isGranted({ scopes, audience }: Presentation): SQL {
  const isScope = scopes === null ? sql`true` : sql`${texts(scopes)} <@ scopes`;
  return audience === null
    ? isScope
    : sql`${isScope} and ${audience}::text = any(coalesce(resources, array[audience]))`;
}

const endedSessions = (which: SQL = sql`true`): SQL =>
  sql`select distinct 'session', session_id from ended where ${which}`;
