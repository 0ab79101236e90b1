import { and, desc, eq, gte, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { changeOutbox } from "../revocation/tables.ts";
import { type Database, inOneTransaction, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import type { KeyRecord, Owner } from "./record.ts";
import { isOwnerDisabled, keyColumns, type NewKey, recordOf, recordOfRaw, rowOf } from "./rows.store.ts";
import { apiKeys } from "./tables.ts";

export type { NewKey };
/** What a change left behind, and the outbox rows that the edges must be told of. */
export type Changed = { readonly records: KeyRecord[]; readonly noted: NotedChange[] };
export type NotedChange = {
  readonly kind: "key";
  readonly subjectId: string;
  readonly number: number;
  /** Of a key that is revoked or deleted: until when `revoked:key:…` says so in Redis. */
  readonly expiresAt?: Date | null;
};
type Editable = "name" | "scopes" | "allowedAddresses" | "limits" | "metadata" | "enabled" | "expiresAt";
export type KeyEdits = { readonly [Field in Editable]?: KeyRecord[Field] | undefined };
export type KeyFilter = {
  readonly owner?: Owner | undefined;
  readonly environment?: KeyRecord["environment"] | undefined;
  readonly after?: { readonly createdAt: Date; readonly id: string } | undefined;
  readonly limit: number;
};
export type Use = {
  readonly keyId: string;
  readonly at: Date;
  readonly address: string;
  readonly country: string | null;
};

export function createApiKeyStore(database: Database) {
  const changeAndNote = async (change: SQL, at: Date): Promise<Changed> =>
    changedOf((await database.execute<Record<string, unknown>>(noting(change, at))).rows);

  return {
    async insert(key: NewKey): Promise<KeyRecord> {
      const [row] = await database.insert(apiKeys).values(rowOf(key)).returning(keyColumns);
      if (!row) throw new Error("an insert without its row");
      return recordOf(row);
    },

    /** All of them or none: null when one of the hashes is taken. */
    async insertUnlessKnown(keys: readonly NewKey[]): Promise<KeyRecord[] | null> {
      try {
        return (await database.insert(apiKeys).values(keys.map(rowOf)).returning(keyColumns)).map(recordOf);
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },

    /** The hot look-up: one row by its unique hash. */
    async findByHash(secretHash: string): Promise<KeyRecord | null> {
      const [row] = await database
        .select(keyColumns)
        .from(apiKeys)
        .where(eq(apiKeys.secretHash, secretHash))
        .limit(1);
      return row ? recordOf(row) : null;
    },

    async find(id: string): Promise<KeyRecord | null> {
      const [row] = await database.select(keyColumns).from(apiKeys).where(eq(apiKeys.id, id)).limit(1);
      return row ? recordOf(row) : null;
    },

    async list({ owner, environment, after, limit }: KeyFilter): Promise<KeyRecord[]> {
      const rows = await database
        .select(keyColumns)
        .from(apiKeys)
        .where(
          and(
            isNull(apiKeys.deletedAt),
            owner ? and(eq(apiKeys.ownerType, owner.type), eq(apiKeys.ownerId, owner.id)) : undefined,
            environment ? eq(apiKeys.environment, environment) : undefined,
            after
              ? or(
                  lt(apiKeys.createdAt, after.createdAt),
                  and(eq(apiKeys.createdAt, after.createdAt), lt(apiKeys.id, after.id)),
                )
              : undefined,
          ),
        )
        .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(limit);
      return rows.map(recordOf);
    },

    /** Changes what may change on a key that is neither revoked nor deleted. */
    edit(id: string, edits: KeyEdits, at: Date): Promise<Changed> {
      const sets: SQL[] = [sql`version = version + 1`, sql`updated_at = ${at.toISOString()}::timestamptz`];
      if (edits.name !== undefined) sets.push(sql`name = ${edits.name}`);
      if (edits.scopes) sets.push(sql`scopes = ${texts(edits.scopes)}`);
      if (edits.allowedAddresses) sets.push(sql`allowed_addresses = ${texts(edits.allowedAddresses)}`);
      if (edits.limits) sets.push(sql`limits = ${JSON.stringify(edits.limits)}::jsonb`);
      if (edits.metadata) sets.push(sql`metadata = ${JSON.stringify(edits.metadata)}::jsonb`);
      if (edits.enabled !== undefined) sets.push(sql`enabled = ${edits.enabled}`);
      // What an overlap ends stays ended: a replaced key may die sooner, never later.
      if (edits.expiresAt !== undefined) {
        const end = moment(edits.expiresAt);
        sets.push(
          sql`expires_at = case when replaced_by is null then ${end} else least(expires_at, ${end}) end`,
        );
      }
      return changeAndNote(
        sql`update ${apiKeys} set ${sql.join(sets, sql`, `)}
            where id = ${id} and revoked_at is null and deleted_at is null returning *`,
        at,
      );
    },

    revoke(id: string, at: Date): Promise<Changed> {
      return changeAndNote(
        sql`update ${apiKeys} set version = version + 1, updated_at = ${moment(at)}, revoked_at = ${moment(at)}
            where id = ${id} and revoked_at is null and deleted_at is null returning *`,
        at,
      );
    },

    /**
     * Twice in one transaction: while the first waited for a rotation under way, that one's successor was born, and the
     * second finds it. A rotation that comes later waits for both and then finds its key revoked.
     */
    async revokeOfOwner(owner: Owner, at: Date): Promise<Changed> {
      const revoke = noting(
        sql`update ${apiKeys} set version = version + 1, updated_at = ${moment(at)}, revoked_at = ${moment(at)}
            where owner_type = ${owner.type} and owner_id = ${owner.id} and revoked_at is null and deleted_at is null
            returning *`,
        at,
      );
      return changedOf((await inOneTransaction(database, [revoke, revoke])).flat());
    },

    /** What an owner's earlier revocation ended, in case its announcement was lost. */
    async findRevokedOfOwner(owner: Owner, since: Date): Promise<string[]> {
      const rows = await database
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .where(
          and(
            eq(apiKeys.ownerType, owner.type),
            eq(apiKeys.ownerId, owner.id),
            gte(apiKeys.revokedAt, since),
          ),
        );
      return rows.map(({ id }) => id);
    },

    /** Soft: the row stays for the audit's sake, and its hash can never be taken again. */
    delete(id: string, at: Date): Promise<Changed> {
      return changeAndNote(
        sql`update ${apiKeys} set version = version + 1, updated_at = ${moment(at)}, deleted_at = ${moment(at)}
            where id = ${id} and deleted_at is null returning *`,
        at,
      );
    },

    /** Flags a key that was seen where it must not be; may also bring its end nearer. */
    expose(id: string, at: Date, end: { expiresBy?: Date; revoke?: boolean }): Promise<Changed> {
      const expires = end.expiresBy
        ? sql`, expires_at = least(coalesce(expires_at, 'infinity'), ${moment(end.expiresBy)})`
        : sql``;
      const revoked = end.revoke ? sql`, revoked_at = ${moment(at)}` : sql``;
      return changeAndNote(
        sql`update ${apiKeys}
            set version = version + 1, updated_at = ${moment(at)}, exposed_at = ${moment(at)}${expires}${revoked}
            where id = ${id} and exposed_at is null and revoked_at is null and deleted_at is null returning *`,
        at,
      );
    },

    /**
     * The successor is born and the old key gets its end in one statement. Of two rotations at once one finds
     * `replaced_by` taken and changes nothing. The row is locked first, so that a change under way is waited for and
     * what the successor keeps is what it left.
     */
    async rotate(
      id: string,
      successor: {
        id: string;
        secretHash: string;
        displayPrefix: string;
        createdBy: string;
        expiresAt?: Date | null;
      },
      times: { at: Date; oldEndsAt: Date },
    ): Promise<Changed & { readonly successor: KeyRecord | null }> {
      const { at, oldEndsAt } = times;
      const expiresAt =
        successor.expiresAt === undefined ? sql`kept.expires_at` : sql`${moment(successor.expiresAt)}`;
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        with kept as (select * from ${apiKeys} where id = ${id} for update),
        changed as (
          update ${apiKeys} old
          set version = old.version + 1, updated_at = ${moment(at)}, replaced_by = ${successor.id},
              expires_at = least(coalesce(kept.expires_at, 'infinity'), ${moment(oldEndsAt)})
          from kept
          where old.id = kept.id and kept.replaced_by is null and kept.revoked_at is null and kept.deleted_at is null
            and kept.enabled and not ${isOwnerDisabled("kept")} and (kept.expires_at is null or kept.expires_at > ${moment(at)})
          returning old.*
        ),
        noted as (${notes(at)}),
        born as (
          insert into ${apiKeys} (id, lineage_id, secret_hash, display_prefix, name, owner_type, owner_id, environment,
            scopes, allowed_addresses, limits, metadata, enabled, expires_at, replaces, created_by, created_at, updated_at)
          select ${successor.id}, kept.lineage_id, ${successor.secretHash}, ${successor.displayPrefix}, kept.name,
            kept.owner_type, kept.owner_id, kept.environment, kept.scopes, kept.allowed_addresses,
            kept.limits, kept.metadata, true, ${expiresAt}, kept.id, ${successor.createdBy},
            ${moment(at)}, ${moment(at)}
          from changed join kept on kept.id = changed.id
          returning *
        )
        select changed.*, ${isOwnerDisabled("changed")} as owner_disabled, noted.number as noted_number, noted.told_until
        from changed join noted on noted.subject_id = changed.id
        union all
        select born.*, ${isOwnerDisabled("born")}, null, null from born`);
      const born = rows.find((row) => row["id"] === successor.id);
      return {
        ...changedOf(rows.filter((row) => row !== born)),
        successor: born ? recordOfRaw(born) : null,
      };
    },

    /** Behind an answer, at most once a minute for a key and isolate. Never moves the time backwards. */
    async noteUse(uses: readonly Use[]): Promise<void> {
      const values = uses.map(
        (use) => sql`(${use.keyId}, ${moment(use.at)}, ${use.address}, ${use.country}::text)`,
      );
      await database.execute(sql`
        update ${apiKeys} set last_used_at = used.at, last_used_address = used.address, last_used_country = used.country
        from (values ${sql.join(values, sql`, `)}) as used (id, at, address, country)
        where ${apiKeys.id} = used.id
          and (${apiKeys.lastUsedAt} is null or ${apiKeys.lastUsedAt} < used.at)`);
    },
  };
}

export type ApiKeyStore = ReturnType<typeof createApiKeyStore>;

const notes = (at: Date): SQL => sql`
  insert into ${changeOutbox} (kind, subject_id, version, noted_at, expires_at)
  select 'key', id, version, ${moment(at)}, ${revokedUntil(at)} from changed
  returning number, subject_id, expires_at as told_until`;

/**
 * One statement: the change, and its note in the outbox, so that neither exists without the other. `change` is an
 * `update api_keys … returning *`.
 */
const noting = (change: SQL, at: Date): SQL => sql`
  with changed as (${change}), noted as (${notes(at)})
  select changed.*, ${isOwnerDisabled("changed")} as owner_disabled, noted.number as noted_number, noted.told_until
  from changed join noted on noted.subject_id = changed.id`;

const changedOf = (rows: readonly Record<string, unknown>[]): Changed => ({
  records: rows.map(recordOfRaw),
  noted: rows.map((row) => ({
    kind: "key",
    subjectId: String(row["id"]),
    number: Number(row["noted_number"]),
    expiresAt: decodeRow(changeOutbox, { expires_at: row["told_until"] }).expiresAt,
  })),
});

/** For readers of Redis: until the key would have expired by itself, or for a day. Our own checks read the record. */
const revokedUntil = (at: Date): SQL =>
  sql`case when revoked_at is not null or deleted_at is not null
      then least(expires_at, ${moment(at)} + interval '1 day') end`;
