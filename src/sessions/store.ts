import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import type { PendingChange } from "../revocation/ending.ts";
import { noteEndings, pendingOf } from "../revocation/tables.ts";
import { type Database, inOneTransaction } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import { type FamilyEnd, refreshFamilies } from "../tokens/tables.ts";
import type { LiveSession, SessionShown } from "./session.ts";
import { sessions } from "./tables.ts";

export type NewSession = Omit<typeof sessions.$inferInsert, "familyId">;
export type NewFamily = typeof refreshFamilies.$inferInsert;
type Noted = Record<string, unknown>;

/**
 * What proves something once: steps of the statement that begins the session, in order. The one named `proof` gives a row
 * when it took effect, and nothing begins without it. Made by the store of whoever keeps the proof. A step that changes
 * something does so only where `held` gives a row: that locks the account first, as every change of an account does, so
 * that no two of them wait for each other.
 */
export type AtomicProof = readonly { readonly name: string; readonly step: SQL }[];

/**
 * `superseded`: the account, or the session to be taken further, is not as it was when it was looked at, so what was proved
 * then proves nothing now. `replayed`: somebody used the same proof a moment before.
 */
export type Begun =
  | { readonly ok: true; readonly ended: readonly PendingChange[] }
  | { readonly ok: false; readonly reason: "superseded" | "replayed" };

export function createSessionStore(database: Database) {
  return {
    /**
     * One statement: the account is still as it was when the proof was checked, the browser's earlier session ends, the
     * new one and its refresh family are born. Both or neither, and no session for a password that was just changed.
     */
    async begin(input: {
      session: NewSession;
      family: NewFamily;
      accountVersion: number;
      /** The browser's earlier session, by its cookie; or the one that a stronger proof takes further. */
      previous: { readonly secretHash: string | null; readonly sessionId: string | null };
      proof: AtomicProof;
      at: Date;
    }): Promise<Begun> {
      const { session, family, previous, proof, at } = input;
      const steps = proof.map(({ name, step }) => sql`${sql.identifier(name)} as (${step}), `);
      // What was ended meanwhile is not brought back by a proof that takes it further, nor taken further twice.
      const isRaised = sql`(${previous.sessionId}::text is null
        or exists (select 1 from ended where session_id = ${previous.sessionId}))`;
      const isProved = sql`exists (select 1 from ${sql.identifier(proof.length === 0 ? "held" : "proof")})`;
      type Row = { began: string | null; replayed: boolean; noted: Noted[] | null };
      const { rows } = await database.execute<Row>(sql`
        with held as materialized (
          select id from ${accounts}
          where id = ${session.accountId} and version = ${input.accountVersion} and state = 'active' for update
        ), ${sql.join(steps)} proved as (
          update ${accounts} set last_signed_in_at = ${moment(at)}
          where id = ${session.accountId} and version = ${input.accountVersion} and state = 'active' and ${isProved}
          returning id
        ), ended as (
          update ${refreshFamilies} set revoked_at = ${moment(at)}, revoked_reason = 'superseded'
          where revoked_at is null and least(idle_expires_at, absolute_expires_at) > ${moment(at)}
            and exists (select 1 from proved) and session_id in (
            select id from ${sessions} where secret_hash = ${previous.secretHash}::text
              or (id = ${previous.sessionId}::text and account_id = ${session.accountId}))
          returning session_id
        ), carried as (${carryGrants(session, isRaised, at)}), noted as (${noteEndings(endedOrGiven, at)}), family as (
          insert into ${refreshFamilies} (id, session_id, account_id, client_id, audience, scopes, auth_time, acr, amr,
            current_hash, generation, rotated_at, secret_version, tokens_from, created_at, idle_expires_at,
            absolute_expires_at)
          select ${family.id}, ${family.sessionId}, ${family.accountId}, ${family.clientId}, ${family.audience},
            ${texts(family.scopes)}, ${moment(family.authTime)}, ${family.acr}, ${texts(family.amr)},
            ${family.currentHash}, ${family.generation}::integer, ${moment(family.rotatedAt)},
            ${family.secretVersion}::integer, ${moment(family.tokensFrom ?? null)}, ${moment(family.createdAt)},
            ${moment(family.idleExpiresAt)}, ${moment(family.absoluteExpiresAt)}
          from proved where ${isRaised}
        ), began as (
          insert into ${sessions} (id, family_id, account_id, kind, secret_hash, created_at, last_seen_at,
            idle_expires_at, absolute_expires_at, user_agent, address, city, country)
          select ${session.id}, ${family.id}, ${session.accountId}, ${session.kind}, ${session.secretHash}::text,
            ${moment(session.createdAt)}, ${moment(session.lastSeenAt)}, ${moment(session.idleExpiresAt)},
            ${moment(session.absoluteExpiresAt)}, ${session.userAgent}, ${session.address}, ${session.city}::text,
            ${session.country}::text
          from proved where ${isRaised} returning id
        )
        select (select id from began) as began, (select json_agg(noted) from noted) as noted,
          exists (select 1 from held) and not ${isProved} as replayed`);
      const [row] = rows;
      if (!row?.began) return { ok: false, reason: row?.replayed ? "replayed" : "superseded" };
      return { ok: true, ended: pendingOf(row.noted ?? []) };
    },

    /**
     * Everything of an account, its access tokens issued before now included. The account is changed first, so that a
     * sign-in under way has either begun, and is ended here, or finds the account no longer as it was. The sessions are
     * named as well as the subject: an access token that says an `iat` a moment ahead, as those after an earlier
     * revocation or from another clock do, would outlive "everything issued before now".
     */
    async endAll(accountId: string, reason: FamilyEnd, at: Date): Promise<PendingChange[]> {
      const [, noted = []] = await inOneTransaction(database, [
        sql`update ${accounts} set revoked_before = greatest(revoked_before, ${moment(at)}), version = version + 1,
              updated_at = ${moment(at)}
            where id = ${accountId}`,
        sql`with ended as (
              update ${refreshFamilies} set revoked_at = ${moment(at)}, revoked_reason = ${reason}
              where account_id = ${accountId} and revoked_at is null returning session_id
            ), noted as (${noteEndings(sql`${endedSessions} union all select 'subject', ${accountId}`, at)})
            select * from noted order by number`,
      ]);
      return pendingOf(noted);
    },

    /** Who is behind a cookie, if anybody still is. One read, by the unique hash. */
    async find(secretHash: string, at: Date): Promise<LiveSession | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select ${shown}, account.email, account.scopes as account_scopes, account.version, account.factor_kinds,
          account.password_hash is not null as has_password
        from ${sessions} session
        join ${refreshFamilies} family on family.id = session.family_id
        join ${accounts} account on account.id = session.account_id
        where session.secret_hash = ${secretHash} and account.state = 'active' and ${isLive(at)}`);
      const [row] = rows;
      if (!row) return null;
      return {
        ...shownOf(row),
        accountId: String(row["account_id"]),
        email: String(row["email"]),
        ...ofAccount(row),
      };
    },

    /** The live sessions of an account, newest first. */
    async list(accountId: string, at: Date, limit: number): Promise<SessionShown[]> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select ${shown} from ${sessions} session
        join ${refreshFamilies} family on family.id = session.family_id
        where session.account_id = ${accountId} and ${isLive(at)}
        order by session.created_at desc, session.id desc limit ${limit}`);
      return rows.map(shownOf);
    },

    /** Behind an answer: a session that is used goes on. Never past its absolute end, never backwards. */
    async touch(id: string, at: Date, idleExpiresAt: Date): Promise<void> {
      await database.execute(sql`
        with touched as (
          update ${sessions} set last_seen_at = greatest(last_seen_at, ${moment(at)}),
            idle_expires_at = greatest(idle_expires_at, least(absolute_expires_at, ${moment(idleExpiresAt)}))
          where id = ${id} returning family_id
        )
        update ${refreshFamilies} family set
          idle_expires_at = greatest(idle_expires_at, least(absolute_expires_at, ${moment(idleExpiresAt)}))
        from touched where family.id = touched.family_id and revoked_at is null`);
    },

    /**
     * What ended long ago is of no use to anybody, nor is where a person was who is gone: whoever was deleted before
     * `deletedSince` has no session left that has not ended long ago. Families go by their own end. Lateral, or Postgres
     * reads every session that there is to find the few of the deleted.
     */
    async sweep(endedBefore: Date, deletedSince: Date, limit: number): Promise<number> {
      const { rows } = await database.execute<{ swept: number }>(sql`
        with dead as (
          delete from ${sessions} where id in (
            (select id from ${sessions} where absolute_expires_at < ${moment(endedBefore)} limit ${limit})
            union all
            (select session.id from ${accounts} account cross join lateral
               (select id from ${sessions} where account_id = account.id limit ${limit}) session
             where account.state = 'deleted' and account.updated_at >= ${moment(deletedSince)} limit ${limit}))
          returning id
        ), families as (
          delete from ${refreshFamilies} where id in (
            select id from ${refreshFamilies} where absolute_expires_at < ${moment(endedBefore)} limit ${limit})
          returning id
        )
        select (select count(*) from dead)::integer as swept`);
      return Number(rows[0]?.swept ?? 0);
    },
  };
}

export type SessionStore = ReturnType<typeof createSessionStore>;
const ofAccount = (row: Record<string, unknown>) => {
  const { scopes, version, factorKinds } = decodeRow(accounts, { ...row, scopes: row["account_scopes"] });
  return { scopes, version, factorKinds, hasPassword: row["has_password"] === true };
};

/**
 * What applications were granted in a session that gives way to another: it goes on with the same person's new one, as
 * after a stronger proof, and ends with anybody else's, unless it may outlive its session (OIDC Core §11).
 */
const carryGrants = (next: Pick<NewSession, "id" | "accountId">, isBorn: SQL, at: Date): SQL => sql`
  update ${refreshFamilies} granted set
    sign_in_session_id = case when granted.account_id = ${next.accountId} then ${next.id} else sign_in_session_id end,
    revoked_at = case when granted.account_id = ${next.accountId} then null else ${moment(at)} end,
    revoked_reason = case when granted.account_id = ${next.accountId} then null else 'superseded' end
  from ended where granted.sign_in_session_id = ended.session_id and granted.revoked_at is null and ${isBorn}
    and (granted.account_id = ${next.accountId} or not 'offline_access' = any(granted.scopes))
  returning granted.session_id, granted.revoked_at`;

const endedOrGiven = sql`select distinct 'session', session_id from (
  select session_id from ended union all select session_id from carried where revoked_at is not null) as over`;

const endedSessions = sql`select distinct 'session', session_id from ended`;

/** A session is used by its pages or by its refresh tokens: whichever was later counts. */
const shown = sql`session.id, session.account_id, session.kind, session.created_at,
  greatest(session.last_seen_at, family.rotated_at) as last_seen_at, session.absolute_expires_at, session.user_agent,
  session.address, session.city, session.country, family.acr, family.amr, family.auth_time`;

const isLive = (at: Date): SQL =>
  sql`family.revoked_at is null and session.absolute_expires_at > ${moment(at)}
    and greatest(session.idle_expires_at, family.idle_expires_at) > ${moment(at)}`;

function shownOf(row: Record<string, unknown>): SessionShown {
  const session = decodeRow(sessions, row);
  const family = decodeRow(refreshFamilies, row);
  return {
    id: session.id,
    kind: session.kind,
    userAgent: session.userAgent,
    address: session.address,
    city: session.city,
    country: session.country,
    acr: family.acr,
    amr: family.amr,
    authTime: family.authTime,
    createdAt: session.createdAt,
    lastSeenAt: session.lastSeenAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
  };
}
