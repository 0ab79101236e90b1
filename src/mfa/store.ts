import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import { type Database, inOneTransaction, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { attemptsMax, freeAttempts, type Lanes, recoveryWaitSeconds, waitSeconds } from "./attempts.ts";
import { changing, isActive, isAt, lock, noteKinds } from "./changing.store.ts";
import type { Use } from "./factor.ts";
import { type Challenge, type Given, kept, proofOf, spendOf } from "./proof.store.ts";
import { confirmedOf, insertOf, ofOwner, ownerOf, rowsOf } from "./rows.store.ts";
import { factorAttempts, factors, rememberedDevices, spentChallenges } from "./tables.ts";
import { isLastWayIn, waysInBesidePassword } from "./ways-in.store.ts";

const dayMs = 86_400_000;

export type FactorRow = typeof factors.$inferSelect;
export type NewFactor = typeof factors.$inferInsert;

/** Whose factors these are, as far as a proof concerns it. */
export type Owner = {
  readonly id: string;
  readonly version: number;
  readonly email: string;
  readonly emailCanonical: string;
  readonly scopes: readonly string[];
  readonly revokedBefore: Date | null;
  readonly lastSignedInAt: Date | null;
};

export type Taken =
  | { readonly ok: true; readonly failed: number; readonly owner: Owner; readonly rows: readonly FactorRow[] }
  | { readonly ok: false; readonly reason: "no_account" }
  | { readonly ok: false; readonly reason: "waiting"; readonly blockedUntil: Date }
  | { readonly ok: false; readonly reason: "closed" };

export function createFactorStore(database: Database) {
  return {
    /**
     * Counts a guess and reads what it is to be checked against, in one statement: of any number at once, in whichever
     * isolate, no more are let through than the count allows. A right one takes its count back when it is used.
     */
    async take(
      accountId: string,
      { own, otherwise }: Lanes,
      { isClosable, at }: { readonly isClosable: boolean; readonly at: Date },
    ): Promise<Taken> {
      const seconds = isClosable ? waitSeconds : recoveryWaitSeconds;
      const waits = sql.raw(`(array[${seconds.join(",")}])`);
      const counted = sql`tried.failed + 1`;
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        with chosen as (
          select case when exists (
            select 1 from ${factorAttempts} where account_id = ${accountId} and lane = ${own}
          ) then ${own}::text else ${otherwise}::text end as lane
        ), taken as (
          insert into ${factorAttempts} as tried (account_id, lane, failed, blocked_until, last_at)
          select account.id, chosen.lane, 1, null::timestamptz, ${moment(at)} from ${accounts} account, chosen
          where account.id = ${accountId} and account.state = 'active'
          on conflict (account_id, lane) do update set failed = ${counted}, last_at = ${moment(at)},
            blocked_until = case when ${counted} <= ${freeAttempts}::int then null
              else ${moment(at)} + make_interval(secs => ${waits}[least(${counted} - ${freeAttempts}::int, ${seconds.length}::int)]) end
          where (tried.blocked_until is null or tried.blocked_until <= ${moment(at)})
            and (tried.failed < ${attemptsMax}::int or not ${isClosable}::boolean)
          returning failed
        )
        select (select failed from taken) as failed, before.failed as failed_before, before.blocked_until, ${ofOwner},
          ${confirmedOf}
        from ${accounts} account cross join chosen
        left join ${factorAttempts} before on before.account_id = account.id and before.lane = chosen.lane
        where account.id = ${accountId} and account.state = 'active'`);
      const [row] = rows;
      if (!row) return { ok: false, reason: "no_account" };
      if (row["failed"] === null) {
        const { blockedUntil } = decodeRow(factorAttempts, row);
        if (isClosable && Number(row["failed_before"]) >= attemptsMax) return { ok: false, reason: "closed" };
        // Another guess was counted a moment ago, perhaps, and its wait is not seen yet: ask again.
        const isSeen = blockedUntil !== null && blockedUntil > at;
        return {
          ok: false,
          reason: "waiting",
          blockedUntil: isSeen ? blockedUntil : new Date(at.getTime() + 1000),
        };
      }
      return { ok: true, failed: Number(row["failed"]), owner: ownerOf(row), rows: rowsOf(row["rows"]) };
    },

    /** What a proof is checked against that nobody can guess. */
    async findOf(accountId: string): Promise<Taken> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select ${ofOwner}, ${confirmedOf} from ${accounts} account
        where account.id = ${accountId} and account.state = 'active'`);
      const [row] = rows;
      return row
        ? { ok: true, failed: 0, owner: ownerOf(row), rows: rowsOf(row["rows"]) }
        : { ok: false, reason: "no_account" };
    },

    /** A passkey says itself whose it is. */
    async findByCredential(credentialId: string): Promise<{ owner: Owner; row: FactorRow } | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select ${ofOwner}, json_build_array(row_to_json(f)) as rows
        from ${factors} f join ${accounts} account on account.id = f.account_id
        where f.credential_id = ${credentialId} and f.confirmed_at is not null and account.state = 'active'`);
      const [row] = rows;
      const [found] = row ? rowsOf(row["rows"]) : [];
      return row && found ? { owner: ownerOf(row), row: found } : null;
    },

    async list(accountId: string): Promise<FactorRow[]> {
      const { rows } = await database.execute<Record<string, unknown>>(
        sql`select * from ${factors} where ${kept(accountId)} order by created_at, id`,
      );
      return rows.map((row) => decodeRow(factors, row));
    },

    async findPending(id: string, accountId: string, madeAfter: Date): Promise<FactorRow | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select * from ${factors} where id = ${id} and account_id = ${accountId} and confirmed_at is null
          and created_at > ${moment(madeAfter)}`);
      return rows[0] ? decodeRow(factors, rows[0]) : null;
    },

    /** Begun anew: what was begun before and never confirmed is gone. */
    async begin(row: NewFactor): Promise<void> {
      await inOneTransaction(database, [
        sql`delete from ${factors} where account_id = ${row.accountId} and kind = ${row.kind} and confirmed_at is null`,
        insertOf(row, isActive(row.accountId)),
      ]);
    },

    /**
     * The code that confirms counts as its first use. A new application takes the place of the old one, and what was
     * closed for too many wrong guesses is open again. False: it was confirmed, replaced or removed meanwhile, or the account
     * changed.
     */
    async confirmTotp(
      id: string,
      { accountId, version, step, at }: { accountId: string; version: number; step: number; at: Date },
    ): Promise<boolean> {
      const isPending = sql`exists (select 1 from ${factors} where id = ${id} and account_id = ${accountId} and confirmed_at is null)`;
      const [, , confirmed = []] = await inOneTransaction(database, [
        lock(accountId),
        sql`delete from ${factors} where ${kept(accountId)} and kind = 'totp' and ${isPending} and ${isAt(accountId, version)}`,
        changing(
          accountId,
          at,
          sql`update ${factors} set confirmed_at = ${moment(at)}, counter = ${step}::bigint
            where id = ${id} and account_id = ${accountId} and confirmed_at is null and ${isAt(accountId, version)} returning id`,
        ),
        sql`delete from ${factorAttempts} where account_id = ${accountId} and exists (
              select 1 from ${factors} where id = ${id} and confirmed_at = ${moment(at)})`,
        noteKinds(accountId),
      ]);
      return confirmed.length === 1;
    },

    /**
     * Null when it was added. `wrong_passkey`: the credential is bound already, here or to somebody else (WebAuthn §7.1).
     * `replayed`: its challenge is spent, or the account changed meanwhile.
     */
    async addPasskey(
      row: NewFactor,
      { version, challenge, at }: { version: number; challenge: Challenge; at: Date },
    ): Promise<"wrong_passkey" | "replayed" | null> {
      try {
        const [, added = []] = await inOneTransaction(database, [
          lock(row.accountId),
          changing(
            row.accountId,
            at,
            sql`${insertOf(row, sql`exists (select 1 from spent)`)} returning id`,
            sql`spent as (${spendOf(challenge, isAt(row.accountId, version))}),`,
          ),
          noteKinds(row.accountId),
        ]);
        return added.length === 1 ? null : "replayed";
      } catch (error) {
        if (isUniqueViolation(error)) return "wrong_passkey";
        throw error;
      }
    },

    /** A new set takes the place of the old one. False: there is nothing that it would stand in for. */
    async replaceRecoveryCodes(row: NewFactor): Promise<boolean> {
      const { accountId } = row;
      const isNeeded = sql`exists (select 1 from ${factors} where ${kept(accountId)} and kind <> 'recovery-codes')`;
      const [, , , made = []] = await inOneTransaction(database, [
        lock(accountId),
        sql`delete from ${factors} where account_id = ${accountId} and kind = 'recovery-codes'`,
        // Who makes new codes begins anew; the account's version, which forgets devices elsewhere, stays as it is here.
        sql`delete from ${rememberedDevices} where account_id = ${accountId}`,
        sql`${insertOf(row, sql`${isActive(accountId)} and ${isNeeded}`)} returning id`,
      ]);
      return made.length === 1;
    },

    async rename(id: string, accountId: string, name: string): Promise<boolean> {
      const { rows } = await database.execute(
        sql`update ${factors} set name = ${name} where id = ${id} and ${kept(accountId)} returning id`,
      );
      return rows.length === 1;
    },

    /**
     * A telephone and recovery codes go with the last app or passkey, in whose place they stand; what went besides recovery
     * codes is told. Empty: there is no such factor. `last_way_in`: nothing else would open the account.
     */
    async remove(id: string, accountId: string, at: Date): Promise<readonly FactorRow[] | "last_way_in"> {
      const isLast = isLastWayIn(id, accountId);
      const [, last = [], removed = [], along = []] = await inOneTransaction(database, [
        lock(accountId),
        sql`select 1 from ${factors} where id = ${id} and ${kept(accountId)} and ${isLast}`,
        changing(
          accountId,
          at,
          sql`delete from ${factors} where id = ${id} and ${kept(accountId)} and not ${isLast} returning *`,
        ),
        sql`delete from ${factors} where account_id = ${accountId} and kind in ('sms', 'recovery-codes') and not exists (
              select 1 from ${factors} where ${kept(accountId)} and kind in ('totp', 'passkey'))
            returning *`,
        noteKinds(accountId),
      ]);
      if (last.length > 0) return "last_way_in";
      if (removed.length === 0) return [];
      const told = along.filter(({ kind, confirmed_at }) => kind === "sms" && confirmed_at !== null);
      return [...removed, ...told].map((row) => decodeRow(factors, row));
    },

    /** Everything of an account: by an operator for who lost all of it, and after the account itself. Those that counted. */
    async removeAll(accountId: string, at: Date): Promise<FactorRow[]> {
      const [, removed = []] = await inOneTransaction(database, [
        lock(accountId),
        changing(accountId, at, sql`delete from ${factors} where account_id = ${accountId} returning *`),
        sql`delete from ${factorAttempts} where account_id = ${accountId}`,
        sql`delete from ${rememberedDevices} where account_id = ${accountId}`,
        noteKinds(accountId),
      ]);
      return removed.filter((row) => row["confirmed_at"] !== null).map((row) => decodeRow(factors, row));
    },

    waysInBesidePassword,

    /** For the statement that begins a session: the proof is used there, once, or nothing begins. */
    proofOf,

    /** The same where nothing else is to be done in its statement: what was proved leads on, and begins nothing yet. */
    async spend(use: Use, given: Given, version: number): Promise<boolean> {
      const held = sql`select id from ${accounts}
        where id = ${given.accountId} and version = ${version}::int and state = 'active' for update`;
      const steps = proofOf(use, given).map(({ name, step }) => sql`, ${sql.identifier(name)} as (${step})`);
      const { rows } = await database.execute(
        sql`with held as materialized (${held})${sql.join(steps)} select 1 from proof`,
      );
      return rows.length === 1;
    },

    /**
     * For the cron trigger. What is set up and never confirmed, and what an account that was deleted left behind because
     * a store failed just then. Rows that somebody holds are left for the next minute: nobody waits for a sweep.
     */
    async sweep(at: Date): Promise<void> {
      const before = (milliseconds: number): SQL => moment(new Date(at.getTime() - milliseconds));
      const deleted = sql`select id from ${accounts} where state = 'deleted' and updated_at > ${before(30 * dayMs)}`;
      await inOneTransaction(database, [
        sql`delete from ${spentChallenges} where expires_at < ${moment(at)}`,
        sql`delete from ${factors} where id in (
              select id from ${factors} where (confirmed_at is null and created_at < ${before(dayMs)})
                or account_id in (${deleted}) for update skip locked)`,
        sql`delete from ${factorAttempts} where account_id in (${deleted})`,
        sql`delete from ${rememberedDevices} where account_id in (${deleted})`,
      ]);
    },
  };
}

export type FactorStore = ReturnType<typeof createFactorStore>;
