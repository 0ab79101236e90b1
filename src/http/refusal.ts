import type { Code } from "../errors/codes.ts";
import { problem } from "./problem.ts";
import { rateLimitHeaders, type StandingShown } from "./rate-limit-headers.ts";

export type RefusedVerdict = {
  readonly refusal: {
    readonly code: Code;
    readonly retryAfterSeconds?: number | undefined;
    readonly violatedLimits?: readonly string[] | undefined;
    readonly neededScopes?: readonly string[] | undefined;
  };
  readonly standings: readonly StandingShown[];
  readonly degraded: readonly string[];
};

/** A refusal of a credential as an answer; `WWW-Authenticate` (RFC 6750 §3) is written here and in `problem.ts` only. */
export function refusalProblem(
  { refusal, standings, degraded }: RefusedVerdict,
  requestId: string,
): Response {
  const challenge = challengeOf(refusal.code, refusal.neededScopes);
  return problem(refusal.code, requestId, {
    retryAfterSeconds: refusal.retryAfterSeconds,
    violatedPolicies: refusal.violatedLimits,
    headers: {
      ...rateLimitHeaders(standings, degraded),
      ...(challenge ? { "www-authenticate": challenge } : {}),
    },
  });
}

function challengeOf(code: Code, neededScopes: readonly string[] | undefined): string | null {
  if (code === "invalid_token") return 'Bearer realm="gatehouse", error="invalid_token"';
  if (code !== "insufficient_scope") return null;
  const scope = (neededScopes ?? []).join(" ");
  return `Bearer realm="gatehouse", error="insufficient_scope"${scope ? `, scope="${scope}"` : ""}`;
}
