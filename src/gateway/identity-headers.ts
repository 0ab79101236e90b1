import type { Principal } from "../authentication/principal.ts";

/** Named for upstreams in CONTRACT, beside the request's id; each is set or absent, never left over. */
export function identityHeaders(principal: Principal): [string, string][] {
  const headers: [string, string][] = [["x-auth-method", principal.method]];
  const { subject } = principal;
  // A client that acts for itself is nobody's user: upstreams know it by x-client-id.
  if (subject && subject.type !== "client") headers.push(["x-user-id", subject.id]);
  if (principal.clientId) headers.push(["x-client-id", principal.clientId]);
  if (principal.sessionId) headers.push(["x-session-id", principal.sessionId]);
  if (principal.level) headers.push(["x-auth-level", principal.level]);
  if (principal.scopes.length > 0) headers.push(["x-user-scopes", principal.scopes.join(",")]);
  return headers;
}

/**
 * The claims of `x-gatehouse-identity`: for one upstream, bound to method and URL without its query (`htm` and `htu`
 * as in RFC 9449 §4.2), so that an upstream which sees it cannot use it elsewhere.
 */
export function identityClaims(
  principal: Principal,
  call: { issuer: string; audience: string; method: string; url: string },
) {
  return {
    iss: call.issuer,
    aud: call.audience,
    sub: principal.subject?.id ?? "anonymous",
    sub_type: principal.subject?.type ?? "anonymous",
    htm: call.method,
    htu: call.url,
    auth_method: principal.method,
    ...(principal.clientId ? { client_id: principal.clientId } : {}),
    ...(principal.sessionId ? { sid: principal.sessionId } : {}),
    ...(principal.level ? { acr: principal.level } : {}),
    ...(principal.environment ? { environment: principal.environment } : {}),
    ...(principal.scopes.length > 0 ? { scope: principal.scopes.join(" ") } : {}),
  };
}
