import { Hono } from "hono";
import type { Audit } from "../audit/audit.ts";
import { problem } from "../http/problem.ts";
import { setRateLimitHeaders } from "../http/rate-limit-headers.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import { exposedHeaders, isOursToSay } from "./forwarded-headers.ts";
import type { Gateway, Passage } from "./gateway.ts";
import { publicUrlOf, type Route } from "./route.ts";

const corsMaxAgeSeconds = "600";
const corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";
const passedMethods = `${corsMethods}, OPTIONS`;

export type GatewayDeps = {
  readonly gateway: Gateway;
  readonly audit: Pick<Audit, "record">;
  readonly issuer: string;
  readonly eventsOf: (passage: Passage, visit: Visit) => Parameters<Audit["record"]>[0][];
};

/** `/gateway/…` under the issuer; whole hostnames come here from the app. */
export function gatewayRoutes(deps: GatewayDeps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.all("/*", (c) => answerPassage(c.req.raw, c.env.visit, deps, true));
  return routes;
}

export async function answerPassage(
  request: Request,
  visit: Visit,
  deps: GatewayDeps,
  isIssuer: boolean,
): Promise<Response> {
  const passage = await deps.gateway.pass(request, isIssuer, visit);
  for (const event of deps.eventsOf(passage, visit)) deps.audit.record(event, visit.background);
  return withCors(answerOf(passage, visit, deps.issuer), passage, request.headers.get("origin"));
}

function answerOf(passage: Passage, { requestId }: Visit, issuer: string): Response {
  switch (passage.outcome) {
    case "passed":
      return withLimits(passage.response, passage.verdict);
    case "refused":
      return pointing(refusalProblem(passage.verdict, requestId), passage.route, issuer);
    case "preflight":
      return preflight(passage.origin, passage.requestedHeaders);
    case "no_route":
      return problem("not_found", requestId, { detail: "No gateway route matches this path." });
    case "unreachable":
      return withLimits(problem("upstream_unreachable", requestId), passage.verdict);
    case "timeout":
      return withLimits(problem("upstream_timeout", requestId), passage.verdict);
    case "client_gone":
      // Nobody reads this; 499 is what access logs expect to see.
      return new Response(null, { status: 499 });
    case "unavailable":
      return problem("unavailable", requestId, { retryAfterSeconds: 1 });
    case "method_not_allowed":
      return problem("method_not_allowed", requestId, { headers: { allow: passedMethods } });
    case "body_not_allowed":
      return problem("invalid_request", requestId, { detail: "GET and HEAD are passed on without a body." });
    case "ambiguous_path":
      return problem("ambiguous_path", requestId);
  }
}

/**
 * RFC 9728 §5.1: whoever wants a token is told where it is told who gives one, and who has none yet which scopes it needs,
 * all of them at once. A route with a hostname of its own has no such place there: that host is its upstream's.
 */
function pointing(refusal: Response, route: Route | null, issuer: string): Response {
  const challenge = refusal.headers.get("www-authenticate");
  if (!challenge || route?.host !== null || !route.credentials.includes("access-token")) return refusal;
  const isFirst = !challenge.includes("error=") && route.scopes.length > 0;
  const scope = isFirst ? `, scope="${route.scopes.join(" ")}"` : "";
  const path = publicUrlOf(route, issuer).slice(issuer.length);
  const metadata = `${issuer}/.well-known/oauth-protected-resource${path}`;
  refusal.headers.set("www-authenticate", `${challenge}${scope}, resource_metadata="${metadata}"`);
  return refusal;
}

function withLimits(response: Response, verdict: (Passage & { outcome: "passed" })["verdict"]): Response {
  if (response.status !== 101) setRateLimitHeaders(response.headers, verdict);
  return response;
}

const alwaysAllowed = [
  "authorization",
  "content-type",
  "x-api-key",
  "x-request-id",
  "traceparent",
  "tracestate",
];
const requestedMax = 50;
const headerName = /^[a-z0-9-]{1,64}$/;

/**
 * The upstream's own headers are allowed as asked for: a page of a listed origin may send what any client may. Not those
 * that only we say, which would be cut: the page learns it from the preflight.
 */
function allowedHeaders(requested: string | null): string {
  const names = (requested ?? "").split(",").map((name) => name.trim().toLowerCase());
  const theirs = names.slice(0, requestedMax).filter((name) => headerName.test(name) && !isOursToSay(name));
  return [...new Set([...alwaysAllowed, ...theirs])].join(", ");
}

function preflight(origin: string, requestedHeaders: string | null): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": corsMethods,
      "access-control-allow-headers": allowedHeaders(requestedHeaders),
      "access-control-max-age": corsMaxAgeSeconds,
      vary: "Origin, Access-Control-Request-Headers",
    },
  });
}

/** A page that may call the route may also read why it was refused. */
function withCors(response: Response, passage: Passage, origin: string | null): Response {
  const route: Route | null = "route" in passage ? passage.route : null;
  if (passage.outcome === "passed" || passage.outcome === "preflight" || origin === null) return response;
  if (!route?.corsOrigins.includes(origin)) return response;
  response.headers.set("access-control-allow-origin", origin);
  response.headers.set("access-control-expose-headers", exposedHeaders);
  response.headers.append("vary", "Origin");
  return response;
}
