import { and, desc, eq, lt, or, type SQL, sql } from "drizzle-orm";
import type { PendingChange } from "../revocation/ending.ts";
import { changeOutbox, noteEndings, pendingOf } from "../revocation/tables.ts";
import { type Database, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { refreshFamilies } from "../tokens/tables.ts";
import { type Client, standardMetadata } from "./client.ts";
import { authorizationCodes, consents } from "./grants.tables.ts";
import { clients } from "./tables.ts";

export type ChangedClient = { readonly client: Client; readonly noted: PendingChange[] };
export type ClientFilter = {
  readonly after?: { readonly createdAt: Date; readonly id: string } | undefined;
  readonly limit: number;
};

const json = (value: unknown): SQL => sql`${JSON.stringify(value)}::jsonb`;
const nothing = sql`select null::text, null::text where false`;

export function createClientStore(database: Database) {
  /**
   * The change, its note for the edges, and the end of what the client was given, in one statement. `endsBefore`: access
   * tokens issued before this are dead; null: none is. Null: nothing was there to change.
   */
  async function changeAndNote(
    change: SQL,
    at: Date,
    endsBefore: Date | null,
    more: SQL = sql``,
  ): Promise<ChangedClient | null> {
    const endings = endsBefore ? sql`select 'client', id from changed` : nothing;
    const { rows } = await database.execute<Record<string, unknown>>(sql`
      with changed as (${change}),
      noted as (
        insert into ${changeOutbox} (kind, subject_id, version, noted_at)
        select 'registration', id, version, ${moment(at)} from changed
        returning number, kind, subject_id, noted_at, expires_at
      ),
      ended as (${noteEndings(endings, endsBefore ?? at)})${more}
      select changed.*, (
        select json_agg(told) from (select * from noted union all select * from ended) as told
      ) as told from changed`);
    const [row] = rows;
    if (!row) return null;
    const client = clientOf(decodeRow(clients, row));
    return { client, noted: pendingOf(row["told"] as Record<string, unknown>[]) };
  }

  return {
    /** False: the id is taken. */
    async insert(client: Client): Promise<boolean> {
      try {
        await database.insert(clients).values(rowOf(client));
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },

    async find(id: string): Promise<Client | null> {
      const [row] = await database.select().from(clients).where(eq(clients.id, id)).limit(1);
      return row ? clientOf(row) : null;
    },

    /** Newest first. */
    async list({ after, limit }: ClientFilter): Promise<Client[]> {
      const older = after && [
        lt(clients.createdAt, after.createdAt),
        and(eq(clients.createdAt, after.createdAt), lt(clients.id, after.id)),
      ];
      const rows = await database
        .select()
        .from(clients)
        .where(older && or(...older))
        .orderBy(desc(clients.createdAt), desc(clients.id))
        .limit(limit);
      return rows.map(clientOf);
    },

    /** Null: it is gone, or was changed since `client.version` was read. */
    replace(client: Client, at: Date, endsBefore: Date | null): Promise<ChangedClient | null> {
      const { metadata, secrets, enabled } = rowOf(client);
      return changeAndNote(
        sql`update ${clients} set version = version + 1, metadata = ${json(metadata)}, secrets = ${json(secrets)},
              enabled = ${enabled}::boolean, updated_at = ${moment(at)}
            where id = ${client.id} and version = ${client.version} returning *`,
        at,
        endsBefore,
      );
    },

    /** What people agreed to and what it was given goes with it. */
    delete(id: string, at: Date, endsBefore: Date): Promise<ChangedClient | null> {
      return changeAndNote(
        sql`delete from ${clients} where id = ${id} returning *`,
        at,
        endsBefore,
        sql`, families as (
              update ${refreshFamilies} set revoked_at = ${moment(at)}, revoked_reason = 'by_operator'
              where client_id in (select id from changed) and revoked_at is null
            ),
            agreed as (delete from ${consents} where client_id in (select id from changed)),
            redeemable as (delete from ${authorizationCodes} where client_id in (select id from changed))`,
      );
    },
  };
}

export type ClientStore = ReturnType<typeof createClientStore>;

function rowOf(client: Client): typeof clients.$inferInsert & { version: number; enabled: boolean } {
  const { id, version, secrets, enabled, registeredBy, createdAt, updatedAt, ...metadata } = client;
  return { id, version, metadata, secrets: [...secrets], enabled, registeredBy, createdAt, updatedAt };
}

const clientOf = ({ metadata, ...row }: typeof clients.$inferSelect): Client => ({
  ...standardMetadata,
  ...metadata,
  ...row,
});
