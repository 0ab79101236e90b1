import { asc, isNull } from "drizzle-orm";
import type { Database } from "../storage/database.ts";
import { signingKeys } from "./tables.ts";

export type SigningKeyRow = typeof signingKeys.$inferSelect;
export type Purpose = SigningKeyRow["purpose"];

export function createSigningKeyStore(database: Database) {
  return {
    async list(): Promise<SigningKeyRow[]> {
      return await database
        .select()
        .from(signingKeys)
        .where(isNull(signingKeys.killedAt))
        .orderBy(asc(signingKeys.publishedAt), asc(signingKeys.kid));
    },

    /** False when the slot was taken meanwhile: the loser reads the winner's. */
    async insert(row: SigningKeyRow): Promise<boolean> {
      const made = await database
        .insert(signingKeys)
        .values(row)
        .onConflictDoNothing()
        .returning({ kid: signingKeys.kid });
      return made.length === 1;
    },
  };
}

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>;
