import { sql } from "drizzle-orm";
import { randomBase62 } from "../../src/crypto/base62.ts";
import type { Isolate } from "./given.ts";

/** A refresh family as a sign-in leaves it, written by hand: what ends it is the matter of the test. */
export async function givenFamily(
  isolate: Isolate,
  accountId: string,
  more: { clientId?: string; scopes?: readonly string[] } = {},
): Promise<{ id: string; sessionId: string }> {
  const [id, sessionId] = [randomBase62(22), `ses_${randomBase62(22)}`];
  const at = new Date(isolate.clock.now()).toISOString();
  const end = new Date(isolate.clock.now() + 7 * 86_400_000).toISOString();
  await isolate.rooms.database.execute(sql`
    insert into refresh_families (id, session_id, account_id, client_id, audience, scopes, auth_time, acr, amr,
      current_hash, generation, rotated_at, secret_version, created_at, idle_expires_at, absolute_expires_at)
    values (${id}, ${sessionId}, ${accountId}, ${more.clientId ?? "first-party"}, 'https://auth.gatehouse.test',
      string_to_array(${(more.scopes ?? []).join(" ")}, ' '), ${at}::timestamptz, 'one-factor', '{pwd}', ${id}, 0,
      ${at}::timestamptz, 1, ${at}::timestamptz, ${end}::timestamptz, ${end}::timestamptz)`);
  return { id, sessionId };
}

export type FamilySeen = {
  readonly id: string;
  readonly ended: string | null;
  readonly scopes: readonly string[];
  readonly tokensFrom: string | null;
};

export async function familiesOf(isolate: Isolate, accountId: string): Promise<FamilySeen[]> {
  const { rows } = await isolate.rooms.database.execute<{
    id: string;
    revoked_reason: string | null;
    scopes: string[];
    tokens_from: string | null;
  }>(
    sql`select id, revoked_reason, scopes, tokens_from from refresh_families where account_id = ${accountId} order by id`,
  );
  return rows.map((row) => ({
    id: row.id,
    ended: row.revoked_reason,
    scopes: row.scopes,
    tokensFrom: row.tokens_from,
  }));
}

/** What the edges were told of: kinds of change with their subjects. */
export async function notesOf(isolate: Isolate, subjectIds: readonly string[]): Promise<string[]> {
  const { rows } = await isolate.rooms.database.execute<{ kind: string; subject_id: string }>(
    sql`select kind, subject_id from change_outbox where subject_id in (${sql.join(
      subjectIds.map((id) => sql`${id}`),
      sql`, `,
    )}) order by number`,
  );
  return rows.map((row) => `${row.kind}:${row.subject_id}`);
}

/** A session as it must begin: one statement, only while the account is what it was when its owner was recognised. */
export async function beginFamily(isolate: Isolate, account: { id: string; version: number }): Promise<void> {
  const id = randomBase62(22);
  const at = new Date(isolate.clock.now()).toISOString();
  const end = new Date(isolate.clock.now() + 7 * 86_400_000).toISOString();
  await isolate.rooms.database.execute(sql`
    with known as (
      update accounts set last_signed_in_at = ${at}::timestamptz
      where id = ${account.id} and version = ${account.version} and state = 'active' returning id
    )
    insert into refresh_families (id, session_id, account_id, client_id, audience, scopes, auth_time, acr, amr,
      current_hash, generation, rotated_at, secret_version, created_at, idle_expires_at, absolute_expires_at)
    select ${id}, ${`ses_${id}`}, known.id, 'first-party', 'https://auth.gatehouse.test', '{}', ${at}::timestamptz,
      'one-factor', '{pwd}', ${id}, 0, ${at}::timestamptz, 1, ${at}::timestamptz, ${end}::timestamptz,
      ${end}::timestamptz from known`);
}
