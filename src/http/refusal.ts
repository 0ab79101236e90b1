import type { Code } from "../errors/codes.ts";
import { problem } from "./problem.ts";
import { rateLimitHeaders, type StandingShown } from "./rate-limit-headers.ts";

/** Null: not asked for. */
type StepUpShown = { readonly level: string | null; readonly maxAgeSeconds: number | null };

export type RefusedVerdict = {
  readonly refusal: {
    readonly code: Code;
    readonly retryAfterSeconds?: number | undefined;
    readonly violatedLimits?: readonly string[] | undefined;
    readonly neededScopes?: readonly string[] | undefined;
    readonly stepUp?: StepUpShown | undefined;
  };
  readonly standings: readonly StandingShown[];
  readonly degraded: readonly string[];
};

/** A refusal of a credential as an answer; `WWW-Authenticate` (RFC 6750 §3) is written here and in `problem.ts` only. */
export function refusalProblem(
  { refusal, standings, degraded }: RefusedVerdict,
  requestId: string,
): Response {
  const challenge = challengeOf(refusal);
  return problem(refusal.code, requestId, {
    retryAfterSeconds: refusal.retryAfterSeconds,
    violatedPolicies: refusal.violatedLimits,
    headers: {
      ...rateLimitHeaders(standings, degraded),
      ...(challenge ? { "www-authenticate": challenge } : {}),
    },
  });
}

function challengeOf({ code, neededScopes, stepUp }: RefusedVerdict["refusal"]): string | null {
  if (code === "invalid_token") return 'Bearer realm="gatehouse", error="invalid_token"';
  if (code === "insufficient_user_authentication") return stepUpChallenge(stepUp);
  if (code !== "insufficient_scope") return null;
  const scope = (neededScopes ?? []).join(" ");
  return `Bearer realm="gatehouse", error="insufficient_scope"${scope ? `, scope="${scope}"` : ""}`;
}

/** What the client asks its authorization server for, and no more than is needed (RFC 9470 §3). */
function stepUpChallenge({ level = null, maxAgeSeconds = null }: Partial<StepUpShown> = {}): string {
  const manner = [level && "stronger", maxAgeSeconds !== null && "more recent"].filter(Boolean).join(" or ");
  return [
    'Bearer realm="gatehouse", error="insufficient_user_authentication"',
    `error_description="This needs a ${manner} authentication"`,
    ...(level === null ? [] : [`acr_values="${level}"`]),
    ...(maxAgeSeconds === null ? [] : [`max_age="${maxAgeSeconds}"`]),
  ].join(", ");
}
