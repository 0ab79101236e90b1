import type { Visit } from "./visit.ts";

const twoYearsSeconds = 63_072_000;

/** On every answer, our own and proxied (RFC 6797 §6.1 for the first). */
const always = [
  ["strict-transport-security", `max-age=${twoYearsSeconds}; includeSubDomains; preload`],
  ["x-content-type-options", "nosniff"],
] as const;
/** Pages of ours with forms say otherwise: under this one a browser sends `Origin: null` with them. */
const referrerPolicy = ["referrer-policy", "no-referrer"] as const;

/** On answers of our own: nothing may be loaded, framed or kept unless the answer said otherwise. */
export const unlessSet = [
  [
    "content-security-policy",
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  ],
  ["cache-control", "no-store"],
] as const;

/** Adds what every answer carries. `isOurs` is false for what an upstream said. The answer must be one of our making. */
export function withSecurityHeaders(response: Response, visit: Visit, isOurs: boolean): Response {
  // A WebSocket's 101 cannot be rebuilt, and has no headers worth adding.
  if (response.status === 101) return response;
  const { headers } = response;
  for (const [name, value] of always) headers.set(name, value);
  if (!isOurs || !headers.has(referrerPolicy[0])) headers.set(...referrerPolicy);
  headers.set("x-request-id", visit.requestId);
  if (isOurs) for (const [name, value] of unlessSet) if (!headers.has(name)) headers.set(name, value);
  return response;
}
