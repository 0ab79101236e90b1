import type { refreshFamilies } from "./tables.ts";

/** A family that nobody uses ends after this; each rotation puts the end off. */
export const idleSeconds = 7 * 86_400;
/** And after this it ends whatever happens: rotation never moves it. */
export const absoluteSeconds = 30 * 86_400;

/** What a sign-in decides about its tokens, once and for all of them. */
export type FamilyDraft = {
  readonly sessionId: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly authTime: Date;
  readonly acr: string;
  readonly amr: readonly string[];
  /** When "everything before" of this account was last revoked: its new tokens must not look older. */
  readonly tokensFrom: Date | null;
  /** Takes the place of a session that would have ended then. */
  readonly endsAt?: Date | null;
};

export type NewFamily = typeof refreshFamilies.$inferInsert;

/** The row of a new family, to be inserted in one statement with the session it belongs to. */
export function familyOf(
  draft: FamilyDraft,
  first: { id: string; tokenHash: string; secretVersion: number; at: Date },
): NewFamily {
  const { at } = first;
  const { endsAt = null, ...decided } = draft;
  const absolute = Math.min(
    at.getTime() + absoluteSeconds * 1000,
    endsAt?.getTime() ?? Number.POSITIVE_INFINITY,
  );
  return {
    ...decided,
    id: first.id,
    scopes: [...draft.scopes],
    amr: [...draft.amr],
    currentHash: first.tokenHash,
    previousHash: null,
    generation: 0,
    rotatedAt: at,
    secretVersion: first.secretVersion,
    createdAt: at,
    idleExpiresAt: new Date(Math.min(at.getTime() + idleSeconds * 1000, absolute)),
    absoluteExpiresAt: new Date(absolute),
    revokedAt: null,
    revokedReason: null,
  };
}
