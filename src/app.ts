import { Hono } from "hono";
import { managementRoutes } from "./admin/routes.ts";
import { callerAddress, networkOf } from "./api-keys/addresses.ts";
import { keyAnywhere } from "./api-keys/key-format.ts";
import type { SecurityEvent } from "./audit/events.ts";
import type { Verdict } from "./authentication/principal.ts";
import { eventsOf, eventsOfRefusal, refusalEvent } from "./authentication/refusal-event.ts";
import { keyVerificationRoutes } from "./authentication/routes.ts";
import { AuthError } from "./errors/auth-error.ts";
import { type Code, statusOf } from "./errors/codes.ts";
import { canonicalHost } from "./gateway/route-match.ts";
import { answerPassage, type GatewayDeps, gatewayRoutes } from "./gateway/routes.ts";
import {
  answerForwardAuth,
  type ForwardAuthDeps,
  forwardAuthRoutes,
  isMisdirected,
  isQuestion,
} from "./gateway/routes-forward-auth.ts";
import { createCookies } from "./http/cookies.ts";
import { credentialsInUrl, isLoopback, keysIn, oversizeOf } from "./http/door-checks.ts";
import { healthRoutes } from "./http/health.ts";
import { createPageShell, type PageShell } from "./http/page.tsx";
import { problem, problemOf } from "./http/problem.ts";
import { withSecurityHeaders } from "./http/security-headers.ts";
import { type DoorEnv, readVisit, type Visit } from "./http/visit.ts";
import { authRoutes } from "./login/routes.ts";
import { pageRoutes } from "./login/routes-pages.tsx";
import { relatedOriginRoutes } from "./mfa/routes-related-origins.ts";
import { providerPages, providerRoutes } from "./provider.ts";
import { createKeySetAnswer, keySetRoutes } from "./signing-keys/routes.ts";
import { ask } from "./storage/redis.ts";
import { firstPartyClient } from "./tokens/access-token.ts";
import { levels } from "./tokens/levels.ts";
import type { Rooms } from "./wiring.ts";

const originOf = ({ requestId, address, country }: Visit) => ({ requestId, address, country });
/** Nearly every verdict leaves nothing to record; where a request came from is then not looked at. */
const eventsFor = (verdict: Verdict, visit: Visit, routeId: string | null): SecurityEvent[] =>
  verdict.ok && verdict.degraded.length === 0
    ? []
    : eventsOf(verdict, originOf(visit), routeId === null ? null : { type: "route", id: routeId });

/** The rooms, and the frame around what people see. */
type Roof = Rooms & { readonly shell: PageShell };

type BusyDoors = {
  readonly gateway: GatewayDeps;
  readonly forwardAuth: ForwardAuthDeps;
  readonly keySet: ReturnType<typeof createKeySetAnswer>;
};

const eventsOfWord = (word: string, visit: Visit): SecurityEvent[] => eventsOfRefusal(word, originOf(visit));

/** The answer to what was refused before anyone could be asked, and its event. */
function refused(code: Code, rooms: Rooms, visit: Visit, answer = problem(code, visit.requestId)): Response {
  for (const event of eventsOfWord(code, visit)) rooms.audit.record(event, visit.background);
  return answer;
}

/** Mounts each room's routes; nothing else is answered. */
function mountRooms(rooms: Roof, busy: BusyDoors): { app: Hono<DoorEnv>; management: Hono<DoorEnv> } {
  const app = new Hono<DoorEnv>();
  app.route("/gateway", gatewayRoutes(busy.gateway));
  app.route("/v1/authenticate", forwardAuthRoutes(busy.forwardAuth));
  app.route(
    "/v1/keys",
    keyVerificationRoutes({ access: rooms.operatorAccess, keyVerifier: rooms.keyVerifier }),
  );
  const { issuer } = rooms.config;
  const cookies = createCookies(issuer);
  const answerOnPage = (thrown: Error, c: { env: DoorEnv["Bindings"]; req: { raw: Request } }) => {
    const { visit } = c.env;
    return answerThrown(thrown, rooms, visit, rooms.shell.answerTo(thrown, c.req.raw, visit.requestId));
  };
  const auth = { ...rooms, access: rooms.ownAccess, cookies, issuer, clientId: firstPartyClient };
  app.route("/auth", authRoutes(auth));
  app.route("/", pageRoutes({ ...rooms, applications: rooms.consents, cookies, issuer }, answerOnPage));
  app.route(
    "/",
    providerRoutes(rooms, (thrown, visit) => reportThrown(thrown, rooms, visit)),
  );
  app.route("/", providerPages({ ...rooms, cookies, issuer }, answerOnPage));
  // Apart: Hono's fast router refuses `/keys/import` beside `/keys/:id/rotate`, and all of its app are then on a slow one.
  const operations = managementRoutes({
    ...rooms,
    access: rooms.operatorAccess,
    issuer: rooms.config.issuer,
  });
  const management = answeringErrors(new Hono<DoorEnv>().route("/admin/v1", operations), rooms);
  app.all("/admin/v1/*", (c) => management.fetch(c.req.raw, c.env));
  app.route("/.well-known", keySetRoutes(busy.keySet));
  app.route("/.well-known", relatedOriginRoutes(rooms.config.passkeys.origins));
  const probes = {
    postgres: () => rooms.database.execute("select 1"),
    redis: () => ask(rooms.redis, { verb: "ping" }),
    signing_keys: () => rooms.signingKeys.requireReadable(),
  };
  app.route("/health", healthRoutes({ now: rooms.now, probes }));
  return { app: answeringErrors(app, rooms), management };
}

function answeringErrors(app: Hono<DoorEnv>, rooms: Roof): Hono<DoorEnv> {
  app.notFound((c) => notFound(app, c.req.raw, rooms, c.env.visit));
  app.onError((thrown, c) => answerThrown(thrown, rooms, c.env.visit));
  return app;
}

function answerThrown(
  thrown: Error,
  rooms: Rooms,
  visit: Visit,
  answer = problemOf(thrown, visit.requestId),
): Response {
  reportThrown(thrown, rooms, visit);
  return answer;
}

/** Tells operators of bugs and outages, and audit of what a caller did wrong at any door. */
function reportThrown(thrown: Error, rooms: Rooms, visit: Visit): void {
  if (!(thrown instanceof AuthError)) {
    rooms.reports.bug(thrown);
    return;
  }
  if (statusOf(thrown.code) >= 500) rooms.reports.failure(thrown, visit.requestId);
  for (const event of eventsOfWord(thrown.code, visit)) rooms.audit.record(event, visit.background);
}

/** A known address with another method is 405 and says which methods it has (RFC 9110 §15.5.6). */
function notFound(app: Hono<DoorEnv>, request: Request, rooms: Roof, visit: Visit): Response {
  const { pathname } = new URL(request.url);
  const allowed = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    .filter((method) => app.router.match(method, pathname)[0].some(([[, route]]) => route.method !== "ALL"))
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  if (allowed.length === 0) return rooms.shell.refusal("not_found", request, visit.requestId);
  const headers = { allow: allowed.join(", ") };
  const answer = rooms.shell.refusal("method_not_allowed", request, visit.requestId, { headers });
  return refused("method_not_allowed", rooms, visit, answer);
}

/** Keys that were seen where none may be: each counts as leaked, by policy. */
function reportKeys(
  { apiKeys }: Rooms,
  keys: readonly string[],
  reason: "plain_http" | "credential_in_url",
  visit: Visit,
): void {
  const operator = { origin: originOf(visit), background: visit.background };
  for (const key of keys) {
    visit.background(apiKeys.reportExposure(key, reason, operator).catch(() => undefined));
  }
}

/** The refusal of a URL that holds a credential: ours, or one that we are asked about. Keys of ours in it are reported. */
export function refusalOfUrl(url: URL, rooms: Rooms, visit: Visit): (Verdict & { ok: false }) | null {
  const { found, keys } = credentialsInUrl(url, keyAnywhere);
  if (!found) return null;
  reportKeys(rooms, keys, "credential_in_url", visit);
  const refusal = {
    code: "credentials_in_url",
    reason: "credential_in_url",
    actor: { type: "stranger", id: "" },
  } as const;
  return { ok: false, refusal, standings: [], degraded: [] };
}

/** What every request passes before any room sees it; the order is the order of the lines. */
function createDoor(rooms: Roof) {
  const { audit, shell } = rooms;

  function refuse(code: Code, reason: SecurityEvent["reason"], request: Request, visit: Visit): Response {
    audit.record(refusalEvent(reason, originOf(visit)), visit.background);
    return shell.refusal(code, request, visit.requestId);
  }

  /** Nothing that proves who one is travels without TLS, except to this very machine (RFC 6750 §5.3). */
  function refusePlainHttp(request: Request, url: URL, visit: Visit): Response | null {
    if (url.protocol === "https:" || isLoopback(url.hostname)) return null;
    const sent = ["x-api-key", "authorization", "cookie"].flatMap((name) => request.headers.get(name) ?? []);
    const inUrl = credentialsInUrl(url, keyAnywhere);
    reportKeys(rooms, [...keysIn(sent, keyAnywhere), ...inUrl.keys], "plain_http", visit);
    const mayRedirect = sent.length === 0 && (request.method === "GET" || request.method === "HEAD");
    if (!mayRedirect || inUrl.found) return refuse("https_required", "plain_http", request, visit);
    const location = new URL(url);
    location.protocol = "https:";
    return new Response(null, { status: 308, headers: { location: location.href } });
  }

  return function refuseAtDoor(request: Request, url: URL, visit: Visit): Response | null {
    const oversize = oversizeOf(request.url, visit.fields);
    if (oversize) return refused(oversize, rooms, visit, shell.refusal(oversize, request, visit.requestId));
    if (isMisdirected(request, url)) return refuse("misdirected", "misdirected", request, visit);
    const plain = refusePlainHttp(request, url, visit);
    if (plain) return plain;
    if (!refusalOfUrl(url, rooms, visit)) return null;
    return refuse("credentials_in_url", "credential_in_url", request, visit);
  };
}

export function createApp(rooms: Rooms) {
  const { config, gateway, audit, forwardAuth } = rooms;
  const { host: issuerHost, hostname: issuerHostname } = new URL(config.issuer);
  const busy: BusyDoors = {
    gateway: {
      gateway,
      audit,
      issuer: config.issuer,
      eventsOf: (passage, visit) =>
        "verdict" in passage
          ? eventsFor(passage.verdict, visit, passage.route?.id ?? null)
          : eventsOfWord(passage.outcome, visit),
    },
    keySet: createKeySetAnswer(rooms.signingKeys),
    forwardAuth: {
      saying: new WeakMap(),
      forwardAuth,
      audit,
      levels,
      refusalOfUrl: (url, visit) => refusalOfUrl(url, rooms, visit),
      eventsOf: (admission, visit) =>
        "verdict" in admission
          ? eventsFor(admission.verdict, visit, "forward-auth")
          : eventsOfWord(admission.outcome, visit),
    },
  };
  const { brand, issuer } = config;
  const roof = { ...rooms, shell: createPageShell({ brand, assets: rooms.pageAssets, issuer }) };
  const { app, management } = mountRooms(roof, busy);
  const refuseAtDoor = createDoor(roof);

  const isIssuerHost = (url: URL): boolean =>
    url.host === issuerHost || (isLoopback(url.hostname) && isLoopback(issuerHostname));

  /**
   * A hostname that some route claims belongs to that route; every other one is answered as ours. While no routes are
   * known it may be a customer's: 503 from the gateway, and not a 404 of ours that its callers would believe.
   */
  const isClaimed = (url: URL, visit: Visit): Promise<boolean> =>
    gateway.ownsHost(canonicalHost(url.hostname), visit).catch(() => true);

  /** The busiest doors need no router; it knows them too, under their other spellings and methods. */
  function answer(request: Request, visit: Visit, pathname: string): Response | Promise<Response> {
    if (pathname === "/v1/authenticate") return answerForwardAuth(request, visit, busy.forwardAuth);
    if (pathname === "/.well-known/jwks.json" && request.method === "GET") return busy.keySet(request, visit);
    return app.fetch(request, { visit });
  }

  /** What is there at once is answered at once: each wait costs. */
  function answerWhole(request: Request, visit: Visit, wholeHost: boolean): Response | Promise<Response> {
    const { pathname } = visit.url;
    const isOurs = !wholeHost && !pathname.startsWith("/gateway/");
    const finish = (response: Response): Response => {
      rooms.signingKeys.refreshBehind(visit.background);
      return withSecurityHeaders(response, visit, isOurs);
    };
    const fail = (thrown: unknown): Response => finish(answerThrown(thrown as Error, rooms, visit));
    try {
      const response = isOurs
        ? answer(request, visit, pathname)
        : answerPassage(request, visit, busy.gateway, !wholeHost);
      return response instanceof Promise ? response.then(finish, fail) : finish(response);
    } catch (thrown) {
      return fail(thrown);
    }
  }

  return {
    /** Every method and path that is answered here: what the suites walk. */
    endpoints: [...app.routes, ...management.routes].map(({ method, path }) => ({ method, path })),

    serve(request: Request, background: Visit["background"]): Response | Promise<Response> {
      const visit = visitOf(request, rooms, background);
      const { url } = visit;
      const early = refuseAtDoor(request, url, visit);
      if (early) return withSecurityHeaders(early, visit, true);
      // Envoy asks under the host its caller named, which may be a route's.
      const isOurHost = isIssuerHost(url) || isQuestion(request);
      if (isOurHost) return answerWhole(request, visit, false);
      return isClaimed(url, visit).then((wholeHost) => answerWhole(request, visit, wholeHost));
    },
  };
}

/** What is known of a request that came in now, over HTTP or handed over by another Worker. */
export function visitOf(request: Request, rooms: Rooms, background: Visit["background"]): Visit {
  const address = callerAddress(request.headers, rooms.config.trustedProxies);
  const caller = { url: new URL(request.url), address, network: networkOf(address) };
  return readVisit(request, { ...caller, arrivedAt: rooms.revocation.mark(), background });
}
