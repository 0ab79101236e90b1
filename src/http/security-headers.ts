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

const requestId = "x-request-id";
const ours = [...always, referrerPolicy, ...unlessSet] as const;

/** All that an answer of our own carries but the request's id, made once for many answers: `own` goes before what we say unless set. */
export function prepareHeaders(own: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  for (const [name, value] of ours) headers.set(name, value);
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  return headers;
}

/** An answer with such headers. It says the request's id, and by that is known as complete. */
export function preparedAnswer(
  body: string | null,
  prepared: Headers,
  visit: Pick<Visit, "requestId">,
  status = 200,
): Response {
  const answer = new Response(body, { status, headers: prepared });
  answer.headers.set(requestId, visit.requestId);
  return answer;
}

/** Adds what every answer carries. `isOurs` is false for what an upstream said. The answer must be one of our making. */
export function withSecurityHeaders(response: Response, visit: Visit, isOurs: boolean): Response {
  // A WebSocket's 101 cannot be rebuilt, and has no headers worth adding.
  if (response.status === 101) return response;
  const { headers } = response;
  if (isOurs && headers.get(requestId) === visit.requestId) return response;
  for (const [name, value] of always) headers.set(name, value);
  if (!isOurs || !headers.has(referrerPolicy[0])) headers.set(...referrerPolicy);
  headers.set(requestId, visit.requestId);
  if (isOurs) for (const [name, value] of unlessSet) if (!headers.has(name)) headers.set(name, value);
  return response;
}
