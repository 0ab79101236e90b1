import { gatewayPrefix, type Route } from "./route.ts";

/**
 * A path that two servers may read differently is refused before any policy looks at it: what the policy matched
 * must be what the upstream opens. `.` and `..` are resolved by the URL parser already; what is left of such
 * tricks is encoded separators and dots, doubled slashes, path parameters, control characters, what a second
 * decoding would read anew, and segments that end in a dot or a space, which some servers cut off.
 */
const ambiguous = /%(?:[01][0-9a-f]|7f|2e|2f|3b|5c|25[0-7][0-9a-f])|\/\/|\\|;|(?:\.|%20)(?:\/|$)/i;
/** Escapes that are no UTF-8 (RFC 3629 §3): `%c0%ae` is a dot to a decoder that takes overlong forms. Broken escapes too. */
function isUtf8(pathname: string): boolean {
  try {
    decodeURIComponent(pathname);
    return true;
  } catch {
    return false;
  }
}
/** Letters, digits, `-`, `_` and `~`; the dot stays encoded, and so refused. */
const encodedUnreserved = /%(?:3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a]|2d|5f|7e)/gi;

const beyondAscii = /%[c-f]/i;
const dotSegment = /(?:^|\/)\.{1,2}(?:\/|$)/;
const separatorsIn = (text: string): number => text.match(/[/\\;%]/g)?.length ?? 0;

/** A server that folds compatibility forms (NFKC) reads `／` as a slash and climbs at `‥`. Other texts may hold them. */
function foldsIntoSeparators(path: string): boolean {
  const text = decodeURIComponent(path);
  const folded = text.normalize("NFKC");
  return dotSegment.test(folded) || separatorsIn(folded) > separatorsIn(text);
}

/** The path as policies and upstreams read it, `%61` being `a` (RFC 3986 §6.2.2.2); null when it is ambiguous. */
export function canonicalPath(pathname: string): string | null {
  if (!pathname.includes("%")) return ambiguous.test(pathname) ? null : pathname;
  if (!isUtf8(pathname)) return null;
  if (beyondAscii.test(pathname) && foldsIntoSeparators(pathname)) return null;
  const path = pathname.replace(encodedUnreserved, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  );
  return ambiguous.test(path) ? null : path;
}

/** RFC 9110 §4.2.3: hosts compare without case; a trailing dot names the same host. */
export const canonicalHost = (host: string): string => host.toLowerCase().replace(/\.$/, "");

export type Match = {
  readonly route: Route;
  /** What follows the prefix: empty, or begins with `/`. */
  readonly rest: string;
};

/**
 * Longest prefix wins, by whole segments and without regard to case: an upstream that ignores case must not turn
 * `/ADMIN` into a way around the policy of `/admin`. A route that is disabled closes its path: it must not fall to a
 * shorter route with a weaker policy.
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
    if (route.host !== (isIssuer ? null : host)) continue;
    const rest = afterPrefix(path, route.path);
    if (rest !== null && (best === null || route.path.length > best.route.path.length))
      best = { route, rest };
  }
  return best?.route.enabled ? best : null;
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
