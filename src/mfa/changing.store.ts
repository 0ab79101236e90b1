import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import { moment } from "../storage/values.ts";
import { kept } from "./proof.store.ts";
import { factors } from "./tables.ts";

/** Before whatever changes factors: the account's row first, then those of its factors. */
export const lock = (accountId: string): SQL =>
  sql`select 1 from ${accounts} where id = ${accountId} for update`;

/** Nothing is set up any more for an account that is disabled or gone. */
export const isActive = (accountId: string, more: SQL = sql``): SQL =>
  sql`exists (select 1 from ${accounts} where id = ${accountId} and state = 'active'${more})`;
export const isAt = (accountId: string, version: number): SQL =>
  isActive(accountId, sql` and version = ${version}::int`);

/** A step that changes factors; proofs that were under way prove nothing once it has changed one. */
export const changing = (accountId: string, at: Date, step: SQL, before: SQL = sql``): SQL => sql`
  with ${before} changed as (${step}), bumped as (
    update ${accounts} set version = version + 1, updated_at = ${moment(at)}
    where id = ${accountId} and exists (select 1 from changed))
  select * from changed`;

/** The account's own note of what it has, after a change of its rows. */
export const noteKinds = (accountId: string): SQL => sql`
  update ${accounts} set factor_kinds = array(
    select distinct kind from ${factors} where ${kept(accountId)} and kind <> 'recovery-codes' order by kind)
  where id = ${accountId}`;
