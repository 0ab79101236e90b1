import type { Client } from "./client.ts";

declare const trusted: unique symbol;
/**
 * Where a client's browser may be sent: registered, and found so by this file alone. Whoever sends an answer or an error
 * to a client takes one of these, so that an open redirect does not compile (RFC 9700 §4.11).
 */
export type TrustedRedirect = { readonly uri: string; readonly [trusted]: true };

const lengthMax = 2048;
/** Exactly these three: `127.1` and `localhost.evil.example` are other hosts, or will be one day (RFC 8252 §7.3). */
const loopback = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?(\/[^?#]*)?(\?[^#]*)?$/;
/** A name that its owner has reversed: a scheme without a dot is anybody's (RFC 8252 §7.1). */
const privateUse = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:/;

/**
 * Why this cannot be registered, or null. What two parsers could read differently is refused: only a spelling that the URL
 * parser itself would write is taken.
 */
export function redirectUriFault(uri: string): string | null {
  if (uri.length > lengthMax || !/^[\x21-\x7e]+$/.test(uri) || !URL.canParse(uri)) return "is no URL";
  const url = new URL(uri);
  if (uri.includes("#")) return "must not hold a fragment (RFC 6749 §3.1.2)";
  if (/[*\\<>"^`{|}]/.test(uri)) return "must not hold wildcards or characters that URLs escape";
  if (url.username !== "" || url.password !== "") return "must not hold a credential";
  if (url.href !== uri && url.href !== `${uri}/`) return `must be written ${asWritten(url)}`;
  if (url.protocol === "https:" || loopback.test(uri)) return null;
  if (url.protocol === "http:") return "must be https, or http on localhost, 127.0.0.1 or [::1]";
  return privateUse.test(uri) ? null : "must be https, or a scheme of your own that holds a dot";
}

/** Safe to show: what the parser makes of it, without what could not be registered in any spelling. */
const asWritten = (url: URL): string =>
  url.protocol === "https:" || url.protocol === "http:"
    ? "as URLs are: lower-case host, no default port, no dot segments"
    : "as URLs are";

/** The port of a native application is the one that was free (RFC 8252 §7.3); and each name of this machine is as good. */
const withoutPort = (uri: string): string | null => {
  const match = loopback.exec(uri);
  if (!match || Number(match[1] ?? 80) > 65_535) return null;
  return `${match[2] ?? "/"}${match[3] ?? ""}`;
};

function isLoopbackOf(registered: string, presented: string): boolean {
  const expected = withoutPort(registered);
  return expected !== null && expected === withoutPort(presented);
}

/** Compared as texts, character by character (RFC 9700 §4.1.3); null: not a redirect URI of this client. */
export function trustRedirect(
  client: Pick<Client, "redirectUris">,
  presented: string,
): TrustedRedirect | null {
  const isRegistered = client.redirectUris.some(
    (registered) => registered === presented || isLoopbackOf(registered, presented),
  );
  return isRegistered ? ({ uri: presented } as TrustedRedirect) : null;
}

/** The same of where a person is sent after signing out (OIDC RP-Initiated Logout §3). */
export function trustLogoutRedirect(
  client: Pick<Client, "postLogoutRedirectUris">,
  presented: string,
): TrustedRedirect | null {
  return trustRedirect({ redirectUris: client.postLogoutRedirectUris }, presented);
}
