import type { Audit, Background } from "../audit/audit.ts";
import type { EventType, Origin, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import type { Client, ClientMetadata } from "./client.ts";
import type { ClientAsked, ClientBook } from "./client-book.ts";
import { requireMeaning } from "./client-rules.ts";
import { newSecret, rotated } from "./client-secret.ts";
import type { ChangedClient, ClientFilter, ClientStore } from "./clients.store.ts";

type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

/** `secret` is its text, this once; null: the client has none. */
export type MadeClient = { readonly client: Client; readonly secret: string | null };
export type ClientEdits = Partial<ClientMetadata> & { readonly enabled?: boolean };

/** Visible ASCII; longer than any of ours, and than any URL that is one. */
const idShape = /^[\x21-\x7e]{1,512}$/;

const hasSecret = ({ authenticationMethod }: Pick<Client, "authenticationMethod">): boolean =>
  authenticationMethod === "client_secret_basic" || authenticationMethod === "client_secret_post";

/** The applications that people and machines use us through: found by whoever serves them, changed by operators. */
export function createClients(options: {
  store: ClientStore;
  book: ClientBook;
  revocation: Pick<Revocation, "announceNow" | "boundMilliseconds">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { store, book, revocation, audit, now } = options;

  function note(type: EventType, id: string, { actor, origin, background }: Operator): void {
    const subject = { type: "client", id } as const;
    audit.record({ type, outcome: "done", reason: null, actor, subject, origin }, background);
  }

  async function get(id: string): Promise<Client> {
    const client = await store.find(id);
    if (!client) throw new AuthError("not_found", "no client has this id");
    return client;
  }

  /** Tokens are still made until the last isolate knows, and those must die as well. */
  const lastTokensAt = (): Date => new Date(now() + revocation.boundMilliseconds);

  async function replace(client: Client, endsTokens = false): Promise<ChangedClient> {
    const changed = await store.replace(client, new Date(now()), endsTokens ? lastTokensAt() : null);
    if (!changed) throw new AuthError("conflict", "the client changed meanwhile; try again");
    book.forget(client.id);
    return changed;
  }

  const announce = ({ noted }: ChangedClient, { background }: Operator): Promise<Reach> =>
    revocation.announceNow(noted, background);

  async function create(
    metadata: ClientMetadata,
    operator: Operator,
    registeredBy: Client["registeredBy"] = "operator",
  ): Promise<MadeClient> {
    requireMeaning(metadata);
    const at = new Date(now());
    const secret = hasSecret(metadata) ? await newSecret(at) : null;
    const client: Client = {
      ...metadata,
      id: `cli_${randomBase62(22)}`,
      version: 1,
      secrets: secret ? [secret.kept] : [],
      enabled: true,
      registeredBy,
      createdAt: at,
      updatedAt: at,
    };
    if (!(await store.insert(client))) throw new AuthError("conflict", "a client has this id already");
    note("client.created", client.id, operator);
    return { client, secret: secret?.text ?? null };
  }

  /** A client that is to prove itself by a secret and has none is given one; one that is not to loses those it had. */
  async function secretsAfter(old: Client, edited: Client): Promise<MadeClient> {
    if (!hasSecret(edited)) return { client: { ...edited, secrets: [] }, secret: null };
    if (hasSecret(old)) return { client: edited, secret: null };
    const { text, kept } = await newSecret(new Date(now()));
    return { client: { ...edited, secrets: [kept] }, secret: text };
  }

  return {
    /** Null: nobody has this id, or it is disabled. Throws `unavailable` when that cannot be told. */
    find: async (id: string, asked: ClientAsked): Promise<Client | null> => {
      const client = idShape.test(id) ? await book.find(id, asked) : null;
      return client?.enabled ? client : null;
    },
    /** Whether a look-up would ask no store for the record itself. No call. */
    isKnown: book.isKnown,
    /** As the source has it now, enabled or not; throws `not_found`. */
    get,
    list: (filter: ClientFilter): Promise<Client[]> => store.list(filter),
    create,

    async update(
      id: string,
      edits: ClientEdits,
      operator: Operator,
    ): Promise<MadeClient & { readonly reach: Reach }> {
      const old = await get(id);
      requireMeaning({ ...old, ...edits });
      const { client, secret } = await secretsAfter(old, { ...old, ...edits });
      const changed = await replace(client, old.enabled && !client.enabled);
      const reach = await announce(changed, operator);
      if (edits.enabled !== undefined)
        note(edits.enabled ? "client.enabled" : "client.disabled", id, operator);
      if (Object.keys(edits).some((edit) => edit !== "enabled")) note("client.updated", id, operator);
      return { client: changed.client, secret, reach };
    },

    /** For `overlapSeconds` the newest secret lives on beside its successor; an older one ends at once. */
    async rotateSecret(
      id: string,
      overlapSeconds: number,
      operator: Operator,
    ): Promise<MadeClient & { readonly reach: Reach }> {
      const client = await get(id);
      if (!hasSecret(client)) throw new AuthError("conflict", "the client has no secret");
      const at = new Date(now());
      const { text, kept } = await newSecret(at);
      const oldEndsAt = new Date(at.getTime() + overlapSeconds * 1000);
      const changed = await replace({ ...client, secrets: rotated(client.secrets, kept, { at, oldEndsAt }) });
      const reach = await announce(changed, operator);
      note("client.secret_rotated", id, operator);
      return { client: changed.client, secret: text, reach };
    },

    /** Everything it was given ends with it. */
    async delete(id: string, operator: Operator): Promise<Reach> {
      const changed = await store.delete(id, new Date(now()), lastTokensAt());
      if (!changed) throw new AuthError("not_found", "no client has this id");
      book.forget(id);
      const reach = await announce(changed, operator);
      note("client.deleted", id, operator);
      return reach;
    },
  };
}

export type Clients = ReturnType<typeof createClients>;
