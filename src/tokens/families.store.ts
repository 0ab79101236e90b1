import { and, eq } from "drizzle-orm";
import type { Database } from "../storage/database.ts";
import { refreshFamilies } from "./tables.ts";

/** Families as they stand, for whoever only looks. */
export function createFamilyStore(database: Database) {
  return {
    async find(id: string, clientId: string): Promise<typeof refreshFamilies.$inferSelect | null> {
      const [row] = await database
        .select()
        .from(refreshFamilies)
        .where(and(eq(refreshFamilies.id, id), eq(refreshFamilies.clientId, clientId)))
        .limit(1);
      return row ?? null;
    },
  };
}

export type FamilyStore = ReturnType<typeof createFamilyStore>;
