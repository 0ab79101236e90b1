import { sql } from "drizzle-orm";
import { type Database, inOneTransaction } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { changing, isAt, lock, noteKinds } from "./changing.store.ts";
import { kept } from "./proof.store.ts";
import type { FactorRow } from "./store.ts";
import { factorAttempts, factors, type PhoneDetails } from "./tables.ts";

/** What of a telephone is written beside what is written of every factor. */
export function createPhoneStore(database: Database) {
  return {
    /** The code that was just sent; whichever was on its way before is worth nothing now. False: the telephone is gone. */
    async noteCode(id: string, accountId: string, code: NonNullable<PhoneDetails["code"]>): Promise<boolean> {
      const { rows } = await database.execute(sql`
        update ${factors} set details = jsonb_set(details, '{code}', ${JSON.stringify(code)}::jsonb)
        where id = ${id} and kind = 'sms' and ${kept(accountId)} returning id`);
      return rows.length === 1;
    },

    /**
     * The code is used up and the telephone counts, in place of the one before, but never as the only factor. With no app
     * to bind anew, what was closed for too many wrong guesses is open again. Null: it was used, replaced or voided
     * meanwhile, or the app or passkey beside it is gone.
     */
    async confirm(
      { id, accountId, version, codeHash, lane }: Confirmed,
      at: Date,
    ): Promise<{ readonly replaced: FactorRow | null } | null> {
      const isDue = sql`exists (select 1 from ${factors} where id = ${id} and account_id = ${accountId}
          and confirmed_at is null and details->'code'->>'hash' = ${codeHash}) and ${isAt(accountId, version)}
        and exists (select 1 from ${factors} where ${kept(accountId)} and kind in ('totp', 'passkey'))`;
      const [, replaced = [], confirmed = []] = await inOneTransaction(database, [
        lock(accountId),
        sql`delete from ${factors} where ${kept(accountId)} and kind = 'sms' and ${isDue} returning *`,
        changing(
          accountId,
          at,
          sql`update ${factors} set confirmed_at = ${moment(at)}, details = details - 'code'
            where id = ${id} and ${isDue} returning id`,
        ),
        sql`delete from ${factorAttempts} where account_id = ${accountId}
            and exists (select 1 from ${factors} where id = ${id} and confirmed_at = ${moment(at)})
            and (lane = ${lane} or not exists (
              select 1 from ${factors} where ${kept(accountId)} and kind = 'totp'))`,
        noteKinds(accountId),
      ]);
      if (confirmed.length !== 1) return null;
      return { replaced: replaced[0] ? decodeRow(factors, replaced[0]) : null };
    },
  };
}

type Confirmed = {
  readonly id: string;
  readonly accountId: string;
  /** Of the account when the code was judged. */
  readonly version: number;
  readonly codeHash: string;
  readonly lane: string;
};

export type PhoneStore = ReturnType<typeof createPhoneStore>;
