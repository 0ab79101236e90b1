import { type SQL, sql } from "drizzle-orm";
import type { PendingChange } from "../revocation/ending.ts";
import { noteEndings, pendingOf } from "../revocation/tables.ts";
import { type Database, inOneTransaction, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import { type FamilyEnd, identityScopes, refreshFamilies } from "../tokens/tables.ts";
import type { LinkPurpose } from "./account.ts";
import { isLive } from "./links.store.ts";
import type { AccountRow } from "./store.ts";
import { accounts, mailLinks } from "./tables.ts";

/** What a change left behind, what was there before it, and what the edges must be told. */
export type Changed = {
  readonly row: AccountRow;
  readonly emailBefore: string;
  readonly endings: readonly PendingChange[];
};

/** What must be true in the statement that changes something, as the store of another room has it. */
export type Condition = SQL;

/**
 * Sessions that go on cannot be named. A refresh that was faster than the lock, or another clock, may have given them a
 * token of after `at`: so what ends is what was issued until a moment later, and what comes after says an `iat` as late.
 */
const aheadMilliseconds = 5000;

/** The columns of every change that ends sessions. */
const endsAll = (at: Date): SQL =>
  sql`version = a.version + 1, updated_at = ${moment(at)},
    revoked_before = greatest(a.revoked_before, ${moment(at)})`;

/**
 * Changes of an account with all that they end, in one transaction: the row, its refresh families, its links, and the
 * note for the edges. The account's row is locked first. Whoever begins a session writes to that row too, so a session
 * is either seen and ended here, or finds another version and never begins.
 */
export function createChangeStore(database: Database) {
  const byId = (id: string): SQL => sql`select id from ${accounts} where id = ${id} for update`;
  const byLink = (secretHash: string): SQL => sql`
    select a.id from ${accounts} a join ${mailLinks} l on l.account_id = a.id
    where l.secret_hash = ${secretHash} for update of a`;

  /** `changed`: CTEs of which one is `changed`, rows of accounts; `ending`: the CTEs `ended` and `noted`. */
  async function change(lock: SQL, changed: SQL, ending: SQL): Promise<Changed | null> {
    const [, rows] = await inOneTransaction(database, [
      lock,
      sql`with ${changed}, ${ending}
        select changed.*, before.email as email_before, (select json_agg(noted) from noted) as noted
        from changed join ${accounts} before on before.id = changed.id`,
    ]);
    const row = rows?.[0];
    return row ? changedOf(row) : null;
  }

  /** The sessions are named too: a token that says an `iat` a moment ahead would outlive "everything issued before now". */
  const everything = sql`
    select distinct 'session', session_id from ended union all select 'subject', id from changed`;

  const andKeys = sql` union all select 'person', id from changed`;

  /** Everything of the account that was issued before. */
  const endEverything = (reason: FamilyEnd, at: Date, more: SQL = sql``): SQL => sql`
    ended as (
      update ${refreshFamilies} f set revoked_at = ${moment(at)}, revoked_reason = ${reason}
      from changed where f.account_id = changed.id and f.revoked_at is null returning f.session_id
    ),
    noted as (${noteEndings(sql`${everything}${more}`, at)})`;

  /** A recovery that was asked for under the old password, or at the old address, is over. */
  const endLinks = sql`
    unlinked as (
      delete from ${mailLinks} l using changed
      where l.account_id = changed.id and l.used_at is null
        and not exists (select 1 from used where used.id = l.id)
    )`;
  const nothingUsed = sql`used as (select id from ${mailLinks} where false)`;

  const use = (
    secretHash: string,
    purposes: readonly LinkPurpose[],
    at: Date,
    condition: SQL = sql`true`,
  ): SQL => sql`
    used as (
      update ${mailLinks} l set used_at = ${moment(at)}
      where ${isLive(secretHash, purposes, at)} and ${condition} returning l.*
    )`;

  return {
    /** A registration's link is used up and the account is there, in one statement; null: no such link, or somebody was faster. */
    async register(secretHash: string, accountId: string, at: Date): Promise<AccountRow | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        with ${use(secretHash, ["register"], at)}
        insert into ${accounts} (id, email, email_canonical, password_hash, password_changed_at, scopes, state,
          created_at, updated_at)
        select ${accountId}, email, email_canonical, password_hash,
          case when password_hash is not null then ${moment(at)} end, '{}', 'active', ${moment(at)},
          ${moment(at)} from used
        on conflict (email_canonical) do nothing
        returning *`);
      return rows[0] ? decodeRow(accounts, rows[0]) : null;
    },

    /** Null: no such link, or the address was taken meanwhile. */
    async moveAddress(secretHash: string, at: Date): Promise<Changed | null> {
      try {
        return await change(
          byLink(secretHash),
          sql`${use(secretHash, ["change-address"], at)},
            changed as (
              update ${accounts} a set email = used.email, email_canonical = used.email_canonical, ${endsAll(at)}
              from used where a.id = used.account_id and a.state = 'active' returning a.*
            ), ${endLinks}`,
          endEverything("address_changed", at),
        );
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },

    /** Null: no such link, or the account is not what it was sent to. */
    recover: (secretHash: string, passwordHash: string, at: Date): Promise<Changed | null> =>
      change(
        byLink(secretHash),
        sql`${use(secretHash, ["recover"], at)},
          changed as (
            update ${accounts} a set password_hash = ${passwordHash}, password_changed_at = ${moment(at)}, ${endsAll(at)}
            from used where a.id = used.account_id and a.state = 'active' and a.email_canonical = used.email_canonical
            returning a.*
          ), ${endLinks}`,
        endEverything("by_recovery", at),
      ),

    /** The password stays what it is, which is none; while there is one the link is not used up here. */
    openByMail: (secretHash: string, at: Date): Promise<Changed | null> =>
      change(
        byLink(secretHash),
        sql`${use(secretHash, ["recover"], at, hasNoPassword)},
          changed as (
            update ${accounts} a set ${endsAll(at)}
            from used where a.id = used.account_id returning a.*
          ), ${endLinks}`,
        endEverything("by_recovery", at),
      ),

    /** The first one; nothing ends by it. Null: there is one already. */
    addPassword: (id: string, passwordHash: string, at: Date): Promise<Changed | null> =>
      change(
        byId(id),
        sql`${nothingUsed},
          changed as (
            update ${accounts} a set password_hash = ${passwordHash}, password_changed_at = ${moment(at)},
              version = a.version + 1, updated_at = ${moment(at)}
            where a.id = ${id} and a.password_hash is null and a.state = 'active' returning a.*
          ), ${endLinks}`,
        sql`noted as (${noteEndings(sql`select 'session', id from changed where false`, at)})`,
      ),

    /** Every session but one ends. Null: the password is no longer the one that was checked, or `condition` is not true. */
    changePassword: (
      id: string,
      hashes: { old: string; next: string | null },
      keepSessionId: string | null,
      at: Date,
      condition: Condition = sql`true`,
    ): Promise<Changed | null> =>
      change(
        byId(id),
        sql`${nothingUsed},
          changed as (
            update ${accounts} a set password_hash = ${hashes.next}::text,
              password_changed_at = ${hashes.next === null ? sql`null` : moment(at)},
              version = a.version + 1, updated_at = ${moment(at)}
            where a.id = ${id} and a.password_hash = ${hashes.old} and a.state = 'active' and ${condition} returning a.*
          ), ${endLinks}`,
        sql`ended as (
            update ${refreshFamilies} f set revoked_at = ${moment(at)}, revoked_reason = 'password_changed'
            from changed where f.account_id = changed.id and f.revoked_at is null
              and f.session_id is distinct from ${keepSessionId}::text
              and (f.sign_in_session_id is null or f.sign_in_session_id is distinct from ${keepSessionId}::text)
            returning f.session_id
          ),
          noted as (${noteEndings(sql`select distinct 'session', session_id from ended`, at)})`,
      ),

    disable: (id: string, at: Date): Promise<Changed | null> =>
      change(
        byId(id),
        sql`${nothingUsed},
          changed as (
            update ${accounts} a set state = 'disabled', ${endsAll(at)}
            where a.id = ${id} and a.state = 'active' returning a.*
          ), ${endLinks}`,
        endEverything("account_disabled", at, andKeys),
      ),

    /** The row stays for the audit's sake; who it was is wiped. */
    delete: (id: string, reason: "by_person" | "by_operator", at: Date): Promise<Changed | null> =>
      change(
        byId(id),
        sql`changed as (
            update ${accounts} a set state = 'deleted', email = '', email_canonical = 'deleted:' || a.id,
              password_hash = null, scopes = '{}', factor_kinds = '{}', ${endsAll(at)}
            where a.id = ${id} and a.state <> 'deleted' returning a.*
          ),
          unlinked as (
            delete from ${mailLinks} l using changed where l.account_id = changed.id
          )`,
        endEverything(reason, at, andKeys),
      ),

    /**
     * What is taken away is taken from living tokens too: everything of before ends, families go on with what is left.
     * First-party families follow the account; an application keeps at most what it was granted, and what is no right
     * at an API is no operator's to take.
     */
    setScopes: (id: string, scopes: readonly string[], at: Date): Promise<Changed | null> => {
      const from = new Date(at.getTime() + aheadMilliseconds);
      return change(
        byId(id),
        sql`changed as (
            update ${accounts} a set scopes = ${texts(scopes)}, version = a.version + 1, updated_at = ${moment(at)},
              revoked_before = case when a.scopes <@ ${texts(scopes)} then a.revoked_before else ${moment(from)} end
            where a.id = ${id} and a.state <> 'deleted' returning a.*
          )`,
        sql`narrowed as (
            select changed.id from changed join ${accounts} was on was.id = changed.id
            where not (was.scopes <@ changed.scopes)
          ),
          ended as (
            update ${refreshFamilies} f set
              scopes = case when f.client_id = 'first-party' then changed.scopes
                else array(select unnest(f.scopes) intersect
                  (select unnest(changed.scopes) union select unnest(${texts(identityScopes)}))) end,
              tokens_from = case when exists (select 1 from narrowed) then ${moment(from)} else f.tokens_from end
            from changed where f.account_id = changed.id and f.revoked_at is null
          ),
          noted as (${noteEndings(sql`select 'subject', id from narrowed`, from)})`,
      );
    },

    /** What was ended stays so; the keys it owns open doors again. */
    enable: (id: string, at: Date): Promise<Changed | null> =>
      change(
        byId(id),
        sql`changed as (
            update ${accounts} a set state = 'active', updated_at = ${moment(at)}
            where a.id = ${id} and a.state = 'disabled' returning a.*
          )`,
        sql`noted as (${noteEndings(sql`select 'person', id from changed`, at)})`,
      ),
  };
}

export type ChangeStore = ReturnType<typeof createChangeStore>;

function changedOf(row: Record<string, unknown>): Changed {
  const noted = (row["noted"] ?? []) as Record<string, unknown>[];
  return {
    row: decodeRow(accounts, row),
    emailBefore: String(row["email_before"]),
    endings: pendingOf(noted),
  };
}

const hasNoPassword = sql`exists (select 1 from ${accounts} a
  where a.id = l.account_id and a.password_hash is null and a.state = 'active' and a.email_canonical = l.email_canonical)`;
