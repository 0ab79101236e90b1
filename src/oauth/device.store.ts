import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import { allowance, type NewCode } from "./codes.store.ts";
import { deviceAuthorizations } from "./device.tables.ts";

export type NewDevice = Pick<
  typeof deviceAuthorizations.$inferInsert,
  "deviceCodeHash" | "userCode" | "clientId" | "scopes" | "resources" | "intervalSeconds"
> & { readonly issuedAt: Date; readonly expiresAt: Date };
export type DeviceRow = typeof deviceAuthorizations.$inferSelect;

/** RFC 8628 §3.5: what each `slow_down` adds; no device is made to wait longer than the last of these. */
const slowDownSeconds = 5;
const intervalSecondsMax = 300;
/** The network is not always as slow as the last time. */
const earlySeconds = 1;
/** Of what ended: told of as expired or as used. */
const keptMilliseconds = 24 * 3_600_000;

export function createDeviceStore(database: Database) {
  const settled = (deviceCodeHash: string, state: "approved" | "denied", at: Date): SQL => sql`
    update ${deviceAuthorizations} set state = ${state} where device_code_hash = ${deviceCodeHash}
      and state = 'pending' and expires_at > ${moment(at)} returning device_code_hash`;

  return {
    /** False: the user code is somebody else's. */
    async insert(device: NewDevice): Promise<boolean> {
      const { rows } = await database.execute(sql`
        insert into ${deviceAuthorizations} (device_code_hash, user_code, client_id, scopes, resources, state,
          interval_seconds, issued_at, expires_at)
        values (${device.deviceCodeHash}, ${device.userCode}, ${device.clientId}, ${texts(device.scopes)},
          ${texts(device.resources)}, 'pending', ${device.intervalSeconds}, ${moment(device.issuedAt)},
          ${moment(device.expiresAt)})
        on conflict (user_code) do nothing returning user_code`);
      return rows.length === 1;
    },

    /** Counted in the statement that answers: of two polls at once, one is too soon. Null: not this client's. */
    async poll(deviceCodeHash: string, clientId: string, at: Date): Promise<DeviceRow | null> {
      const tooSoon = sql`(state = 'pending' and polled_at is not null and polled_at >
        ${moment(at)} - make_interval(secs => interval_seconds - ${earlySeconds}::integer))`;
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        update ${deviceAuthorizations} set polled_at = ${moment(at)}, polled_too_soon = ${tooSoon},
          interval_seconds = case when ${tooSoon}
            then least(interval_seconds + ${slowDownSeconds}::integer, ${intervalSecondsMax}::integer)
            else interval_seconds end
        where device_code_hash = ${deviceCodeHash} and client_id = ${clientId} returning *`);
      return rows[0] ? decodeRow(deviceAuthorizations, rows[0]) : null;
    },

    /** Null: there is none, or it was answered, or it is over. */
    async findPending(userCode: string, at: Date): Promise<DeviceRow | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select * from ${deviceAuthorizations} where user_code = ${userCode} and state = 'pending'
          and expires_at > ${moment(at)}`);
      return rows[0] ? decodeRow(deviceAuthorizations, rows[0]) : null;
    },

    /** The device's code becomes one that can be redeemed, and what was allowed is remembered. False: answered before. */
    async approve(code: NewCode): Promise<boolean> {
      const { rows } = await database.execute(sql`
        with approved as (${settled(code.codeHash, "approved", code.issuedAt)}),
        ${allowance(code, code.scopes, sql`from approved`)}`);
      return rows.length === 1;
    },

    async deny(deviceCodeHash: string, at: Date): Promise<boolean> {
      const { rows } = await database.execute(settled(deviceCodeHash, "denied", at));
      return rows.length === 1;
    },

    /** For the cron trigger. */
    async sweep(at: Date): Promise<void> {
      await database.execute(sql`
        delete from ${deviceAuthorizations} where device_code_hash in (
          select device_code_hash from ${deviceAuthorizations}
          where expires_at < ${moment(new Date(at.getTime() - keptMilliseconds))} limit 1000)`);
    },
  };
}

export type DeviceStore = ReturnType<typeof createDeviceStore>;
