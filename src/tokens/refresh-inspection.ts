import { sha256Hex } from "../crypto/digest.ts";
import type { FamilyStore } from "./families.store.ts";
import type { RefreshFormat } from "./refresh-format.ts";

export type RefreshTokenShown = {
  readonly scopes: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
};

/** What a refresh token is good for, without using it. One round trip of Postgres, none before the tag is right. */
export function createRefreshInspection(options: {
  store: FamilyStore;
  format: Pick<RefreshFormat, "parse">;
  now: () => number;
}) {
  const { store, format, now } = options;
  return {
    /** Null: none of ours or of this client's, not the newest of its family, or its family has ended. */
    async inspect(text: string, clientId: string): Promise<RefreshTokenShown | null> {
      const parsed = await format.parse(text);
      const family = parsed.ok ? await store.find(parsed.familyId, clientId) : null;
      if (!family || family.revokedAt || family.currentHash !== (await sha256Hex(text))) return null;
      const { scopes, rotatedAt, idleExpiresAt, absoluteExpiresAt } = family;
      const expiresAt = idleExpiresAt < absoluteExpiresAt ? idleExpiresAt : absoluteExpiresAt;
      return expiresAt.getTime() > now() ? { scopes, issuedAt: rotatedAt, expiresAt } : null;
    },
  };
}

export type RefreshInspection = ReturnType<typeof createRefreshInspection>;
