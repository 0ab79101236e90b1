import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import { type Database, inOneTransaction, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { attemptsMax, freeAttempts, type Lanes, recoveryWaitSeconds, waitSeconds } from "./attempts.ts";
import type { Use } from "./factor.ts";
import { type Challenge, type Given, kept, moment, proofOf, spendOf } from "./proof.store.ts";
import { factorAttempts, factors, spentChallenges } from "./tables.ts";
import { isLastWayIn, waysInBesidePassword } from "./ways-in.store.ts";

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
  /** The account's own note of what it has, after a change of its rows. Proofs that were under way prove nothing now. */
  const noteKinds = (accountId: string, at: Date, condition: SQL = sql`true`): SQL => sql`
    update ${accounts} set version = version + 1, updated_at = ${moment(at)}, factor_kinds = array(
      select distinct kind from ${factors} where ${kept(accountId)} and kind <> 'recovery-codes' order by kind)
    where id = ${accountId} and ${condition}`;

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
        insertOf(row),
      ]);
    },

    /**
     * The code that confirms counts as its first use. A new application takes the place of the old one, and what was
     * closed for too many wrong guesses is open again. False: it was confirmed, replaced or removed meanwhile.
     */
    async confirmTotp(id: string, accountId: string, step: number, at: Date): Promise<boolean> {
      const isPending = sql`exists (select 1 from ${factors} where id = ${id} and account_id = ${accountId} and confirmed_at is null)`;
      const [, , confirmed = []] = await inOneTransaction(database, [
        sql`select 1 from ${accounts} where id = ${accountId} for update`,
        sql`delete from ${factors} where ${kept(accountId)} and kind = 'totp' and ${isPending}`,
        sql`update ${factors} set confirmed_at = ${moment(at)}, counter = ${step}::bigint
            where id = ${id} and account_id = ${accountId} and confirmed_at is null returning id`,
        sql`delete from ${factorAttempts} where account_id = ${accountId} and exists (
              select 1 from ${factors} where id = ${id} and confirmed_at = ${moment(at)})`,
        noteKinds(accountId, at),
      ]);
      return confirmed.length === 1;
    },

    /**
     * False: the credential is bound already, here or to somebody else (WebAuthn §7.1), its challenge is spent, or the
     * account is not of the version that it must be of.
     */
    async addPasskey(
      row: NewFactor,
      given: { readonly once: Challenge; readonly at: Date; readonly version: number | null },
    ): Promise<boolean> {
      const { once, at, version } = given;
      const isOpen = sql`exists (select 1 from spent) and (${version}::integer is null
        or exists (select 1 from ${accounts} where id = ${row.accountId} and version = ${version}::integer))`;
      try {
        const [, added = []] = await inOneTransaction(database, [
          sql`select 1 from ${accounts} where id = ${row.accountId} for update`,
          sql`with spent as (${spendOf(once)}) ${insertOf(row, isOpen)} returning id`,
          noteKinds(row.accountId, at, sql`exists (select 1 from ${factors} where id = ${row.id})`),
        ]);
        return added.length === 1;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },

    /** A new set takes the place of the old one. */
    async replaceRecoveryCodes(row: NewFactor): Promise<void> {
      await inOneTransaction(database, [
        sql`select 1 from ${accounts} where id = ${row.accountId} for update`,
        sql`delete from ${factors} where account_id = ${row.accountId} and kind = 'recovery-codes'`,
        insertOf(row),
      ]);
    },

    async rename(id: string, accountId: string, name: string): Promise<boolean> {
      const { rows } = await database.execute(
        sql`update ${factors} set name = ${name} where id = ${id} and ${kept(accountId)} returning id`,
      );
      return rows.length === 1;
    },

    /** Recovery codes go with the last factor that they stand in for. Null: there is no such factor. */
    async remove(id: string, accountId: string, at: Date): Promise<FactorRow | "last_way_in" | null> {
      const isLast = isLastWayIn(id, accountId);
      const [, last = [], removed = []] = await inOneTransaction(database, [
        sql`select 1 from ${accounts} where id = ${accountId} for update`,
        sql`select 1 from ${factors} where id = ${id} and ${kept(accountId)} and ${isLast}`,
        sql`delete from ${factors} where id = ${id} and ${kept(accountId)} and not ${isLast} returning *`,
        sql`delete from ${factors} where account_id = ${accountId} and kind = 'recovery-codes' and not exists (
              select 1 from ${factors} where ${kept(accountId)} and kind <> 'recovery-codes')`,
        noteKinds(accountId, at),
      ]);
      if (last.length > 0) return "last_way_in";
      return removed[0] ? decodeRow(factors, removed[0]) : null;
    },

    /** Everything of an account: by an operator for who lost all of it, and after the account itself. How many counted. */
    async removeAll(accountId: string, at: Date): Promise<number> {
      const [, removed = []] = await inOneTransaction(database, [
        sql`select 1 from ${accounts} where id = ${accountId} for update`,
        sql`delete from ${factors} where account_id = ${accountId} returning confirmed_at`,
        sql`delete from ${factorAttempts} where account_id = ${accountId}`,
        noteKinds(accountId, at),
      ]);
      return removed.filter((row) => row["confirmed_at"] !== null).length;
    },

    waysInBesidePassword,

    /** For the statement that begins a session: the proof is used there, once, or nothing begins. */
    proofOf,

    /** The same where nothing else is to be done in its statement: a proof inside a session. */
    async spend(use: Use, given: Given): Promise<boolean> {
      const steps = proofOf(use, given).map(({ name, step }) => sql`${sql.identifier(name)} as (${step})`);
      const { rows } = await database.execute(sql`with ${sql.join(steps, sql`, `)} select 1 from proof`);
      return rows.length === 1;
    },

    /** For the cron trigger. */
    async sweep(at: Date): Promise<void> {
      await inOneTransaction(database, [
        sql`delete from ${spentChallenges} where expires_at < ${moment(at)}`,
        sql`delete from ${factors} where confirmed_at is null and created_at < ${moment(new Date(at.getTime() - 86_400_000))}`,
      ]);
    },
  };
}

export type FactorStore = ReturnType<typeof createFactorStore>;

const ofOwner = sql`account.id as owner_id, account.version, account.email, account.email_canonical, account.scopes,
  account.revoked_before, account.last_signed_in_at`;
const confirmedOf = sql`(select json_agg(f) from ${factors} f
  where f.account_id = account.id and f.confirmed_at is not null) as rows`;

function insertOf(row: NewFactor, condition: SQL = sql`true`): SQL {
  const at = row.confirmedAt ?? null;
  return sql`insert into ${factors} (id, account_id, kind, name, secret, credential_id, counter, details, created_at, confirmed_at)
    select ${row.id}, ${row.accountId}, ${row.kind}, ${row.name}, ${row.secret ?? null}::text,
      ${row.credentialId ?? null}::text, ${row.counter ?? 0}::bigint, ${JSON.stringify(row.details ?? {})}::jsonb,
      ${moment(row.createdAt)}, ${at === null ? sql`null::timestamptz` : moment(at)} where ${condition}`;
}

const ownerOf = (row: Record<string, unknown>): Owner => {
  const { version, email, emailCanonical, scopes, revokedBefore, lastSignedInAt } = decodeRow(accounts, row);
  return {
    id: String(row["owner_id"]),
    version,
    email,
    emailCanonical,
    scopes,
    revokedBefore,
    lastSignedInAt,
  };
};

/** Rows that came as JSON inside a row: the same texts as columns, but for what JSON has types of its own for. */
function rowsOf(json: unknown): FactorRow[] {
  const list = typeof json === "string" ? (JSON.parse(json) as unknown) : json;
  return Array.isArray(list) ? list.map((row) => decodeRow(factors, row as Record<string, unknown>)) : [];
}
