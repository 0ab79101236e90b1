import { Hono } from "hono";
import type { Audit } from "../audit/audit.ts";
import { AuthError } from "../errors/auth-error.ts";
import { problem } from "../http/problem.ts";
import { rateLimitHeaders } from "../http/rate-limit-headers.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { Admission, ForwardAuth, ForwardedCall } from "./forward-auth.ts";

type Deps = {
  readonly forwardAuth: ForwardAuth;
  readonly audit: Pick<Audit, "record">;
  readonly eventsOf: (admission: Admission, visit: Visit) => Parameters<Audit["record"]>[0][];
};

/**
 * `/v1/authenticate`, for proxies that ask before they pass a call on: nginx `auth_request`, Traefik ForwardAuth, Caddy
 * `forward_auth`, Envoy `ext_authz`. 200 with the identity headers to copy, 401, 403, 429, 5xx: kept apart.
 */
export function forwardAuthRoutes(deps: Deps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.all("/*", async (c) => {
    const visit = c.get("visit");
    const call = forwardedCall(c.req.raw, c.req.path);
    const admission = await deps.forwardAuth.admit(call, c.req.raw.headers, visit);
    for (const event of deps.eventsOf(admission, visit)) deps.audit.record(event, visit.background);
    if (admission.outcome === "admitted") {
      const headers = new Headers(rateLimitHeaders(admission.verdict.standings, admission.verdict.degraded));
      for (const [name, value] of admission.headers) headers.set(name, value);
      return new Response(null, { status: 200, headers });
    }
    if (admission.outcome === "refused") return refusalProblem(admission.verdict, visit.requestId);
    if (admission.outcome === "unavailable")
      return problem("unavailable", visit.requestId, { retryAfterSeconds: 1 });
    if (admission.outcome === "no_route") {
      return problem("credential_not_accepted", visit.requestId, {
        detail: "No gateway route matches the forwarded call.",
      });
    }
    return problem(admission.outcome, visit.requestId);
  });
  return routes;
}

/**
 * What the proxy is about to pass on. nginx is configured to say `X-Original-Method` and `X-Original-URI`; Traefik and
 * Caddy say `X-Forwarded-*` by themselves; Envoy calls us with the call's own method and its path behind ours.
 */
function forwardedCall(request: Request, ourPath: string): ForwardedCall {
  const { headers } = request;
  const method = headers.get("x-forwarded-method") ?? headers.get("x-original-method") ?? request.method;
  const uri =
    headers.get("x-forwarded-uri") ??
    headers.get("x-original-uri") ??
    ourPath.replace(/^\/v1\/authenticate/, "");
  const host = headers.get("x-forwarded-host") ?? headers.get("x-original-host");
  const query = new URL(request.url).searchParams;
  if (!uri.startsWith("/") && uri !== "")
    throw new AuthError("invalid_request", "the forwarded URI must be a path");
  return {
    method,
    uri: uri === "" ? "/" : uri,
    host,
    routeName: query.get("route"),
    scopes: (query.get("scopes") ?? "").split(/[ ,]+/).filter((scope) => scope !== ""),
  };
}
