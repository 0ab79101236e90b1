import type { Authentication } from "../authentication/authentication.ts";
import type { Question } from "../authentication/methods/method.ts";
import type { Verdict } from "../authentication/principal.ts";
import type { LevelDemand } from "../tokens/level-policy.ts";
import { type Fields, passBack, passedOn } from "./forwarded-headers.ts";
import { identityHeaders } from "./identity-headers.ts";
import type { Identity, IdentityTokens } from "./identity-tokens.ts";
import { bodiless, bodyOf, hasBody, refusedMethods } from "./request-body.ts";
import { asksTheSame, isSameRoute, publicUrlOf, type Route } from "./route.ts";
import type { RouteBook, Snapshot } from "./route-book.ts";
import { canonicalPath, type Match, matchRoute } from "./route-match.ts";
import { traceContext } from "./trace-context.ts";
import type { Binding, callUpstream } from "./upstream.client.ts";
import { originOf, upstreamTarget } from "./upstream-target.ts";

export type Visitor = Question["visit"] & {
  readonly requestId: string;
  readonly url: URL;
  readonly fields: Fields;
};

export type Passage =
  | { readonly outcome: "no_route" }
  | { readonly outcome: "ambiguous_path" }
  | { readonly outcome: "method_not_allowed" }
  | { readonly outcome: "body_not_allowed" }
  | { readonly outcome: "unavailable" }
  | {
      readonly outcome: "preflight";
      readonly route: Route;
      readonly origin: string;
      readonly requestedHeaders: string | null;
    }
  | { readonly outcome: "refused"; readonly route: Route | null; readonly verdict: Verdict & { ok: false } }
  | {
      readonly outcome: "unreachable" | "timeout" | "client_gone";
      readonly route: Route;
      readonly verdict: Verdict & { ok: true };
    }
  | {
      readonly outcome: "passed";
      readonly route: Route;
      readonly verdict: Verdict & { ok: true };
      readonly response: Response;
    };

export type Admission =
  | Extract<Passage, { outcome: "no_route" | "unavailable" | "refused" }>
  | { readonly outcome: "admitted"; readonly match: Match; readonly verdict: Verdict & { ok: true } };

/** Picks the route that judges a call, from whichever copy of the routes is the one to go by. */
export type Finder = (routes: readonly Route[]) => Match | null;
type Judged = Exclude<Admission, { outcome: "unavailable" }>;

/** What a proxy asks for beside what the route does. */
export type OnTop = LevelDemand & { readonly scopes: readonly string[] };

type Asked = {
  readonly find: Finder;
  readonly headers: Headers;
  readonly visit: Visitor;
  readonly onTop: OnTop | null;
};

/** What opens nothing is confirmed against a copy this old at most, so that a flood of it costs a call a second. */
const closedMilliseconds = 1000;

/** Refusals of a known key or token that another version of the route might not make. */
const routeReasons: ReadonlySet<string> = new Set([
  "insufficient_scope",
  "insufficient_user_authentication",
  "wrong_audience",
  "over_limit",
  "limit_unavailable",
]);

/** Matches a route, asks who is calling, and passes the call on with that said by us and nobody else. */
export function createGateway(options: {
  book: RouteBook;
  authentication: Authentication;
  identityTokens: IdentityTokens;
  issuer: string;
  call: typeof callUpstream;
  bindings: Readonly<Record<string, Binding>>;
}) {
  const { book, authentication } = options;
  const issuerHost = new URL(options.issuer).host;

  const questionOf = (route: Route, { visit, onTop }: Asked, before: Judged | null): Question => ({
    credentials: route.credentials,
    scopes: onTop ? [...new Set([...route.scopes, ...onTop.scopes])] : route.scopes,
    levelDemands: onTop ? [route, onTop] : [route],
    audiences:
      route.audiences.length > 0 ? route.audiences : [publicUrlOf(route, options.issuer), options.issuer],
    limits: route.limits,
    routeId: route.id,
    cost: 1,
    visit,
    taken: takenBy(before, route),
  });

  /**
   * The decision for a request as it would be matched: by the gateway itself, and for proxies that only ask.
   * Judged by the copy of the routes in hand, then confirmed by a younger one when there is one.
   */
  async function admit(
    find: Finder,
    headers: Headers,
    visit: Visitor,
    onTop: OnTop | null = null,
  ): Promise<Admission> {
    const asked = { find, headers, visit, onTop };
    if (!book.isLoaded()) {
      const screened = await authentication.screen(headers, visit);
      if (screened && !screened.ok) return { outcome: "refused", route: null, verdict: screened };
    }
    let used: Snapshot;
    try {
      used = await book.routes(visit.background);
    } catch {
      return { outcome: "unavailable" };
    }
    const first = await judge(used, asked);
    // A stranger's refusal stands: he proved nothing, and asking again would give him a call of ours for each of his.
    if (first.outcome === "refused" && !routeReasons.has(first.verdict.refusal.reason)) return first;
    const tolerated = first.outcome === "admitted" ? 0 : closedMilliseconds;
    const confirmed = await book.confirm(used, visit.arrivedAt - tolerated);
    if (confirmed === used) return first;
    const match = find(confirmed.routes);
    if (isSameRoute(routeOf(first), match?.route)) return first;
    if (match && asksTheSame(routeOf(first), match.route)) return judgedBy(first, match);
    return await judge(confirmed, asked, first);
  }

  async function judge(
    { routes }: Pick<Snapshot, "routes">,
    asked: Asked,
    before: Judged | null = null,
  ): Promise<Judged> {
    const match = asked.find(routes);
    if (!match) return { outcome: "no_route" };
    const verdict = await authentication.authenticate(asked.headers, questionOf(match.route, asked, before));
    return verdict.ok
      ? { outcome: "admitted", match, verdict }
      : { outcome: "refused", route: match.route, verdict };
  }

  /** The routes for what costs a caller nothing to ask: as of a second ago. */
  async function recentRoutes(visit: Visitor): Promise<readonly Route[]> {
    const used = await book.routes(visit.background);
    return (await book.confirm(used, visit.arrivedAt - closedMilliseconds)).routes;
  }

  function outgoingHeaders(
    request: Request,
    { token }: Identity,
    { match: { route }, verdict: { principal } }: Admission & { outcome: "admitted" },
    visit: Visitor,
  ): Headers {
    const headers = passedOn(visit.fields, {
      keepAuthorization: principal.method === "public",
      isWebSocket: isWebSocket(request),
    });
    headers.set("x-forwarded-for", visit.address);
    headers.set("x-forwarded-proto", visit.url.protocol.slice(0, -1));
    // Of what is not a route's own host only ours is told: upstreams build links of it, and any Host may be sent.
    headers.set("x-forwarded-host", route.host === null ? issuerHost : visit.url.host);
    const { traceparent, tracestate } = traceContext(request.headers);
    headers.set("traceparent", traceparent);
    if (tracestate === null) headers.delete("tracestate");
    headers.set("x-request-id", visit.requestId);
    for (const [name, value] of identityHeaders(principal)) headers.set(name, value);
    headers.set("x-gatehouse-identity", token);
    return headers;
  }

  async function forward(
    request: Request,
    admitted: Admission & { outcome: "admitted" },
    visit: Visitor,
  ): Promise<Passage> {
    const { match, verdict } = admitted;
    const { route } = match;
    const binding =
      route.upstream.kind === "service" ? (options.bindings[route.upstream.service] ?? null) : null;
    if (route.upstream.kind === "service" && !binding) return { outcome: "unreachable", route, verdict };
    const base =
      route.upstream.kind === "url" ? route.upstream.url : `https://${route.upstream.service.toLowerCase()}`;
    const target = upstreamTarget(base, match);
    const url = target + visit.url.search;
    const call = { audience: audienceOf(route), method: request.method, url: target };
    const identity = await options.identityTokens.identityFor(verdict.principal, call);
    const headers = outgoingHeaders(request, identity, admitted, visit);
    const answer = await options.call(
      { url, method: request.method, headers, body: bodyOf(request), clientGone: request.signal },
      { timeoutSeconds: route.timeoutSeconds, binding, mayBeCached: isForAnyone(admitted, headers) },
    );
    if (!answer.ok) return { outcome: answer.reason, route, verdict };
    return { outcome: "passed", route, verdict, response: backToClient(request, answer.response, admitted) };
  }

  return {
    admit,

    /** The whole passage of one request. Never throws for what a caller or an upstream does. */
    async pass(request: Request, isIssuer: boolean, visit: Visitor): Promise<Passage> {
      if (refusedMethods.has(request.method)) return { outcome: "method_not_allowed" };
      const { hostname, pathname: given } = visit.url;
      const pathname = canonicalPath(given);
      if (pathname === null) return { outcome: "ambiguous_path" };
      if (bodiless.has(request.method) && hasBody(request)) return { outcome: "body_not_allowed" };
      const find: Finder = (routes) => matchRoute(routes, { hostname, pathname, isIssuer });
      const preflight = request.method === "OPTIONS" ? await preflightOf(request, find, visit) : null;
      if (preflight) return preflight;
      const admission = await admit(find, request.headers, visit);
      return admission.outcome === "admitted" ? await forward(request, admission, visit) : admission;
    },

    /** Whether some route claims this hostname as a whole. */
    async ownsHost(hostname: string, visit: Visitor): Promise<boolean> {
      const isClaimedBy = (route: Route) => route.host === hostname;
      const { routes } = await book.routes(visit.background);
      return routes.some(isClaimedBy) || (await recentRoutes(visit)).some(isClaimedBy);
    },
  };

  /** A preflight carries no credential by design; it is answered for the route's own list of origins only. */
  async function preflightOf(request: Request, find: Finder, visit: Visitor): Promise<Passage | null> {
    const origin = request.headers.get("origin");
    if (origin === null || !request.headers.has("access-control-request-method")) return null;
    const route = find(await recentRoutes(visit).catch(() => []))?.route;
    if (!route?.corsOrigins.includes(origin)) return null;
    const requestedHeaders = request.headers.get("access-control-request-headers");
    return { outcome: "preflight", route, origin, requestedHeaders };
  }
}

function routeOf(judged: Judged): Route | null {
  if (judged.outcome === "admitted") return judged.match.route;
  return judged.outcome === "refused" ? judged.route : null;
}

function judgedBy(judged: Judged, match: Match): Judged {
  if (judged.outcome === "admitted") return { ...judged, match };
  return judged.outcome === "refused" ? { ...judged, route: match.route } : judged;
}

/** What the first judgement of a request took, so that the second does not take it again. */
function takenBy(before: Judged | null, { id }: Route): Question["taken"] {
  if (before?.outcome !== "admitted") return null;
  const { match, verdict } = before;
  return { ...verdict, limits: match.route.id === id ? match.route.limits : [] };
}

export type Gateway = ReturnType<typeof createGateway>;

/** The upstream was told who calls: on a public route too, when a key was shown there. */
const isPersonal = ({ verdict }: Admission & { outcome: "admitted" }): boolean =>
  verdict.principal.method !== "public";

/** Nothing in the call tells one caller from another; a credential of the upstream's own does. */
const isForAnyone = (admitted: Admission & { outcome: "admitted" }, sent: Headers): boolean =>
  !isPersonal(admitted) && !sent.has("authorization") && !sent.has("cookie");

const isWebSocket = (request: Request): boolean =>
  request.method === "GET" && request.headers.get("upgrade")?.toLowerCase() === "websocket";

/** The audience of the identity token: the upstream's origin, or the name of the bound service. */
const audienceOf = (route: Route): string =>
  route.upstream.kind === "url" ? originOf(route.upstream.url) : `service:${route.upstream.service}`;

function backToClient(
  request: Request,
  response: Response,
  admitted: Admission & { outcome: "admitted" },
): Response {
  const { route } = admitted.match;
  // A WebSocket goes through whole: its answer cannot be rebuilt.
  if (response.status === 101) return response;
  const origin = request.headers.get("origin");
  const { status, statusText, headers } = response;
  const answer = new Response(response.body, { status, statusText, headers });
  passBack(answer.headers, {
    isPersonal: isPersonal(admitted),
    sharesIssuerHost: route.host === null,
    cors:
      route.corsOrigins.length === 0
        ? null
        : { allowedOrigin: origin !== null && route.corsOrigins.includes(origin) ? origin : null },
  });
  return answer;
}
