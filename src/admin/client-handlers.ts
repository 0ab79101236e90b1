import type { InferOutput } from "valibot";
import type { BackChannelLogout } from "../oauth/back-channel-logout.ts";
import { type Client, type ClientMetadata, standardMetadata } from "../oauth/client.ts";
import { metadataOf, wireOf } from "../oauth/client-wire.ts";
import type { Clients, MadeClient } from "../oauth/clients.ts";
import type { LogoutNotice } from "../oauth/logout-notices.store.ts";
import { type Handlers, idOf, requireChange } from "./call.ts";
import type {
  createClientInput,
  listClientsQuery,
  rotateClientSecretInput,
  updateClientInput,
} from "./client-input.ts";
import { pageOf, parseCursor } from "./cursor.ts";
import { reachView } from "./views.ts";

/** RFC 7591 §3.2.1: what is registered, and when its secrets end; never a secret or its hash. */
export const clientView = (client: Client) => ({
  client_id: client.id,
  client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
  ...wireOf(client),
  secrets: client.secrets.map(({ createdAt, expiresAt }) => ({
    created_at: createdAt,
    expires_at: expiresAt,
  })),
  enabled: client.enabled,
  registered_by: client.registeredBy,
  created_at: client.createdAt.toISOString(),
  updated_at: client.updatedAt.toISOString(),
});

/** The secret this once. It does not expire by itself, which the RFC writes as 0. */
const secretView = ({ secret }: MadeClient) =>
  secret === null ? {} : { client_secret: secret, client_secret_expires_at: 0 };

export const noticeView = (notice: LogoutNotice) => ({
  session_id: notice.sessionId,
  user_id: notice.accountId,
  state: notice.state,
  attempts: notice.attempts,
  last_status: notice.lastStatus,
  noted_at: notice.notedAt.toISOString(),
  next_attempt_at: notice.state === "waiting" ? notice.dueAt.toISOString() : null,
  settled_at: notice.settledAt?.toISOString() ?? null,
});

export function clientHandlers({
  clients,
  backChannelLogout,
}: {
  readonly clients: Clients;
  readonly backChannelLogout: Pick<BackChannelLogout, "list">;
}) {
  return {
    async createClient({ body, operator }) {
      const metadata = draftOf(metadataOf(body as InferOutput<typeof createClientInput>));
      const made = await clients.create(metadata, operator);
      return { ...clientView(made.client), ...secretView(made) };
    },
    async listClients({ query }) {
      const { limit, cursor } = query as InferOutput<typeof listClientsQuery>;
      const after = cursor === undefined ? undefined : parseCursor(cursor);
      const found = await clients.list({
        after: after && { createdAt: after.at, id: after.id },
        limit: limit + 1,
      });
      const page = pageOf(found, limit, (client) => ({ at: client.createdAt, id: client.id }));
      return { data: page.rows.map(clientView), next_cursor: page.nextCursor };
    },
    getClient: async ({ params }) => clientView(await clients.get(idOf(params))),
    listLogoutNotices: async ({ params }) => ({
      data: (await backChannelLogout.list(idOf(params))).map(noticeView),
    }),
    async updateClient({ params, body, operator }) {
      const { enabled, ...wire } = body as InferOutput<typeof updateClientInput>;
      const edits = { ...metadataOf(wire), ...(enabled === undefined ? {} : { enabled }) };
      requireChange(edits);
      const { reach, ...made } = await clients.update(idOf(params), edits, operator);
      return { ...clientView(made.client), ...secretView(made), ...reachView(reach) };
    },
    async rotateClientSecret({ params, body, operator }) {
      const { overlap_seconds } = body as InferOutput<typeof rotateClientSecretInput>;
      const { reach, ...made } = await clients.rotateSecret(idOf(params), overlap_seconds, operator);
      return { ...clientView(made.client), ...secretView(made), ...reachView(reach) };
    },
    deleteClient: async ({ params, operator }) => reachView(await clients.delete(idOf(params), operator)),
  } satisfies Handlers;
}

/** A client without the grant of the browser has no response type to be registered with. */
function draftOf(said: Partial<ClientMetadata>): ClientMetadata {
  const metadata = { ...standardMetadata, ...said };
  const isForBrowsers = metadata.grantTypes.includes("authorization_code");
  return said.responseTypes || isForBrowsers ? metadata : { ...metadata, responseTypes: [] };
}
