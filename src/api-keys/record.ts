import type { Environment } from "./key-format.ts";

export const ownerTypes = ["user", "organization", "service"] as const;
export type Owner = { readonly type: (typeof ownerTypes)[number]; readonly id: string };

/** A limit of the key's own, counted over its whole lineage: a rotation gives no second budget. */
export type KeyLimit = { readonly name: string; readonly limit: number; readonly windowSeconds: number };

export type KeyRecord = {
  readonly id: string;
  /** Shared by a key and its successors; what limits count. */
  readonly lineageId: string;
  readonly name: string;
  readonly owner: Owner;
  readonly environment: Environment;
  readonly displayPrefix: string;
  readonly scopes: readonly string[];
  readonly allowedAddresses: readonly string[];
  readonly limits: readonly KeyLimit[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  /** Its owner is a person whose account is disabled or deleted: it opens nothing, whatever the key itself says. */
  readonly ownerDisabled: boolean;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly deletedAt: Date | null;
  readonly exposedAt: Date | null;
  readonly replaces: string | null;
  readonly replacedBy: string | null;
  readonly imported: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastUsedAt: Date | null;
  readonly lastUsedAddress: string | null;
  readonly lastUsedCountry: string | null;
  /** Grows with each change that a check must know of. */
  readonly version: number;
};

export type RecordRefusal = "revoked" | "deleted" | "expired" | "disabled";

/** Whether the record itself may still open anything, at this time. Expiry is decided here, never by a store's TTL. */
export function refusalOf(record: KeyRecord, now: number): RecordRefusal | null {
  if (record.revokedAt) return "revoked";
  if (record.deletedAt) return "deleted";
  if (record.expiresAt && record.expiresAt.getTime() <= now) return "expired";
  if (!record.enabled || record.ownerDisabled) return "disabled";
  return null;
}

/** RFC 6749 §3.3: what a scope may be made of. */
export const isScope = (text: string): boolean =>
  /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(text) && !text.includes(",");

export const metadataBytesMax = 4096;
export const overlapSecondsMax = 30 * 86_400;
