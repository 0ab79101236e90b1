import { Hono } from "hono";
import { managementRoutes } from "./admin/routes.ts";
import { isAddressAllowed, networkOf } from "./api-keys/addresses.ts";
import { keyAnywhere } from "./api-keys/key-format.ts";
import type { SecurityEvent } from "./audit/events.ts";
import type { Verdict } from "./authentication/principal.ts";
import { eventsOf } from "./authentication/refusal-event.ts";
import { keyVerificationRoutes } from "./authentication/routes.ts";
import { AuthError } from "./errors/auth-error.ts";
import type { Code } from "./errors/codes.ts";
import { canonicalHost } from "./gateway/route-match.ts";
import { answerPassage, type GatewayDeps, gatewayRoutes } from "./gateway/routes.ts";
import { forwardAuthRoutes } from "./gateway/routes-forward-auth.ts";
import { credentialsInUrl, isLoopback, keysIn, oversizeOf } from "./http/door-checks.ts";
import { healthRoutes } from "./http/health.ts";
import { problem, problemOf } from "./http/problem.ts";
import { withSecurityHeaders } from "./http/security-headers.ts";
import { type DoorEnv, readVisit, type Visit } from "./http/visit.ts";
import { keySetRoutes } from "./signing-keys/routes.ts";
import { ask } from "./storage/redis.ts";
import type { Rooms } from "./wiring.ts";

const originOf = ({ requestId, address, country }: Visit) => ({ requestId, address, country });
const eventsFor = (verdict: Verdict, visit: Visit, routeId: string | null): SecurityEvent[] =>
  eventsOf(verdict, originOf(visit), routeId === null ? null : { type: "route", id: routeId });

/** Mounts each room's routes; nothing else is answered. */
function mountRooms(rooms: Rooms, gatewayDeps: GatewayDeps): Hono<DoorEnv> {
  const { audit } = rooms;
  const app = new Hono<DoorEnv>();
  app.route("/gateway", gatewayRoutes(gatewayDeps));
  app.route(
    "/v1/authenticate",
    forwardAuthRoutes({
      forwardAuth: rooms.forwardAuth,
      audit,
      eventsOf: (admission, visit) =>
        "verdict" in admission ? eventsFor(admission.verdict, visit, "forward-auth") : [],
    }),
  );
  app.route(
    "/v1/keys",
    keyVerificationRoutes({ access: rooms.operatorAccess, keyVerifier: rooms.keyVerifier }),
  );
  app.route(
    "/admin/v1",
    managementRoutes({ ...rooms, access: rooms.operatorAccess, issuer: rooms.config.issuer }),
  );
  app.route("/.well-known", keySetRoutes(rooms.signingKeys));
  const probes = {
    postgres: () => rooms.database.execute("select 1"),
    redis: () => ask(rooms.redis, { verb: "ping" }),
    signing_keys: () => rooms.signingKeys.requireReadable(),
  };
  app.route("/health", healthRoutes({ now: rooms.now, probes }));
  app.notFound((c) => notFound(app, c.req.raw, c.env.visit));
  app.onError((thrown, c) => answerThrown(thrown, rooms, c.env.visit));
  return app;
}

function answerThrown(thrown: Error, { reportBug }: Rooms, visit: Visit): Response {
  if (!(thrown instanceof AuthError)) reportBug(thrown);
  return problemOf(thrown, visit.requestId);
}

/** A known address with another method is 405 and says which methods it has (RFC 9110 §15.5.6). */
function notFound(app: Hono<DoorEnv>, request: Request, visit: Visit): Response {
  const { pathname } = new URL(request.url);
  const allowed = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    .filter((method) => app.router.match(method, pathname)[0].some(([[, route]]) => route.method !== "ALL"))
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  if (allowed.length === 0) return problem("not_found", visit.requestId);
  return problem("method_not_allowed", visit.requestId, { headers: { allow: allowed.join(", ") } });
}

/** What every request passes before any room sees it; the order is the order of the lines. */
function createDoor(rooms: Rooms) {
  const { audit, apiKeys } = rooms;

  function report(keys: readonly string[], reason: "plain_http" | "credential_in_url", visit: Visit): void {
    const operator = { origin: originOf(visit), background: visit.background };
    for (const key of keys) {
      visit.background(apiKeys.reportExposure(key, reason, operator).catch(() => undefined));
    }
  }

  function refuse(code: Code, reason: SecurityEvent["reason"], visit: Visit): Response {
    const actor = { type: "stranger", id: "" } as const;
    const event = {
      type: "access.refused",
      outcome: "refused",
      reason,
      actor,
      subject: null,
      origin: originOf(visit),
    } as const;
    audit.record(event, visit.background);
    return problem(code, visit.requestId);
  }

  /** Nothing that proves who one is travels without TLS, except to this very machine (RFC 6750 §5.3). */
  function refusePlainHttp(request: Request, url: URL, visit: Visit): Response | null {
    if (url.protocol === "https:" || isLoopback(url.hostname)) return null;
    const sent = ["x-api-key", "authorization", "cookie"].flatMap((name) => request.headers.get(name) ?? []);
    const inUrl = credentialsInUrl(url, keyAnywhere);
    report([...keysIn(sent, keyAnywhere), ...inUrl.keys], "plain_http", visit);
    const mayRedirect = sent.length === 0 && (request.method === "GET" || request.method === "HEAD");
    if (!mayRedirect || inUrl.found) return refuse("https_required", "plain_http", visit);
    const location = new URL(url);
    location.protocol = "https:";
    return new Response(null, { status: 308, headers: { location: location.href } });
  }

  return function refuseAtDoor(request: Request, url: URL, visit: Visit): Response | null {
    const oversize = oversizeOf(request);
    if (oversize) return problem(oversize, visit.requestId);
    const plain = refusePlainHttp(request, url, visit);
    if (plain) return plain;
    const inUrl = credentialsInUrl(url, keyAnywhere);
    if (!inUrl.found) return null;
    report(inUrl.keys, "credential_in_url", visit);
    return refuse("credentials_in_url", "credential_in_url", visit);
  };
}

export function createApp(rooms: Rooms) {
  const { config, gateway, audit } = rooms;
  const issuer = new URL(config.issuer);
  const gatewayDeps: GatewayDeps = {
    gateway,
    audit,
    eventsOf: (passage, visit) => eventsFor(passage.verdict, visit, passage.route?.id ?? null),
  };
  const app = mountRooms(rooms, gatewayDeps);
  const refuseAtDoor = createDoor(rooms);

  const isIssuerHost = (url: URL): boolean =>
    url.host === issuer.host || (isLoopback(url.hostname) && isLoopback(issuer.hostname));

  /**
   * A hostname that some route claims belongs to that route; every other one is answered as ours. While no routes are
   * known it may be a customer's: 503 from the gateway, and not a 404 of ours that its callers would believe.
   */
  const isWholeHost = async (url: URL, visit: Visit): Promise<boolean> =>
    !isIssuerHost(url) && (await gateway.ownsHost(canonicalHost(url.hostname), visit).catch(() => true));

  return {
    async serve(request: Request, background: Visit["background"]): Promise<Response> {
      const visit = visitOf(request, rooms, background);
      const { url } = visit;
      const early = refuseAtDoor(request, url, visit);
      if (early) return withSecurityHeaders(early, visit, true);
      const wholeHost = await isWholeHost(url, visit);
      const response = wholeHost
        ? await answerPassage(request, visit, gatewayDeps, false).catch((thrown) =>
            answerThrown(thrown, rooms, visit),
          )
        : await app.fetch(request, { visit });
      rooms.signingKeys.refreshBehind(background);
      const isProxied = wholeHost || url.pathname.startsWith("/gateway/");
      return withSecurityHeaders(response, visit, !isProxied);
    },
  };
}

/** What is known of a request that came in now, over HTTP or handed over by another Worker. */
export function visitOf(request: Request, rooms: Rooms, background: Visit["background"]): Visit {
  const address = addressOf(request.headers, rooms.config.trustedProxies);
  const caller = { url: new URL(request.url), address, network: networkOf(address) };
  return readVisit(request, { ...caller, arrivedAt: rooms.now(), background });
}

/**
 * The address that limits and allow-lists speak of: what the edge saw, or, when that is a proxy the operator named,
 * the nearest address before it in X-Forwarded-For that is not one.
 */
function addressOf(headers: Headers, trustedProxies: readonly string[]): string {
  const connecting = headers.get("cf-connecting-ip") ?? "unknown";
  if (trustedProxies.length === 0 || !isAddressAllowed(connecting, trustedProxies)) return connecting;
  const chain = (headers.get("x-forwarded-for") ?? "").split(",").map((one) => one.trim());
  return (
    chain.findLast((one) => one !== "" && one !== connecting && !isAddressAllowed(one, trustedProxies)) ??
    connecting
  );
}
