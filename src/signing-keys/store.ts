import { asc, eq, sql } from "drizzle-orm";
import { changeOutbox } from "../revocation/tables.ts";
import type { Database } from "../storage/database.ts";
import { moment } from "../storage/values.ts";
import { signingKeys } from "./tables.ts";

export type SigningKeyRow = typeof signingKeys.$inferSelect;
export type Purpose = SigningKeyRow["purpose"];
export type Algorithm = SigningKeyRow["algorithm"];

/** The note of a killed key, for the edges. */
export type NotedKill = {
  readonly kind: "signing-key";
  readonly subjectId: string;
  readonly number: number;
  readonly notedAt: Date;
  readonly expiresAt: Date;
};

/** Each change is one statement. A key that is over, or was killed, keeps its row and loses its private half. */
export function createSigningKeyStore(database: Database) {
  /** `begun` yields the key that begins; every earlier one of its pair that has not ended yet ends when it begins. */
  const endEarlier = (at: Date) => sql`
    update ${signingKeys} earlier set signs_until = greatest(earlier.signs_from, begun.signs_from) from begun
    where earlier.purpose = begun.purpose and earlier.algorithm = begun.algorithm and earlier.slot < begun.slot
      and earlier.killed_at is null and (earlier.signs_until is null or earlier.signs_until > ${moment(at)})`;

  return {
    async list(): Promise<SigningKeyRow[]> {
      return await database
        .select()
        .from(signingKeys)
        .orderBy(asc(signingKeys.publishedAt), asc(signingKeys.kid));
    },

    /** False when the slot was taken meanwhile: the loser reads the winner's. */
    async append(row: SigningKeyRow): Promise<boolean> {
      const { rows } = await database.execute(sql`
        with begun as (
          insert into ${signingKeys}
            (kid, purpose, algorithm, slot, public_jwk, private_jwk_sealed, published_at, signs_from)
          values (${row.kid}, ${row.purpose}, ${row.algorithm}, ${row.slot}, ${JSON.stringify(row.publicJwk)}::jsonb,
            ${row.privateJwkSealed}, ${moment(row.publishedAt)}, ${moment(row.signsFrom)})
          on conflict do nothing
          returning kid, purpose, algorithm, slot, signs_from
        ), ended as (${endEarlier(row.publishedAt)})
        select kid from begun`);
      return rows.length === 1;
    },

    /** Lets a successor begin sooner. False when it was killed or begins as soon already. */
    async promote(kid: string, signsFrom: Date, at: Date): Promise<boolean> {
      const { rows } = await database.execute(sql`
        with begun as (
          update ${signingKeys} set signs_from = ${moment(signsFrom)}
          where kid = ${kid} and killed_at is null and signs_from > ${moment(signsFrom)}
          returning kid, purpose, algorithm, slot, signs_from
        ), ended as (${endEarlier(at)})
        select kid from begun`);
      return rows.length === 1;
    },

    /**
     * Null when it is killed already. The note lives until the last token that the key may have signed is dead. A key
     * that was to hand over to the killed one signs on: until another successor begins, or without an end while there is none.
     */
    async kill(kid: string, at: Date, expiresAt: Date): Promise<NotedKill | null> {
      const { rows } = await database.execute<{ number: string }>(sql`
        with killed as (
          update ${signingKeys} set killed_at = ${moment(at)}, private_jwk_sealed = ''
          where kid = ${kid} and killed_at is null returning kid, purpose, algorithm
        ), prolonged as (
          update ${signingKeys} signer set signs_until = (
            select min(other.signs_from) from ${signingKeys} other
            where other.purpose = signer.purpose and other.algorithm = signer.algorithm and other.kid <> ${kid}
              and other.killed_at is null and other.signs_from > ${moment(at)}
          ) from killed
          where signer.purpose = killed.purpose and signer.algorithm = killed.algorithm and signer.kid <> ${kid}
            and signer.killed_at is null and signer.signs_from <= ${moment(at)} and signer.signs_until > ${moment(at)}
        )
        insert into ${changeOutbox} (kind, subject_id, version, noted_at, expires_at)
        select 'signing-key', kid, 0, ${moment(at)}, ${moment(expiresAt)} from killed
        returning number`);
      const [row] = rows;
      return row
        ? { kind: "signing-key", subjectId: kid, number: Number(row.number), notedAt: at, expiresAt }
        : null;
    },

    /** True for the one who did it, and only for a key that ended before `endedBefore`. */
    async retire(kid: string, endedBefore: Date): Promise<boolean> {
      const { rows } = await database.execute(sql`
        update ${signingKeys} set private_jwk_sealed = ''
        where kid = ${kid} and private_jwk_sealed <> '' and killed_at is null and signs_until <= ${moment(endedBefore)}
        returning kid`);
      return rows.length === 1;
    },

    /** Guarded by what was sealed before, so that two who re-seal, or one who retires, do not undo each other. */
    async reseal(kid: string, before: string, after: string): Promise<void> {
      await database
        .update(signingKeys)
        .set({ privateJwkSealed: after })
        .where(sql`${eq(signingKeys.kid, kid)} and ${eq(signingKeys.privateJwkSealed, before)}`);
    },
  };
}

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>;
