import { Hono } from "hono";
import type { Audit } from "../audit/audit.ts";
import type { Principal, Verdict } from "../authentication/principal.ts";
import { AuthError } from "../errors/auth-error.ts";
import { mayHoldCredential } from "../http/door-checks.ts";
import { problem } from "../http/problem.ts";
import { setRateLimitHeaders } from "../http/rate-limit-headers.ts";
import { refusalProblem } from "../http/refusal.ts";
import { preparedAnswer, prepareHeaders } from "../http/security-headers.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { Level } from "../tokens/levels.ts";
import type { Admission, ForwardAuth, ForwardedCall } from "./forward-auth.ts";
import { identityHeaders } from "./identity-headers.ts";
import type { Identity } from "./identity-tokens.ts";
import { maxAgeSecondsMax } from "./route.ts";

export type ForwardAuthDeps = {
  readonly forwardAuth: ForwardAuth;
  readonly audit: Pick<Audit, "record">;
  /** Weakest first. */
  readonly levels: readonly Level[];
  /** The headers of an answer, for as long as its identity is handed out. */
  readonly saying: WeakMap<Identity, Headers>;
  readonly refusalOfUrl: (url: URL, visit: Visit) => (Verdict & { ok: false }) | null;
  readonly eventsOf: (admission: Admission, visit: Visit) => Parameters<Audit["record"]>[0][];
};

/**
 * `/v1/authenticate`, for proxies that ask before they pass a call on: nginx `auth_request`, Traefik ForwardAuth, Caddy
 * `forward_auth`, Envoy `ext_authz`. 200 with the identity headers to copy, 401, 403, 429, 5xx: kept apart.
 */
export function forwardAuthRoutes(deps: ForwardAuthDeps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.all("/*", (c) => answerForwardAuth(c.req.raw, c.env.visit, deps));
  return routes;
}

/** What tells the proxy who calls: the same for as long as the signed identity is. */
function headersSaying(
  identity: Identity,
  principal: Principal,
  { saying }: Pick<ForwardAuthDeps, "saying">,
): Headers {
  const known = saying.get(identity);
  if (known) return known;
  const said = Object.fromEntries(identityHeaders(principal));
  const headers = prepareHeaders({ ...said, "x-gatehouse-identity": identity.token });
  saying.set(identity, headers);
  return headers;
}

export async function answerForwardAuth(
  request: Request,
  visit: Visit,
  deps: ForwardAuthDeps,
): Promise<Response> {
  const call = forwardedCall(request, visit, deps.levels);
  // The proxy's logs have such a URL by now, as ours would have had.
  const inUrl = mayHoldCredential(call.uri)
    ? deps.refusalOfUrl(new URL(`https://forwarded.invalid${call.uri}`), visit)
    : null;
  const admission: Admission = inUrl
    ? { outcome: "refused", verdict: inUrl }
    : await deps.forwardAuth.admit(call, request.headers, visit);
  for (const event of deps.eventsOf(admission, visit)) deps.audit.record(event, visit.background);
  if (admission.outcome === "admitted") {
    const { identity, verdict } = admission;
    const answer = preparedAnswer(null, headersSaying(identity, verdict.principal, deps), visit);
    setRateLimitHeaders(answer.headers, verdict);
    return answer;
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
}

const ourPath = "/v1/authenticate";
/** As at our own door. */
const uriBytesMax = 8192;
/** RFC 9110 §9.1: a token; none in use is as long. */
const methodShape = /^[A-Za-z-]{1,32}$/;
/** RFC 6749 §3.3: a scope comes back in the challenge, where a quote or a line end would say something else. */
const scopeShape = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const maxAgeShape = /^[1-9]\d{0,6}$/;
const askHeader = "x-gatehouse-ask";

/** Envoy's configuration says that what it sends is a question, with its caller's path behind ours. */
export const isQuestion = (request: Request): boolean => request.headers.has(askHeader);

/**
 * The caller's dots can lead such a question elsewhere: to `/health/live`, whose 200 Envoy would take for a yes, or to
 * our path itself, with a `?route=` of his choice.
 */
export const isMisdirected = (request: Request, { pathname }: URL): boolean =>
  isQuestion(request) && !pathname.startsWith(`${ourPath}/`);

const hostShape = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * What the proxy is about to pass on, said in one of three ways. A proxy overwrites its own headers but passes a
 * caller's others through, so two ways at once are refused: one of them would be the caller's.
 * - nginx is configured to say `X-Original-Method` and `X-Original-URI`. A host is not taken from it: nginx adds none
 *   by itself, so it could be the caller's; `?route=` names the route.
 * - Traefik and Caddy say `X-Forwarded-*` by themselves.
 * - Envoy calls us with the call's own method, and its path and query behind ours: so these are not for us to obey.
 *   They are read as they came, before a parser has resolved anything.
 */
function forwardedCall(request: Request, { url, fields }: Visit, levels: readonly Level[]): ForwardedCall {
  const { headers } = request;
  const asked = request.url.slice(request.url.indexOf("/", "https://".length));
  if (!asked.startsWith(ourPath)) throw new AuthError("ambiguous_path");
  const [behindOurs = ""] = asked.slice(ourPath.length).split("?", 1);
  const isOriginal = fields.some(([name]) => name === "x-original-method" || name === "x-original-uri");
  const isForwarded = fields.some(([name]) => name === "x-forwarded-method" || name === "x-forwarded-uri");
  if (Number(isOriginal) + Number(isForwarded) + Number(behindOurs !== "") > 1)
    throw new AuthError("invalid_request", "the call is told in more than one way");
  const family = isOriginal ? "original" : "forwarded";
  const told = (what: "uri" | "method") =>
    isOriginal || isForwarded ? headers.get(`x-${family}-${what}`) : null;
  const uri = behindOurs === "" ? (told("uri") ?? "/") : asked.slice(ourPath.length);
  const host = isForwarded || behindOurs !== "" ? headers.get("x-forwarded-host") : null;
  if (uri.length > uriBytesMax) throw new AuthError("uri_too_long", "the forwarded URI is longer than 8 KB");
  if (!uri.startsWith("/")) throw new AuthError("invalid_request", "the forwarded URI must be a path");
  if (host !== null && !(hostShape.test(host) && URL.canParse(`https://${host}`)))
    throw new AuthError("invalid_request", "the forwarded host must be one host");
  const method = told("method") ?? request.method;
  if (!methodShape.test(method)) throw new AuthError("invalid_request", "the forwarded method must be one");
  const ours = behindOurs === "" && url.search !== "" ? url.searchParams : null;
  return { method, uri, host, ...policyOf(ours, levels) };
}

/** What the proxy's own configuration asks for. */
function policyOf(
  ours: URLSearchParams | null,
  levels: readonly Level[],
): Omit<ForwardedCall, "method" | "uri" | "host"> {
  const scopes = (ours?.get("scopes") ?? "").split(/[ ,]+/).filter((scope) => scope !== "");
  if (!scopes.every((scope) => scopeShape.test(scope)))
    throw new AuthError("invalid_request", "scopes: must be scope tokens");
  const asked = ours?.get("level") ?? null;
  const level = levels.find((one) => one === asked) ?? null;
  // What is misspelt must not pass for nothing.
  if (asked !== level) throw new AuthError("invalid_request", `level: must be one of ${levels.join(", ")}`);
  const maxAge = ours?.get("max_age") ?? null;
  const maxAgeSeconds = maxAge === null ? null : Number(maxAge);
  if (maxAge !== null && !(maxAgeShape.test(maxAge) && Number(maxAge) <= maxAgeSecondsMax))
    throw new AuthError("invalid_request", `max_age: must be 1 to ${maxAgeSecondsMax} seconds`);
  return { routeName: ours?.get("route") ?? null, scopes, level, maxAgeSeconds };
}
