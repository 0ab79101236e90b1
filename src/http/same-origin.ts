import { AuthError } from "../errors/auth-error.ts";

/**
 * Refuses what another site's page caused. `Sec-Fetch-Site` is said by every current browser and cannot be set by a
 * page; `Origin` is said by all of them on POST. Who says neither is no browser, and so carries no cookie it was not
 * given for this very call.
 */
export function requireSameOrigin(headers: Headers, issuer: string): void {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") throw new AuthError("cross_site_request");
  const origin = headers.get("origin");
  if (origin !== null && origin !== issuer) throw new AuthError("cross_site_request");
}
