import { gatewayPrefix, type Route } from "./route.ts";

/**
 * A path that two servers may read differently is refused before any policy looks at it: what the policy matched
 * must be what the upstream opens. `.` and `..` are resolved by the URL parser already; what is left of such
 * tricks is encoded separators, doubled ones, path parameters and segments that end in a dot.
 */
const ambiguous = /%(?:2f|5c|00|2e|25(?:2f|5c|2e))|\/\/|\\|;|%3b|\.(?:\/|$)/i;

export const isAmbiguousPath = (pathname: string): boolean => ambiguous.test(pathname);

/** RFC 9110 §4.2.3: hosts compare without case; a trailing dot names the same host. */
export const canonicalHost = (host: string): string => host.toLowerCase().replace(/\.$/, "");

export type Match = {
  readonly route: Route /** What follows the prefix: empty, or begins with `/`. */;
  readonly rest: string;
};

/**
 * Longest prefix wins, by whole segments and without regard to case: an upstream that ignores case must not turn
 * `/ADMIN` into a way around the policy of `/admin`.
 */
export function matchRoute(
  routes: readonly Route[],
  target: { hostname: string; pathname: string; isIssuer: boolean },
): Match | null {
  const { isIssuer } = target;
  const host = canonicalHost(target.hostname);
  const path = isIssuer ? afterGateway(target.pathname) : target.pathname;
  if (path === null) return null;
  let best: Match | null = null;
  for (const route of routes) {
    if (!route.enabled || (route.host ?? null) !== (isIssuer ? null : host)) continue;
    const rest = afterPrefix(path, route.path);
    if (rest !== null && (best === null || route.path.length > best.route.path.length))
      best = { route, rest };
  }
  return best;
}

function afterGateway(pathname: string): string | null {
  const rest = afterPrefix(pathname, gatewayPrefix);
  return rest === "" ? "/" : rest;
}

function afterPrefix(path: string, prefix: string): string | null {
  if (prefix === "/") return path;
  if (path.slice(0, prefix.length).toLowerCase() !== prefix.toLowerCase()) return null;
  const rest = path.slice(prefix.length);
  return rest === "" || rest.startsWith("/") ? rest : null;
}

/** The upstream's URL: its own path, the rest, and the query as it came. */
export function upstreamUrl(base: string, match: Match, search: string): string {
  const url = new URL(base);
  const rest = match.route.keepPath
    ? `${match.route.path === "/" ? "" : match.route.path}${match.rest}`
    : match.rest;
  url.pathname = `${url.pathname.replace(/\/$/, "")}${rest}` || "/";
  url.search = search;
  return url.href;
}
