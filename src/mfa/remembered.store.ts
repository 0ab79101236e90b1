import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import type { AtomicProof } from "../sessions/store.ts";
import type { Database } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { isHeld } from "./proof.store.ts";
import type { Claim } from "./remembered-cookie.ts";
import { rememberedDevices } from "./tables.ts";

export type DeviceRow = typeof rememberedDevices.$inferSelect;

const dayMilliseconds = 86_400_000;
export const devicesMax = 20;

/**
 * A row counts for the account as it was: whatever changes the account's version (password, factors, scopes, sign-out
 * everywhere, disabled, deleted) has forgotten every device in that same statement, without knowing of this table.
 * `days` is the policy of now: one that became shorter, or nothing, binds devices of before as well.
 */
export function createRememberedStore(database: Database, days: number) {
  const isLive = (at: Date): SQL => sql`${rememberedDevices.expiresAt} > ${moment(at)}
    and ${rememberedDevices.createdAt} > ${moment(new Date(at.getTime() - days * dayMilliseconds))}`;

  return {
    /** For the statement that begins a session: a device that was forgotten meanwhile begins none. */
    proofOf: ({ id, secretHash, accountId }: Claim, version: number, at: Date): AtomicProof => [
      {
        name: "proof",
        step: sql`update ${rememberedDevices} set last_used_at = ${moment(at)}
          where id = ${id} and secret_hash = ${secretHash} and account_id = ${accountId}
            and account_version = ${version}::integer and ${isLive(at)} and ${isHeld} returning id`,
      },
    ],

    /**
     * The same for remembering: together with the session, by the proof that begins it. What this browser held before is
     * replaced, what counts no more goes, and past the twentieth the oldest.
     */
    stepsOf: (row: Omit<DeviceRow, "lastUsedAt">, earlier: Claim | null): AtomicProof => [
      {
        name: "outdated",
        step: sql`delete from ${rememberedDevices} where exists (select 1 from proof) and (
          (id = ${earlier?.id ?? null}::text and secret_hash = ${earlier?.secretHash ?? null}::text)
          or (account_id = ${row.accountId} and (account_version <> ${row.accountVersion}::integer
            or not (${isLive(row.createdAt)}) or id in (select id from ${rememberedDevices}
              where account_id = ${row.accountId} order by created_at desc, id offset ${devicesMax - 1}))))`,
      },
      {
        name: "remembered",
        step: sql`insert into ${rememberedDevices} (id, account_id, account_version, secret_hash, name, created_at, expires_at)
          select ${row.id}, ${row.accountId}, ${row.accountVersion}::integer, ${row.secretHash}, ${row.name},
            ${moment(row.createdAt)}, ${moment(row.expiresAt)} from proof`,
      },
    ],

    /** Those that count, newest first. */
    async list(accountId: string, at: Date): Promise<DeviceRow[]> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select ${rememberedDevices}.* from ${rememberedDevices}
        join ${accounts} account on account.id = account_id and account.version = account_version
        where account_id = ${accountId} and ${isLive(at)} order by ${rememberedDevices.createdAt} desc, ${rememberedDevices.id}`);
      return rows.map((row) => decodeRow(rememberedDevices, row));
    },

    /** `id: null`: all of the account. How many there were. */
    async forget(accountId: string, id: string | null): Promise<number> {
      const { rows } = await database.execute(sql`
        delete from ${rememberedDevices} where account_id = ${accountId}
          and (${id}::text is null or id = ${id}::text) returning id`);
      return rows.length;
    },

    /**
     * For the cron trigger. Without the policy nothing is kept, so that devices of before do not count when it returns; but
     * what is younger than an hour may be of an isolate that still has it.
     */
    async sweep(at: Date): Promise<void> {
      const anHourAgo = new Date(at.getTime() - 3_600_000);
      const isOver = days === 0 ? sql`created_at < ${moment(anHourAgo)}` : sql`expires_at < ${moment(at)}`;
      await database.execute(sql`delete from ${rememberedDevices} where ${isOver}`);
    },
  };
}

export type RememberedStore = ReturnType<typeof createRememberedStore>;
