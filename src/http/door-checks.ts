import type { Code } from "../errors/codes.ts";

/** Below the platform's own 16 KB and 128 KB, so that it is we who answer. */
const urlBytesMax = 8192;
const headerBytesMax = 32 * 1024;

/** RFC 9110 §4.2: what is safe to speak plain HTTP with. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

export function oversizeOf(request: Request): Code | null {
  if (request.url.length > urlBytesMax) return "uri_too_long";
  let bytes = 0;
  for (const [name, value] of request.headers) bytes += name.length + value.length + 4;
  return bytes > headerBytesMax ? "headers_too_large" : null;
}

const credentialParameters: ReadonlySet<string> = new Set([
  "token",
  "access_token",
  "api_key",
  "apikey",
  "key",
  "secret",
  "password",
  "refresh_token",
  "client_secret",
  "id_token",
]);

/** A JWS in compact form, as ours are. */
const tokenAnywhere = /eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/;

/**
 * RFC 9700 §4.3.2, RFC 6750 §5.3: a credential in a URL is in logs, histories and referrers already. Finds the parameters that
 * name one, and our own formats under any name or in the path. `texts` are what might be keys of ours.
 */
export function credentialsInUrl(url: URL, keyAnywhere: RegExp): { found: boolean; texts: string[] } {
  const texts: string[] = [];
  let found = false;
  for (const [name, value] of url.searchParams) {
    const key = keyAnywhere.exec(value)?.[0];
    if (key) texts.push(key);
    if ((credentialParameters.has(name.toLowerCase()) && value !== "") || key || tokenAnywhere.test(value)) {
      found = true;
    }
  }
  const inPath = keyAnywhere.exec(url.pathname)?.[0] ?? keyAnywhere.exec(url.search)?.[0];
  if (inPath) texts.push(inPath);
  return { found: found || inPath !== undefined || tokenAnywhere.test(url.pathname), texts };
}
