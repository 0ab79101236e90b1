import { fromBase64url } from "../crypto/bytes.ts";
import type { Code } from "../errors/codes.ts";
import type { Fields } from "./visit.ts";

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

export function oversizeOf(url: string, fields: Fields): Code | null {
  if (url.length > urlBytesMax) return "uri_too_long";
  let bytes = 0;
  for (const [name, value] of fields) bytes += name.length + value.length + 4;
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

/** What nearly no URL has: something escaped, the beginning of one of our formats, or the name of a credential. */
const worthALook = new RegExp(`%|g[kr]_|eyJ|[?&](?:${[...credentialParameters].join("|")})=`, "i");

/** What the URL parser leaves as it is, but for dots between slashes. */
const plainText = /^[\w/?&=.,:~+-]*$/;

/** For a path and query that no URL was made of yet: false when none could hold a credential. */
export const mayHoldCredential = (uri: string): boolean => !plainText.test(uri) || worthALook.test(uri);

const tokenPartMin = 10;

/** A JWS in compact form, as ours are. Split, not searched: an expression would begin anew at each `eyJ` of a hostile URL. */
function holdsToken(text: string): boolean {
  if (!text.includes("eyJ")) return false;
  return text.split(/[^A-Za-z0-9_.-]/).some((run) => {
    const parts = run.split(".");
    const isLong = (at: number) => (parts[at]?.length ?? 0) >= tokenPartMin;
    return parts.some((part, at) => {
      const begin = part.indexOf("eyJ");
      return begin >= 0 && part.length - begin >= tokenPartMin + 3 && isLong(at + 1) && isLong(at + 2);
    });
  });
}

/**
 * An ID token that is shown as a hint, also while its request waits in `return_to`: it tells who somebody was and opens
 * nothing, and the specification has clients send it so (OIDC Core §3.1.2.1). An access token there is still a find.
 */
const hintAnywhere =
  /id_token_hint(?:=|%(?:25)*3D)(eyJ[\w-]{1,512})\.[\w-]{1,6000}\.[\w-]{1,1024}(?![\w.-])/gi;

function withoutHints(url: URL): URL {
  if (!url.search.includes("id_token_hint")) return url;
  const search = url.search.replace(hintAnywhere, (all, header: string) =>
    isIdTokenHeader(header) ? "id_token_hint" : all,
  );
  return new URL(`${url.origin}${url.pathname}${search}`);
}

function isIdTokenHeader(header: string): boolean {
  try {
    const bytes = fromBase64url(header);
    return bytes !== null && JSON.parse(new TextDecoder().decode(bytes)).typ === "JWT";
  } catch {
    return false;
  }
}

/** A refresh token of ours: `tokens/refresh-format.ts`. */
const refreshTokenAnywhere = /gr_[0-9A-Za-z]{22}_\d{1,9}_[0-9A-Za-z]{55}/;

/** What a server behind us would read: escapes of ASCII decoded, broken ones left alone. */
const decoded = (text: string): string =>
  text.replace(/%([2-7][0-9a-f])/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** Every key of ours in these texts, each once. */
export function keysIn(texts: readonly string[], keyAnywhere: RegExp): string[] {
  const each = new RegExp(keyAnywhere, "g");
  return [...new Set(texts.flatMap((text) => text.match(each) ?? []))];
}

/**
 * RFC 9700 §4.3.2, RFC 6750 §5.3: a credential in a URL is in logs, histories and referrers already. Finds the parameters that
 * name one, and our own formats under any name or in the path, escaped or not. `keys` are what might be keys of ours.
 */
export function credentialsInUrl(whole: URL, keyAnywhere: RegExp): { found: boolean; keys: string[] } {
  if (!worthALook.test(whole.href)) return { found: false, keys: [] };
  const url = withoutHints(whole);
  const parameters = url.search === "" ? [] : [...url.searchParams];
  const isNamed = parameters.some(
    ([name, value]) => value !== "" && credentialParameters.has(name.toLowerCase()),
  );
  const texts = [decoded(url.pathname), decoded(url.search), ...parameters.flat()];
  const keys = keysIn(texts, keyAnywhere);
  const joined = texts.join("\n");
  const isFound = isNamed || keys.length > 0 || holdsToken(joined) || refreshTokenAnywhere.test(joined);
  return { found: isFound, keys };
}
