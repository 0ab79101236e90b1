import type { Context } from "hono";
import type { Cookies } from "../http/cookies.ts";
import { problem } from "../http/problem.ts";
import { rateLimitHeaders } from "../http/rate-limit-headers.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { SignInOutcome } from "./login.ts";
import { signedInCookies, withCookies } from "./routes-cookies.ts";

type Deps = { readonly cookies: Cookies; readonly now: () => number };

/** What an application is told of a sign-in, whichever proof it was by: tokens, the next question, or no. */
export function answerSignIn(c: Context<DoorEnv>, { cookies, now }: Deps, outcome: SignInOutcome): Response {
  const degraded = rateLimitHeaders([], outcome.degraded);
  if (!outcome.ok && outcome.code === "factor_due") {
    const { mfaToken, factors, mustEnrol } = outcome.due;
    const more = mustEnrol ? { enrolment_required: true } : {};
    return c.json({ mfa_required: true, mfa_token: mfaToken, factors, ...more }, 200, degraded);
  }
  if (!outcome.ok) {
    const { retryAfterSeconds } = outcome;
    return problem(outcome.code, c.env.visit.requestId, { retryAfterSeconds, headers: degraded });
  }
  const { began, deviceCookie } = outcome;
  const isNative = began.cookie === null;
  const answer = c.json(
    {
      access_token: began.accessToken,
      token_type: "Bearer",
      expires_in: began.expiresInSeconds,
      session_id: began.sessionId,
      ...(isNative ? { refresh_token: began.refreshToken } : {}),
    },
    200,
    degraded,
  );
  if (isNative) return answer;
  return withCookies(answer, signedInCookies(cookies, { began, deviceCookie, now: now() }));
}
