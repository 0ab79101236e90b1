import type { Visit } from "./visit.ts";

const twoYearsSeconds = 63_072_000;

/** On every answer, our own and proxied (RFC 6797 §6.1 for the first). */
const always: Readonly<Record<string, string>> = {
  "strict-transport-security": `max-age=${twoYearsSeconds}; includeSubDomains; preload`,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** On answers of our own: nothing may be loaded, framed or kept unless the answer said otherwise. */
export const unlessSet: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cache-control": "no-store",
};

const chatter = ["server", "x-powered-by"];

/** The answer with the headers every answer carries. `isOurs` is false for what an upstream said. */
export function withSecurityHeaders(response: Response, visit: Visit, isOurs: boolean): Response {
  // A WebSocket's 101 cannot be rebuilt, and has no headers worth adding.
  if (response.status === 101) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(always)) headers.set(name, value);
  headers.set("x-request-id", visit.requestId);
  for (const name of chatter) headers.delete(name);
  if (isOurs) {
    for (const [name, value] of Object.entries(unlessSet)) if (!headers.has(name)) headers.set(name, value);
  }
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
