import { type SQL, sql } from "drizzle-orm";
import type { Condition } from "../accounts/changes.store.ts";
import { accounts } from "../accounts/tables.ts";
import { kept } from "./proof.store.ts";
import { factors } from "./tables.ts";

/** A passkey that verified its user when it was made: it opens an account alone. */
const opensAlone = sql`kind = 'passkey' and details->'isUserVerified' = 'true'::jsonb`;

/** The row is the last such passkey of an account without a password. */
export const isLastWayIn = (id: string, accountId: string): SQL => sql`(${opensAlone}
  and exists (select 1 from ${accounts} where id = ${accountId} and password_hash is null)
  and not exists (select 1 from ${factors} where ${kept(accountId)} and ${opensAlone} and id <> ${id}))`;

/**
 * What an account must have before its password goes: a passkey that opens it, and something that the reader of a mail
 * has not, so that it is not easier to take over than it was.
 */
export const waysInBesidePassword = (accountId: string): Condition => sql`(
  exists (select 1 from ${factors} where ${kept(accountId)} and ${opensAlone})
  and exists (select 1 from ${factors} where ${kept(accountId)} and kind in ('totp', 'recovery-codes')
    and (kind <> 'recovery-codes' or details->'codes' <> '{}'::jsonb)))`;
