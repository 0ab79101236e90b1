import { type Context, Hono } from "hono";
import type { Accounts } from "../accounts/accounts.ts";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import type { Audit } from "../audit/audit.ts";
import { type OperatorAccess, ownScopes } from "../authentication/operator-access.ts";
import type { RouteAdmin } from "../gateway/route-admin.ts";
import { parseInput, readJson } from "../http/body.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { BackChannelLogout } from "../oauth/back-channel-logout.ts";
import type { Clients } from "../oauth/clients.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { TokenCheck } from "../tokens/token-check.ts";
import { auditHandlers } from "./audit-handlers.ts";
import type { Handler } from "./call.ts";
import { clientHandlers } from "./client-handlers.ts";
import { factorHandlers } from "./factor-handlers.ts";
import { bodyOf } from "./input.ts";
import { keyChangeHandlers, keyHandlers } from "./key-handlers.ts";
import { openApiDocument } from "./openapi.ts";
import { type Operation, type OperationId, operations } from "./operations.ts";
import { routeHandlers } from "./route-handlers.ts";
import { sessionHandlers } from "./session-handlers.ts";
import { signingKeyHandlers } from "./signing-key-handlers.ts";
import { tokenHandlers } from "./token-handlers.ts";
import { userHandlers } from "./user-handlers.ts";

type Deps = {
  readonly access: OperatorAccess;
  readonly apiKeys: ApiKeys;
  readonly routeAdmin: RouteAdmin;
  readonly clients: Clients;
  readonly backChannelLogout: BackChannelLogout;
  readonly audit: Audit;
  readonly signingKeys: SigningKeys;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly mfa: Mfa;
  readonly refreshTokens: RefreshTokens;
  readonly tokenCheck: TokenCheck;
  readonly issuer: string;
  readonly now: () => number;
};

/** The management API: every call of the list, for a key with the scope `gatehouse:admin`. */
export function managementRoutes(deps: Deps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  const handlers: Record<OperationId, Handler> = {
    ...keyHandlers(deps),
    ...keyChangeHandlers(deps),
    ...routeHandlers(deps),
    ...clientHandlers(deps),
    ...signingKeyHandlers(deps),
    ...userHandlers(deps),
    ...sessionHandlers(deps),
    ...factorHandlers(deps),
    ...tokenHandlers(deps),
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
