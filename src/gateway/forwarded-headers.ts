import { fromBase64url } from "../crypto/bytes.ts";

/** Header fields, names in lower case, each once. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** RFC 9110 §7.6.1: these end at us. `upgrade` is put back for a WebSocket. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Said by us or by nobody: who is calling, where from, and what was asked for. */
const identity: ReadonlySet<string> = new Set([
  "x-user-id",
  "x-user-scopes",
  "x-client-id",
  "x-session-id",
  "x-auth-method",
  "x-auth-level",
  "x-request-id",
  "x-gatehouse-identity",
]);
const provenance: ReadonlySet<string> = new Set([
  // Behind CGI a header `Proxy` becomes the variable HTTP_PROXY, which clients of other servers obey (httpoxy).
  "proxy",
  "forwarded",
  "via",
  "x-real-ip",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-rewrite-url",
  "x-host",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-client-cert",
  "client-cert",
  "client-cert-chain",
  "x-ssl-client-verify",
  "x-ssl-client-cert",
]);

/** A server behind CGI, PHP or Java reads `X_User_Id` and `x.user.id` as `X-User-Id`: one spelling for all. */
export const canonicalName = (name: string): string =>
  /[^a-z0-9-]/.test(name) ? name.toLowerCase().replace(/[^a-z0-9]/g, "-") : name;

export const isOursToSay = (canonical: string): boolean =>
  identity.has(canonical) ||
  provenance.has(canonical) ||
  canonical.startsWith("x-gatehouse-") ||
  canonical.startsWith("x-forwarded-") ||
  canonical.startsWith("x-original-") ||
  canonical.startsWith("cf-");

const nothingNamed: ReadonlySet<string> = new Set();

/** Names in `Connection` are hop-by-hop too; they are cut from what the client sent, never from what we add after. */
function namedInConnection(connection: string | null | undefined): ReadonlySet<string> {
  if (!connection) return nothingNamed;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

/** Our own cookies end at us: an upstream must not hold a browser's session with us. */
export const ownCookie = /^(?:__Host-|__Secure-)?(?:refreshToken|gatehouse[^=]*)$/i;

export function withoutOwnCookies(cookie: string): string {
  return cookie
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !ownCookie.test(pair.split("=")[0]?.trim() ?? ""))
    .join("; ");
}

/** What of the client's headers goes on. `keepAuthorization`: a public route's Authorization is the upstream's matter. */
export function passedOn(
  fields: Fields,
  options: { keepAuthorization: boolean; isWebSocket: boolean },
): Headers {
  const cut = namedInConnection(fields.find(([name]) => name === "connection")?.[1]);
  const passed = new Headers();
  for (const [name, value] of fields) {
    const canonical = canonicalName(name);
    if (hopByHop.has(name) || cut.has(name) || isOursToSay(canonical)) continue;
    if (canonical === "x-api-key" || name === "host") continue;
    if (canonical === "authorization" && !(options.keepAuthorization && isForeign(name, value))) continue;
    if (name === "cookie") {
      const cookies = withoutOwnCookies(value);
      if (cookies !== "") passed.set("cookie", cookies);
      continue;
    }
    passed.append(name, value);
  }
  if (options.isWebSocket) passed.set("upgrade", "websocket");
  return passed;
}

const ownKey = /gk_(?:live|test)_/;

/** The upstream's own scheme, and no key of ours hidden in it: Basic hides its text in base64. */
function isForeign(name: string, value: string): boolean {
  if (name !== "authorization" || ownKey.test(value)) return false;
  const hidden = fromBase64url(/^basic +(\S+)/i.exec(value)?.[1] ?? "");
  return hidden === null || !ownKey.test(new TextDecoder().decode(hidden));
}

const responseChatter: ReadonlySet<string> = new Set([
  "server",
  "x-powered-by",
  "x-aspnet-version",
  "via",
  "alt-svc",
  "clear-site-data",
]);

/** What a page of a listed origin may read of an answer besides the headers every page may. */
export const exposedHeaders =
  "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Gatehouse-Degraded, WWW-Authenticate";

/** These speak for a whole origin: under the issuer's host that is ours, not the upstream's. */
const originWide: ReadonlySet<string> = new Set([
  "service-worker-allowed",
  "nel",
  "report-to",
  "accept-ch",
  "critical-ch",
]);

/** A cookie without a name is sent as its bare value, so `=refreshToken=…` would come back as ours. */
const setsOwnCookie = (setCookie: string): boolean =>
  ownCookie.test(
    setCookie
      .replace(/^[\s=]+/, "")
      .split("=")[0]
      ?.trim() ?? "",
  );

/**
 * Takes from the headers of an answer what does not go back, and adds what we say. Under the issuer's own host an upstream's page would share our origin, so
 * it is sandboxed and cannot set our cookies; behind a credential nothing may be kept by a shared cache.
 */
export function passBack(
  headers: Headers,
  options: {
    isPersonal: boolean;
    sharesIssuerHost: boolean;
    /** Null: the route lists no origins. Otherwise the answer depends on the one that asks, and says so. */
    cors: { readonly allowedOrigin: string | null } | null;
  },
): void {
  // The names as they were: what is being walked must not change under our feet.
  const names = [...headers.keys()];
  const cut = names.includes("connection") ? namedInConnection(headers.get("connection")) : nothingNamed;
  const isEnding = (name: string): boolean =>
    hopByHop.has(name) ||
    cut.has(name) ||
    responseChatter.has(name) ||
    isOursToSay(canonicalName(name)) ||
    name.startsWith("access-control-") ||
    (options.sharesIssuerHost && originWide.has(name)) ||
    (options.isPersonal && forCdns.has(name));
  for (const name of names) if (isEnding(name)) headers.delete(name);
  if (names.includes("set-cookie")) keepForeignCookies(headers);
  if (options.sharesIssuerHost) headers.append("content-security-policy", "sandbox; frame-ancestors 'none'");
  if (options.isPersonal) keepOutOfSharedCaches(headers);
  if (options.cors !== null) headers.append("vary", "Origin");
  if (options.cors?.allowedOrigin) {
    headers.set("access-control-allow-origin", options.cors.allowedOrigin);
    headers.set("access-control-expose-headers", exposedHeaders);
  }
}

function keepForeignCookies(headers: Headers): void {
  const foreign = headers.getSetCookie().filter((one) => !setsOwnCookie(one));
  headers.delete("set-cookie");
  for (const one of foreign) headers.append("set-cookie", one);
}

/** Cache-Control for CDNs by other names, which they obey before the real one (RFC 9213 §2.2). */
const forCdns: ReadonlySet<string> = new Set([
  "cdn-cache-control",
  "cloudflare-cdn-cache-control",
  "surrogate-control",
]);

/** RFC 9111 §3.5 protects answers to `Authorization`; nothing protects those to `X-API-Key` but this. */
function keepOutOfSharedCaches(headers: Headers): void {
  const directives = (headers.get("cache-control") ?? "no-store").split(",").map((one) => one.trim());
  const kept = directives.filter((one) => !/^(public|s-maxage=.*)$/i.test(one));
  // `private="…"` with field names keeps out only those fields.
  const isKeptOut = kept.some((one) => /^(no-store|private)$/i.test(one));
  headers.set("cache-control", (isKeptOut ? kept : ["private", ...kept]).join(", "));
  headers.append("vary", "Authorization, X-API-Key");
}
