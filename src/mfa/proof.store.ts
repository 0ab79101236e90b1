import { type SQL, sql } from "drizzle-orm";
import type { AtomicProof } from "../sessions/store.ts";
import { moment } from "../storage/values.ts";
import { attemptsMax, lanesOf } from "./attempts.ts";
import type { Use } from "./factor.ts";
import { factorAttempts, factors, spentChallenges } from "./tables.ts";

export const kept = (id: string): SQL => sql`account_id = ${id} and confirmed_at is not null`;

export type Given = { readonly accountId: string; readonly lane: string; readonly at: Date };
export type Challenge = { readonly key: string; readonly expiresAt: Date };

export const spendOf = ({ key, expiresAt }: Challenge, condition: SQL = sql`true`): SQL => sql`
  insert into ${spentChallenges} (key, expires_at) select ${key}, ${moment(expiresAt)} where ${condition}
  on conflict do nothing returning key`;

/** The account's own row is locked before any row of its factors: whatever changes both takes them in this order. */
export const isHeld = sql`exists (select 1 from held)`;

/** From now on the device counts by itself; a row that is closed stays so until the app is bound anew. */
const knowDevice = ({ accountId, lane, at }: Given): SQL => sql`
  insert into ${factorAttempts} as known (account_id, lane, failed, last_at)
  select ${accountId}, ${lane}, 0, ${moment(at)} from proof
  on conflict (account_id, lane) do update set failed = 0, blocked_until = null, last_at = ${moment(at)}
  where known.failed < ${attemptsMax}::int`;

/** The count that this guess went to begins anew; a device with its own leaves that of strangers alone. */
const forget = (lane: string, { accountId, lane: own }: Given): SQL => sql`
  delete from ${factorAttempts} where account_id = ${accountId} and lane = ${lane}
    and failed < ${attemptsMax}::int and exists (select 1 from proof)
    and not exists (select 1 from ${factorAttempts} where account_id = ${accountId} and lane = ${own} and lane <> ${lane})`;

/** Steps that use a proof up, once: of any number at once, on whichever isolate, one takes effect. */
export function proofOf(use: Use, given: Given): AtomicProof {
  const { accountId, lane, at } = given;
  const which = sql`id = ${use.factorId} and ${kept(accountId)}`;
  const known = lane.startsWith("device:") ? [{ name: "known", step: knowDevice(given) }] : [];
  if (use.kind === "passkey") {
    const step = sql`update ${factors} set counter = greatest(counter, ${use.signCount}::bigint),
        last_used_at = ${moment(at)}, details = jsonb_set(details, '{isBackedUp}', to_jsonb(${use.isBackedUp}::boolean))
      where ${which} and exists (select 1 from spent) returning id`;
    return [{ name: "spent", step: spendOf(use.challenge, isHeld) }, { name: "proof", step }, ...known];
  }
  const { used, isUnused } = useOf(use);
  return [
    {
      name: "proof",
      step: sql`update ${factors} set ${used}, last_used_at = ${moment(at)} where ${which} and ${isUnused} and ${isHeld} returning id`,
    },
    { name: "forgiven", step: forget(lanesOf(lane, use.kind !== "recovery-codes").otherwise, given) },
    ...known,
  ];
}

function useOf(use: Exclude<Use, { kind: "passkey" }>): { readonly used: SQL; readonly isUnused: SQL } {
  if (use.kind === "totp")
    return { used: sql`counter = ${use.step}::bigint`, isUnused: sql`counter < ${use.step}::bigint` };
  const hash = sql`${use.codeHash}::text`;
  return use.kind === "sms"
    ? { used: sql`details = details - 'code'`, isUnused: sql`details->'code'->>'hash' = ${hash}` }
    : { used: sql`details = details #- array['codes', ${hash}]`, isUnused: sql`details->'codes' ? ${hash}` };
}
