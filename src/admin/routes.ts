import { type Context, Hono } from "hono";
import { type InferOutput, is } from "valibot";
import type { ApiKeys, Operator } from "../api-keys/api-keys.ts";
import type { Owner } from "../api-keys/record.ts";
import type { Audit } from "../audit/audit.ts";
import { type OperatorAccess, ownScopes } from "../authentication/operator-access.ts";
import { AuthError } from "../errors/auth-error.ts";
import { publicUrlOf, type Route } from "../gateway/route.ts";
import type { RouteAdmin } from "../gateway/route-admin.ts";
import type { RouteDraft } from "../gateway/store.ts";
import { parseInput, readJson } from "../http/body.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import { pageOf, parseCursor } from "./cursor.ts";
import {
  bodyOf,
  type createKeyInput,
  type createRouteInput,
  type importKeysInput,
  type listEventsQuery,
  type listKeysQuery,
  ownerInput,
  type rotateKeyInput,
  type updateKeyInput,
  type updateRouteInput,
} from "./input.ts";
import { openApiDocument } from "./openapi.ts";
import { type Operation, type OperationId, operations } from "./operations.ts";
import { eventView, keyView, lastUseView, reachView, routeView } from "./views.ts";

type Deps = {
  readonly access: OperatorAccess;
  readonly apiKeys: ApiKeys;
  readonly routeAdmin: RouteAdmin;
  readonly audit: Audit;
  readonly issuer: string;
  readonly now: () => number;
};

/** One call of the management API: its parsed input, and who makes it. */
type Call = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly operator: Operator;
};
type Handler = (call: Call) => Promise<object>;

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

function requireChange(edits: object): void {
  if (Object.keys(edits).length === 0) {
    throw new AuthError("invalid_request", "name at least one field to change");
  }
}

/** New keys, and what is known of those there are. */
function keyHandlers({ apiKeys, now }: Deps) {
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
  } satisfies Partial<Record<OperationId, Handler>>;
}

function keyChangeHandlers({ apiKeys, now }: Deps) {
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
  } satisfies Partial<Record<OperationId, Handler>>;
}

function routeHandlers({ routeAdmin, issuer }: Deps) {
  const view = (route: Route) => routeView(route, publicUrlOf(route, issuer));
  return {
    async createRoute({ body, operator }) {
      const draft = routeDraftOf(body as InferOutput<typeof createRouteInput>) as RouteDraft;
      const { route, reach } = await routeAdmin.create(draft, operator);
      return { ...view(route), ...reachView(reach) };
    },
    listRoutes: async () => ({ data: (await routeAdmin.list()).map(view), next_cursor: null }),
    getRoute: async ({ params }) => view(await routeAdmin.get(idOf(params))),
    async updateRoute({ params, body, operator }) {
      const edits = routeDraftOf(body as InferOutput<typeof updateRouteInput>);
      requireChange(edits);
      const { route, reach } = await routeAdmin.update(idOf(params), edits, operator);
      return { ...view(route), ...reachView(reach) };
    },
    deleteRoute: async ({ params, operator }) => reachView(await routeAdmin.remove(idOf(params), operator)),
  } satisfies Partial<Record<OperationId, Handler>>;
}

function auditHandlers({ audit }: Deps) {
  return {
    async listEvents({ query }) {
      const input = query as InferOutput<typeof listEventsQuery>;
      await audit.flush();
      const events = await audit.list({
        type: input.type,
        actorId: input.actor_id,
        subjectId: input.subject_id,
        requestId: input.request_id,
        from: input.from,
        until: input.until,
        after: input.cursor === undefined ? undefined : parseCursor(input.cursor),
        limit: input.limit + 1,
      });
      const page = pageOf(events, input.limit, (event) => ({ at: event.at, id: event.id }));
      return { data: page.rows.map(eventView), next_cursor: page.nextCursor };
    },
  } satisfies Partial<Record<OperationId, Handler>>;
}

/** The management API: every call of the list, for a key with the scope `gatehouse:admin`. */
export function managementRoutes(deps: Deps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  const handlers: Record<OperationId, Handler> = {
    ...keyHandlers(deps),
    ...keyChangeHandlers(deps),
    ...routeHandlers(deps),
    ...auditHandlers(deps),
  };
  const document = JSON.stringify(openApiDocument(deps.issuer));
  routes.get("/openapi.json", (c) => c.body(document, 200, { "content-type": "application/json" }));
  for (const [id, operation] of Object.entries(operations) as [OperationId, Operation][]) {
    routes.on(operation.method.toUpperCase(), operation.path, (c) =>
      answer(c, operation, handlers[id], deps),
    );
  }
  return routes;
}

async function answer(
  c: Context<DoorEnv>,
  operation: Operation,
  handler: Handler,
  deps: Deps,
): Promise<Response> {
  const visit = c.env.visit;
  const entrant = await deps.access.enter(c.req.raw.headers, visit, [ownScopes.admin]);
  if (!entrant.ok) return refusalProblem(entrant.verdict, visit.requestId);
  const origin = { requestId: visit.requestId, address: visit.address, country: visit.country };
  const done = await handler({
    params: c.req.param() as Record<string, string>,
    query: parseInput(operation.query, c.req.query()),
    body: operation.body ? await readJson(c.req.raw, bodyOf(operation.body), { emptyAs: {} }) : null,
    operator: { actor: entrant.actor, origin, background: visit.background },
  });
  return c.json(done, operation.status);
}

/** An id of ours, or nothing: what is not even shaped like one needs no look-up. */
function idOf(params: Readonly<Record<string, string>>): string {
  const id = params["id"] ?? "";
  if (!/^[a-z]{3}_[0-9A-Za-z]{22}$/.test(id)) throw new AuthError("not_found", "nothing has this id");
  return id;
}

function ownerOf({ type, id }: Readonly<Record<string, string>>): Owner {
  const owner = { type, id };
  if (!is(ownerInput, owner)) throw new AuthError("not_found", "no owner is named like this");
  return owner;
}

/** One spelling of an upstream: lower-case host, no default port, no dot segments. */
function canonicalUrl(given: string): string {
  const { href } = new URL(given);
  return given.endsWith("/") ? href : href.replace(/\/$/, "");
}

function routeDraftOf(input: InferOutput<typeof updateRouteInput>): Partial<RouteDraft> {
  const draft = {
    name: input.name,
    ...(input.match ? { host: input.match.host, path: input.match.path } : {}),
    upstream:
      input.upstream &&
      ("url" in input.upstream
        ? { kind: "url" as const, url: canonicalUrl(input.upstream.url) }
        : { kind: "service" as const, service: input.upstream.service }),
    keepPath: input.keep_path,
    credentials: input.credentials,
    scopes: input.scopes,
    limits: input.limits,
    timeoutSeconds: input.timeout_seconds,
    corsOrigins: input.cors_origins,
    audiences: input.audiences,
    enabled: input.enabled,
  };
  return Object.fromEntries(
    Object.entries(draft).filter(([, value]) => value !== undefined),
  ) as Partial<RouteDraft>;
}
