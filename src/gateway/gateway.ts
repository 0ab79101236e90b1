import type { JWTPayload } from "jose";
import type { Authentication } from "../authentication/authentication.ts";
import type { Question } from "../authentication/methods/method.ts";
import type { Verdict } from "../authentication/principal.ts";
import { passedBack, passedOn } from "./forwarded-headers.ts";
import { identityClaims, identityHeaders, identityTyp } from "./identity-headers.ts";
import type { Route } from "./route.ts";
import type { RouteBook, Snapshot } from "./route-book.ts";
import { isAmbiguousPath, type Match, matchRoute, upstreamUrl } from "./route-match.ts";
import type { Binding, callUpstream } from "./upstream.client.ts";

export type Visitor = Question["visit"] & {
  readonly requestId: string;
  readonly traceparent: string;
  readonly tracestate: string | null;
};

export type Passage =
  | { readonly outcome: "no_route" }
  | { readonly outcome: "ambiguous_path" }
  | { readonly outcome: "method_not_allowed" }
  | { readonly outcome: "unavailable" }
  | { readonly outcome: "preflight"; readonly route: Route; readonly origin: string }
  | { readonly outcome: "refused"; readonly route: Route | null; readonly verdict: Verdict & { ok: false } }
  | { readonly outcome: "unreachable" | "timeout" | "client_gone"; readonly route: Route }
  | {
      readonly outcome: "passed";
      readonly route: Route;
      readonly verdict: Verdict & { ok: true };
      readonly response: Response;
    };

export type Admission =
  | Exclude<Passage, { outcome: "passed" | "unreachable" | "timeout" | "client_gone" | "preflight" }>
  | { readonly outcome: "admitted"; readonly match: Match; readonly verdict: Verdict & { ok: true } };

type Target = { readonly hostname: string; readonly pathname: string; readonly isIssuer: boolean };
type Judged = Extract<Admission, { outcome: "admitted" | "refused" | "no_route" }>;

/** Paths that lead nowhere are confirmed against a copy this old at most, so that a flood of them costs a call a second. */
const unknownPathMilliseconds = 1000;

/** A method that would show an upstream's view of our headers to whoever asks (RFC 9110 §9.3.8). */
const refusedMethods: ReadonlySet<string> = new Set(["TRACE", "CONNECT", "TRACK"]);

/** Matches a route, asks who is calling, and passes the call on with that said by us and nobody else. */
export function createGateway(options: {
  book: RouteBook;
  authentication: Authentication;
  signIdentity: (typ: string, claims: JWTPayload) => Promise<string>;
  call: typeof callUpstream;
  bindings: Readonly<Record<string, Binding>>;
  issuer: string;
  now: () => number;
}) {
  const { book, authentication, issuer, now } = options;

  const questionOf = (route: Route, visit: Visitor): Question => ({
    credentials: route.credentials,
    scopes: route.scopes,
    limits: route.limits,
    routeId: route.id,
    cost: 1,
    visit,
  });

  /**
   * The decision for a request as it would be matched: by the gateway itself, and for proxies that only ask.
   * Judged by the copy of the routes in hand, then confirmed by a younger one when there is one.
   */
  async function admit(target: Target, headers: Headers, visit: Visitor): Promise<Admission> {
    if (isAmbiguousPath(target.pathname)) return { outcome: "ambiguous_path" };
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
    const first = await judge(used, target, headers, visit);
    // A refusal stands: asking again for a stranger who proved nothing would give him a call of ours for each of his.
    if (first.outcome === "refused") return first;
    const tolerated = first.outcome === "no_route" ? unknownPathMilliseconds : 0;
    const confirmed = await book.confirm(used, visit.arrivedAt - tolerated);
    return confirmed === used ? first : await judgeAgain(first, confirmed, target, headers, visit);
  }

  async function judge(
    { routes }: Pick<Snapshot, "routes">,
    target: Target,
    headers: Headers,
    visit: Visitor,
  ): Promise<Judged> {
    const match = matchRoute(routes, target);
    if (!match) return { outcome: "no_route" };
    const verdict = await authentication.authenticate(headers, questionOf(match.route, visit));
    return verdict.ok
      ? { outcome: "admitted", match, verdict }
      : { outcome: "refused", route: match.route, verdict };
  }

  /** The routes changed meanwhile: judged by the new ones, unless the route in question is the same as before. */
  async function judgeAgain(
    first: Judged,
    newer: Snapshot,
    target: Target,
    headers: Headers,
    visit: Visitor,
  ): Promise<Judged> {
    const before = routeOf(first);
    const after = matchRoute(newer.routes, target)?.route;
    const isSame = before?.id === after?.id && before?.version === after?.version;
    return isSame ? first : await judge(newer, target, headers, visit);
  }

  async function outgoingHeaders(
    request: Request,
    url: string,
    { match: { route }, verdict: { principal } }: Admission & { outcome: "admitted" },
    visit: Visitor,
  ): Promise<Headers> {
    const headers = passedOn(request.headers, {
      keepAuthorization: principal.method === "public",
      isWebSocket: isWebSocket(request),
    });
    const here = new URL(request.url);
    headers.set("x-forwarded-for", visit.address);
    headers.set("x-forwarded-proto", here.protocol.slice(0, -1));
    headers.set("x-forwarded-host", here.host);
    headers.set("traceparent", visit.traceparent);
    if (visit.tracestate === null) headers.delete("tracestate");
    for (const [name, value] of identityHeaders(principal, visit.requestId)) headers.set(name, value);
    const claims = identityClaims(principal, {
      issuer,
      audience: audienceOf(route),
      method: request.method,
      url,
      requestId: visit.requestId,
      nowSeconds: Math.floor(now() / 1000),
    });
    headers.set("x-gatehouse-identity", await options.signIdentity(identityTyp, claims));
    return headers;
  }

  async function forward(
    request: Request,
    admitted: Admission & { outcome: "admitted" },
    visit: Visitor,
  ): Promise<Passage> {
    const { match, verdict } = admitted;
    const { route } = match;
    const here = new URL(request.url);
    const binding =
      route.upstream.kind === "service" ? (options.bindings[route.upstream.service] ?? null) : null;
    if (route.upstream.kind === "service" && !binding) return { outcome: "unreachable", route };
    const base =
      route.upstream.kind === "url" ? route.upstream.url : `https://${route.upstream.service.toLowerCase()}`;
    const url = upstreamUrl(base, match, here.search);
    const headers = await outgoingHeaders(request, url, admitted, visit);
    const answer = await options.call(
      { url, method: request.method, headers, body: request.body, clientGone: request.signal },
      { timeoutSeconds: route.timeoutSeconds, binding },
    );
    if (!answer.ok) return { outcome: answer.reason, route };
    return { outcome: "passed", route, verdict, response: backToClient(request, answer.response, route) };
  }

  return {
    admit,

    /** The whole passage of one request. Never throws for what a caller or an upstream does. */
    async pass(request: Request, isIssuer: boolean, visit: Visitor): Promise<Passage> {
      if (refusedMethods.has(request.method)) return { outcome: "method_not_allowed" };
      const { hostname, pathname } = new URL(request.url);
      const target = { hostname, pathname, isIssuer };
      const preflight = await preflightOf(request, target, visit);
      if (preflight) return preflight;
      const admission = await admit(target, request.headers, visit);
      return admission.outcome === "admitted" ? await forward(request, admission, visit) : admission;
    },

    /** Whether some route claims this hostname as a whole. */
    async ownsHost(hostname: string, background: (work: Promise<unknown>) => void): Promise<boolean> {
      const { routes } = await book.routes(background);
      return routes.some((route) => route.host === hostname);
    },
  };

  /** A preflight carries no credential by design; it is answered for the route's own list of origins only. */
  async function preflightOf(
    request: Request,
    target: { hostname: string; pathname: string; isIssuer: boolean },
    visit: Visitor,
  ): Promise<Passage | null> {
    const origin = request.headers.get("origin");
    if (request.method !== "OPTIONS" || origin === null) return null;
    if (!request.headers.has("access-control-request-method") || isAmbiguousPath(target.pathname))
      return null;
    const { routes } = await book.routes(visit.background).catch(() => ({ routes: [] }));
    const route = matchRoute(routes, target)?.route;
    return route?.corsOrigins.includes(origin) ? { outcome: "preflight", route, origin } : null;
  }
}

function routeOf(judged: Judged): Route | null {
  if (judged.outcome === "admitted") return judged.match.route;
  return judged.outcome === "refused" ? judged.route : null;
}

export type Gateway = ReturnType<typeof createGateway>;

const isWebSocket = (request: Request): boolean =>
  request.method === "GET" && request.headers.get("upgrade")?.toLowerCase() === "websocket";

/** The audience of the identity token: the upstream's origin, or the name of the bound service. */
const audienceOf = (route: Route): string =>
  route.upstream.kind === "url" ? new URL(route.upstream.url).origin : `service:${route.upstream.service}`;

function backToClient(request: Request, response: Response, route: Route): Response {
  // A WebSocket goes through whole: its answer cannot be rebuilt.
  if (response.status === 101) return response;
  const origin = request.headers.get("origin");
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers: passedBack(response.headers, {
      isGuarded: !route.credentials.includes("public"),
      sharesIssuerHost: route.host === null,
      corsOrigin: origin !== null && route.corsOrigins.includes(origin) ? origin : null,
    }),
  });
}
