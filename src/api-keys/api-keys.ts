import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, EventType, Origin, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import { displayPrefixOf, type Environment, type KeyFormat } from "./key-format.ts";
import { type KeyRecord, type Owner, refusalOf } from "./record.ts";
import type { ApiKeyStore, Changed, KeyEdits, KeyFilter, NewKey } from "./store.ts";

/** Who changes something, on whose behalf events are written. */
export type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

export type KeyDraft = Pick<
  KeyRecord,
  "name" | "owner" | "environment" | "scopes" | "allowedAddresses" | "limits" | "metadata" | "expiresAt"
>;
export type ImportedDraft = KeyDraft & { readonly secretHash: string; readonly prefix: string };
export type LeakPolicy = "flag" | "expire" | "revoke";

/** How long a leaked key lives on under the policy `expire`: long enough to rotate without an outage. */
const leakedLifeMilliseconds = 24 * 3_600_000;
const feedBatch = 500;
const reportedMax = 1000;
const reportedMilliseconds = 60_000;

/**
 * The life of a key: made, changed, rotated, revoked, removed. Every change is one statement with its note for the
 * edges, then told to them; `effectiveEverywhereBy` is when the last of them knows.
 */
export function createApiKeys(options: {
  store: ApiKeyStore;
  format: KeyFormat;
  revocation: Pick<Revocation, "announceNow">;
  audit: Pick<Audit, "record">;
  importedKeyPrefixes: readonly string[];
  leakPolicy: LeakPolicy;
  forget: (keyId: string) => void;
  /** No copy of a record anywhere is older than this. */
  copiesLiveMilliseconds: number;
  now: () => number;
}) {
  const { store, format, revocation, audit, now } = options;
  const reported = new Set<string>();
  let reportedSince = now();

  function note(
    type: EventType,
    record: { id: string },
    operator: Operator,
    reason: EventReason | null = null,
  ): void {
    const { actor, origin, background } = operator;
    const subject = { type: "key", id: record.id } as const;
    audit.record({ type, outcome: "done", reason, actor, subject, origin }, background);
  }

  /** Tells the edges, and this isolate at once. */
  async function spread({ records, noted }: Changed, background: Background): Promise<Reach> {
    for (const record of records) options.forget(record.id);
    let reach: Reach = { effectiveEverywhereBy: new Date(now()), announced: true };
    for (let from = 0; from < noted.length; from += feedBatch) {
      const told = await revocation.announceNow(noted.slice(from, from + feedBatch), background);
      const isLater = told.effectiveEverywhereBy > reach.effectiveEverywhereBy;
      reach = {
        effectiveEverywhereBy: isLater ? told.effectiveEverywhereBy : reach.effectiveEverywhereBy,
        announced: reach.announced && told.announced,
      };
    }
    return reach;
  }

  async function get(id: string): Promise<KeyRecord> {
    const record = await store.find(id);
    if (!record) throw new AuthError("not_found", "no key has this id");
    return record;
  }

  /** The one record of a change; when nothing changed, the reason why. */
  async function changedOne(changed: Changed, id: string): Promise<KeyRecord> {
    const [record] = changed.records;
    if (record) return record;
    const refusal = refusalOf(await get(id), now());
    throw new AuthError("conflict", `the key is ${refusal ?? "no longer in that state"}`);
  }

  function newKey(draft: KeyDraft, secretHash: string, displayPrefix: string, createdBy: string): NewKey {
    const id = `key_${randomBase62(22)}`;
    const at = new Date(now());
    return {
      ...draft,
      id,
      lineageId: id,
      secretHash,
      displayPrefix,
      enabled: true,
      revokedAt: null,
      deletedAt: null,
      exposedAt: null,
      replaces: null,
      replacedBy: null,
      imported: false,
      createdBy,
      createdAt: at,
      updatedAt: at,
    };
  }

  /** A key that is sent in one URL is sent in the next one too: looked up once in a while, not each time. */
  const isReported = (hash: string): boolean =>
    now() - reportedSince <= reportedMilliseconds && reported.has(hash);

  function keepReported(hash: string): void {
    if (reported.size >= reportedMax || now() - reportedSince > reportedMilliseconds) {
      reported.clear();
      reportedSince = now();
    }
    reported.add(hash);
  }

  return {
    get,
    list: (filter: KeyFilter): Promise<KeyRecord[]> => store.list(filter),

    /** `key` is the secret, this once: only its SHA-256 is kept. */
    async create(draft: KeyDraft, operator: Operator): Promise<{ key: string; record: KeyRecord }> {
      const key = await format.make(draft.environment);
      const record = await store.insert(
        newKey(draft, await sha256Hex(key), displayPrefixOf(key), operator.actor.id),
      );
      note("key.created", record, operator);
      return { key, record };
    },

    /** Keys made elsewhere, by the SHA-256 of their whole text. All of them, or none when one hash is already known. */
    async import(drafts: readonly ImportedDraft[], operator: Operator): Promise<KeyRecord[]> {
      const rows = drafts.map(({ secretHash, prefix, ...draft }) => ({
        ...newKey(draft, secretHash, prefix, operator.actor.id),
        imported: true,
      }));
      for (const { prefix } of drafts) requireDeclaredPrefix(prefix, options.importedKeyPrefixes);
      const records = await store.insertUnlessKnown(rows);
      if (!records) {
        throw new AuthError("conflict", "a key with one of these hashes exists already; none was imported");
      }
      for (const record of records) note("key.imported", record, operator);
      return records;
    },

    async update(
      id: string,
      edits: KeyEdits,
      operator: Operator,
    ): Promise<{ record: KeyRecord; reach: Reach }> {
      const changed = await store.edit(id, edits, new Date(now()));
      const record = await changedOne(changed, id);
      const reach = await spread(changed, operator.background);
      if (edits.enabled !== undefined) note(edits.enabled ? "key.enabled" : "key.disabled", record, operator);
      if (Object.keys(edits).some((edit) => edit !== "enabled")) note("key.updated", record, operator);
      return { record, reach };
    },

    /**
     * The successor keeps owner, scopes, limits and lineage; the old key dies by the clock when the overlap ends.
     * A key that is itself replaced, disabled, expired or revoked is not rotated: 409.
     */
    async rotate(
      id: string,
      input: { overlapSeconds: number; expiresAt?: Date | null },
      operator: Operator,
    ): Promise<{ key: string; record: KeyRecord; replaced: KeyRecord; reach: Reach }> {
      const old = await get(id);
      const at = new Date(now());
      const key = await format.make(old.environment);
      const successor = {
        id: `key_${randomBase62(22)}`,
        secretHash: await sha256Hex(key),
        displayPrefix: displayPrefixOf(key),
        createdBy: operator.actor.id,
        ...(input.expiresAt === undefined ? {} : { expiresAt: input.expiresAt }),
      };
      const oldEndsAt = new Date(at.getTime() + input.overlapSeconds * 1000);
      const changed = await store.rotate(id, successor, { at, oldEndsAt });
      if (changed.records.length === 0 && (await get(id)).replacedBy !== null) {
        throw new AuthError("conflict", "the key was already rotated; rotate its successor");
      }
      const replaced = await changedOne(changed, id);
      const { successor: record } = changed;
      if (!record) throw new AuthError("internal", "a rotation without a successor");
      const reach = await spread(changed, operator.background);
      note("key.rotated", replaced, operator);
      note("key.created", record, operator);
      return { key, record, replaced, reach };
    },

    /** Revoking twice answers the same: the first time stands. */
    async revoke(id: string, operator: Operator): Promise<{ revokedAt: Date; reach: Reach }> {
      const changed = await store.revoke(id, new Date(now()));
      const [record] = changed.records;
      if (!record) {
        const known = await get(id);
        if (!known.revokedAt) throw new AuthError("conflict", "the key is deleted");
        // The first answer may have been lost, or may have promised a late time: the edges are told again.
        const reach = await revocation.announceNow(
          [{ kind: "key", subjectId: id, number: 0 }],
          operator.background,
        );
        return { revokedAt: known.revokedAt, reach };
      }
      const reach = await spread(changed, operator.background);
      note("key.revoked", record, operator, "by_operator");
      return { revokedAt: record.revokedAt ?? new Date(now()), reach };
    },

    async revokeOfOwner(
      owner: Owner,
      operator: Operator,
    ): Promise<{ revokedAt: Date; keyIds: string[]; reach: Reach }> {
      const revokedAt = new Date(now());
      const earlier = await store.findRevokedOfOwner(owner, new Date(now() - options.copiesLiveMilliseconds));
      const changed = await store.revokeOfOwner(owner, revokedAt);
      // A first answer may have been lost, or may have promised a late time: the edges are told of those again.
      const again = earlier.map((subjectId) => ({ kind: "key", subjectId, number: 0 }) as const);
      const reach = await spread({ ...changed, noted: [...changed.noted, ...again] }, operator.background);
      const { actor, origin, background } = operator;
      audit.record(
        { type: "owner.keys_revoked", outcome: "done", reason: "by_operator", actor, subject: owner, origin },
        background,
      );
      for (const record of changed.records) note("key.revoked", record, operator, "by_owner_revocation");
      return { revokedAt, keyIds: changed.records.map((record) => record.id), reach };
    },

    async remove(id: string, operator: Operator): Promise<{ deletedAt: Date; reach: Reach }> {
      const changed = await store.delete(id, new Date(now()));
      const record = await changedOne(changed, id);
      const reach = await spread(changed, operator.background);
      note("key.deleted", record, operator);
      return { deletedAt: record.deletedAt ?? new Date(now()), reach };
    },

    /**
     * A key was seen where none may be. When it is one of ours and still opens something, the policy decides: flag,
     * let it end within a day, or revoke. Anything else leaves no trace.
     */
    async reportExposure(
      text: string,
      reason: "credential_in_url" | "plain_http" | "reported",
      operator: Omit<Operator, "actor">,
    ): Promise<void> {
      if (!(await format.check(text)).ok) return;
      const hash = await sha256Hex(text);
      if (isReported(hash)) return;
      const record = await store.findByHash(hash);
      keepReported(hash);
      if (!record || record.exposedAt || refusalOf(record, now())) return;
      const at = new Date(now());
      const end = {
        ...(options.leakPolicy === "expire"
          ? { expiresBy: new Date(at.getTime() + leakedLifeMilliseconds) }
          : {}),
        ...(options.leakPolicy === "revoke" ? { revoke: true } : {}),
      };
      const changed = await store.expose(record.id, at, end);
      if (changed.records.length === 0) return;
      await spread(changed, operator.background);
      const actor = { type: "stranger", id: "" } as const;
      note("key.exposed", record, { ...operator, actor }, reason);
    },
  };
}

export type ApiKeys = ReturnType<typeof createApiKeys>;
export type { Environment };

/** An imported key has no tag of ours: only its declared prefix lets it past the offline check. */
function requireDeclaredPrefix(prefix: string, declared: readonly string[]): void {
  if (declared.includes(prefix)) return;
  throw new AuthError(
    "invalid_request",
    "prefix: declare it in IMPORTED_KEY_PREFIXES first, or these keys could never be presented",
  );
}
