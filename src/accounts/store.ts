import { and, desc, eq, lt, ne, or } from "drizzle-orm";
import { type Database, isUniqueViolation } from "../storage/database.ts";
import type { AccountFilter } from "./account.ts";
import { accounts, mailLinks } from "./tables.ts";

/** With the hash of the password: never leaves this room. */
export type AccountRow = typeof accounts.$inferSelect;

/** What is read, and what changes nothing else than its own row. */
export function createAccountStore(database: Database) {
  return {
    /** The hot look-up of a sign-in: one row by its unique address. */
    async findByAddress(emailCanonical: string): Promise<AccountRow | null> {
      const [row] = await database
        .select()
        .from(accounts)
        .where(eq(accounts.emailCanonical, emailCanonical))
        .limit(1);
      return row ?? null;
    },

    async find(id: string): Promise<AccountRow | null> {
      const [row] = await database.select().from(accounts).where(eq(accounts.id, id)).limit(1);
      return row ?? null;
    },

    async list({ state, emailCanonical, after, limit }: StoredFilter): Promise<AccountRow[]> {
      return await database
        .select()
        .from(accounts)
        .where(
          and(
            state ? eq(accounts.state, state) : ne(accounts.state, "deleted"),
            emailCanonical ? eq(accounts.emailCanonical, emailCanonical) : undefined,
            after
              ? or(
                  lt(accounts.createdAt, after.createdAt),
                  and(eq(accounts.createdAt, after.createdAt), lt(accounts.id, after.id)),
                )
              : undefined,
          ),
        )
        .orderBy(desc(accounts.createdAt), desc(accounts.id))
        .limit(limit);
    },

    /** False when the address is taken. */
    async insert(row: typeof accounts.$inferInsert): Promise<boolean> {
      try {
        await database.insert(accounts).values(row);
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },

    /** Only while the old hash stands: a password that was changed meanwhile is not changed back. */
    async upgradePassword(id: string, hashes: { old: string; next: string }): Promise<boolean> {
      const rows = await database
        .update(accounts)
        .set({ passwordHash: hashes.next })
        .where(and(eq(accounts.id, id), eq(accounts.passwordHash, hashes.old)))
        .returning({ id: accounts.id });
      return rows.length === 1;
    },

    /** For the cron trigger: links that nobody can use any more, with the addresses in them. */
    async deleteExpiredLinks(before: Date): Promise<void> {
      await database.delete(mailLinks).where(lt(mailLinks.expiresAt, before));
    },
  };
}

export type AccountStore = ReturnType<typeof createAccountStore>;

export type StoredFilter = Omit<AccountFilter, "email"> & { readonly emailCanonical?: string | undefined };
