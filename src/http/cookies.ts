/** What a cookie of ours may be: `strict` never comes with a request that another site caused. */
type CookieOptions = { readonly sameSite: "Strict" | "Lax"; readonly maxAgeSeconds: number };

/** Two cookies of one name are a guess too many: somebody tossed one of them (RFC 6265 §5.4 orders them, and proves nothing). */
function readOnce(headers: Headers, name: string): string | null {
  const found: string[] = [];
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at !== -1 && pair.slice(0, at).trim() === name) found.push(pair.slice(at + 1).trim());
  }
  const [value] = found;
  return found.length === 1 && value !== undefined && value !== "" ? value : null;
}

/**
 * Cookies of the issuer. On HTTPS each bears the prefix `__Host-` (RFC 6265bis §4.1.3.2): no subdomain and no plain page
 * can set one. On plain-http loopback browsers would refuse that prefix, so there it is left out.
 */
export function createCookies(issuer: string) {
  const isSecure = issuer.startsWith("https:");
  const wireName = (name: string): string => (isSecure ? `__Host-${name}` : name);

  function header(name: string, value: string, { sameSite, maxAgeSeconds }: CookieOptions): string {
    const secure = isSecure ? "; Secure" : "";
    return `${wireName(name)}=${value}; Path=/; HttpOnly${secure}; SameSite=${sameSite}; Max-Age=${maxAgeSeconds}`;
  }

  return {
    read: (headers: Headers, name: string): string | null => readOnce(headers, wireName(name)),
    /** A value for `Set-Cookie`. The value must be of cookie octets: ours are base62, `_`, `.` and `-`. */
    set: header,
    clear: (name: string, sameSite: CookieOptions["sameSite"]): string =>
      header(name, "", { sameSite, maxAgeSeconds: 0 }),
  };
}

export type Cookies = ReturnType<typeof createCookies>;
