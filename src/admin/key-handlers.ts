import { type InferOutput, is } from "valibot";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import type { Owner } from "../api-keys/record.ts";
import { AuthError } from "../errors/auth-error.ts";
import { type Handlers, idOf, requireChange } from "./call.ts";
import { pageOf, parseCursor } from "./cursor.ts";
import {
  type createKeyInput,
  type importKeysInput,
  type listKeysQuery,
  ownerInput,
  type rotateKeyInput,
  type updateKeyInput,
} from "./input.ts";
import { keyView, lastUseView, reachView } from "./views.ts";

type Deps = { readonly apiKeys: ApiKeys; readonly now: () => number };

const draftOf = (input: InferOutput<typeof createKeyInput>) => ({
  name: input.name,
  owner: input.owner,
  environment: input.environment,
  scopes: input.scopes,
  expiresAt: input.expires_at,
  allowedAddresses: input.allowed_addresses,
  limits: input.limits,
  metadata: input.metadata,
});

/** A time already past would make a key that never opened anything: surely a mistake. */
function requireFuture(at: Date | null | undefined, now: number): void {
  if (at && at.getTime() <= now) throw new AuthError("invalid_request", "expires_at: must be in the future");
}

/** New keys, and what is known of those there are. */
export function keyHandlers({ apiKeys, now }: Deps) {
  return {
    async createKey({ body, operator }) {
      const input = body as InferOutput<typeof createKeyInput>;
      requireFuture(input.expires_at, now());
      const { key, record } = await apiKeys.create(draftOf(input), operator);
      return { ...keyView(record, now()), key };
    },
    async importKeys({ body, operator }) {
      const { keys } = body as InferOutput<typeof importKeysInput>;
      for (const key of keys) requireFuture(key.expires_at, now());
      const drafts = keys.map((key) => ({ ...draftOf(key), secretHash: key.sha256, prefix: key.prefix }));
      const records = await apiKeys.import(drafts, operator);
      return { data: records.map((record) => keyView(record, now())) };
    },
    async listKeys({ query }) {
      const { limit, cursor, owner_type, owner_id, environment } = query as InferOutput<typeof listKeysQuery>;
      if ((owner_type === undefined) !== (owner_id === undefined)) {
        throw new AuthError("invalid_request", "owner_type and owner_id go together");
      }
      const after = cursor === undefined ? undefined : parseCursor(cursor);
      const records = await apiKeys.list({
        owner: owner_type && owner_id ? { type: owner_type, id: owner_id } : undefined,
        environment,
        after: after && { createdAt: after.at, id: after.id },
        limit: limit + 1,
      });
      const page = pageOf(records, limit, (record) => ({ at: record.createdAt, id: record.id }));
      return { data: page.rows.map((record) => keyView(record, now())), next_cursor: page.nextCursor };
    },
    getKey: async ({ params }) => keyView(await apiKeys.get(idOf(params)), now()),
  } satisfies Handlers;
}

export function keyChangeHandlers({ apiKeys, now }: Deps) {
  return {
    async updateKey({ params, body, operator }) {
      const { expires_at, allowed_addresses, ...rest } = body as InferOutput<typeof updateKeyInput>;
      requireFuture(expires_at, now());
      const edits = {
        ...rest,
        ...(expires_at === undefined ? {} : { expiresAt: expires_at }),
        ...(allowed_addresses === undefined ? {} : { allowedAddresses: allowed_addresses }),
      };
      requireChange(edits);
      const { record, reach } = await apiKeys.update(idOf(params), edits, operator);
      return { ...keyView(record, now()), ...reachView(reach) };
    },
    async rotateKey({ params, body, operator }) {
      const { overlap_seconds, expires_at } = body as InferOutput<typeof rotateKeyInput>;
      requireFuture(expires_at, now());
      const input = {
        overlapSeconds: overlap_seconds,
        ...(expires_at === undefined ? {} : { expiresAt: expires_at }),
      };
      const { key, record, replaced, reach } = await apiKeys.rotate(idOf(params), input, operator);
      return {
        ...keyView(record, now()),
        key,
        replaced: { ...keyView(replaced, now()), still_in_use: lastUseView(replaced) },
        ...reachView(reach),
      };
    },
    async revokeKey({ params, operator }) {
      const { revokedAt, reach } = await apiKeys.revoke(idOf(params), operator);
      return { revoked_at: revokedAt.toISOString(), ...reachView(reach) };
    },
    async deleteKey({ params, operator }) {
      const { deletedAt, reach } = await apiKeys.remove(idOf(params), operator);
      return { deleted_at: deletedAt.toISOString(), ...reachView(reach) };
    },
    async revokeOwnerKeys({ params, operator }) {
      const { revokedAt, keyIds, reach } = await apiKeys.revokeOfOwner(ownerOf(params), operator);
      return { revoked_at: revokedAt.toISOString(), ...reachView(reach), key_ids: keyIds };
    },
  } satisfies Handlers;
}

function ownerOf({ type, id }: Readonly<Record<string, string>>): Owner {
  const owner = { type, id };
  if (!is(ownerInput, owner)) throw new AuthError("not_found", "no owner is named like this");
  return owner;
}
