import { AuthError } from "../errors/auth-error.ts";
import { type Code, sentenceOf, statusOf } from "../errors/codes.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";
import { unlessSet } from "./security-headers.ts";

/** IANA's registry of HTTP problem types, where it has one for us. */
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/** Two refusals bear their sentence as the word: clients of API keys read `error` aloud. */
const spokenErrors: ReadonlySet<Code> = new Set<Code>(["missing_api_key", "invalid_api_key"]);

export type ProblemExtras = {
  readonly detail?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly violatedPolicies?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** An error as problem details (RFC 9457 §3), with our stable word `error` and the request's id. */
export function problem(code: Code, requestId: string, extras: ProblemExtras = {}): Response {
  const status = statusOf(code);
  const body = {
    error: spokenErrors.has(code) ? sentenceOf(code) : code,
    type: code === "rate_limited" ? quotaExceeded : "about:blank",
    title: sentenceOf(code),
    status,
    detail: extras.detail ?? sentenceOf(code),
    request_id: requestId,
    ...(extras.violatedPolicies ? { "violated-policies": extras.violatedPolicies } : {}),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      // Here too, since an answer on a gateway's path may be an upstream's and is left as it came.
      ...Object.fromEntries(unlessSet),
      ...(extras.retryAfterSeconds === undefined ? {} : { "retry-after": String(extras.retryAfterSeconds) }),
      ...(status === 401 ? { "www-authenticate": 'Bearer realm="gatehouse"' } : {}),
      ...extras.headers,
    },
  });
}

/**
 * What was thrown, as an answer. Anything but an `AuthError` is a bug of ours: one fixed sentence and the id. So is what
 * failed on our side: the detail speaks of our configuration, and the caller has nothing to mend.
 */
export function problemOf(thrown: unknown, requestId: string): Response {
  if (!(thrown instanceof AuthError)) return problem("internal", requestId);
  return problem(thrown.code, requestId, {
    detail: statusOf(thrown.code) >= 500 ? undefined : thrown.detail,
    retryAfterSeconds: thrown.retryAfterSeconds ?? (thrown.code === "unavailable" ? 1 : undefined),
    headers: rateLimitHeaders([], thrown.degraded),
  });
}
