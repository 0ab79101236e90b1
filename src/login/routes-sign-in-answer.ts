import type { Context } from "hono";
import type { Cookies } from "../http/cookies.ts";
import { problem } from "../http/problem.ts";
import { rateLimitHeaders } from "../http/rate-limit-headers.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { SignInOutcome, StepDue } from "./login.ts";
import { forgottenCookies, signedInCookies, withCookies } from "./routes-cookies.ts";

type Deps = { readonly cookies: Cookies; readonly now: () => number };

/** What an application is told of a sign-in, whichever proof it was by: tokens, the next question, or no. */
export function answerSignIn(c: Context<DoorEnv>, { cookies, now }: Deps, outcome: SignInOutcome): Response {
  const degraded = rateLimitHeaders([], outcome.degraded);
  if (!outcome.ok && outcome.code === "factor_due") {
    const answer = c.json(dueView(outcome.due), 200, degraded);
    return withCookies(answer, forgottenCookies(cookies, outcome.due));
  }
  if (!outcome.ok) {
    const { retryAfterSeconds } = outcome;
    return problem(outcome.code, c.env.visit.requestId, { retryAfterSeconds, headers: degraded });
  }
  const { began, deviceCookie, remembered } = outcome;
  const isNative = began.cookie === null;
  const answer = c.json(
    {
      access_token: began.accessToken,
      token_type: "Bearer",
      expires_in: began.expiresInSeconds,
      session_id: began.sessionId,
      ...(isNative ? { refresh_token: began.refreshToken } : {}),
      ...(remembered ? { device_remembered: true } : {}),
    },
    200,
    degraded,
  );
  if (isNative) return answer;
  return withCookies(answer, signedInCookies(cookies, { began, deviceCookie, remembered, now: now() }));
}

const dueView = ({ mfaToken, factors, mustEnrol, enrolmentFactors, ...due }: StepDue) => ({
  mfa_required: true,
  mfa_token: mfaToken,
  factors,
  ...(mustEnrol ? { enrolment_required: true } : {}),
  ...(due.isPasskeyNeeded ? { level_required: "phishing-resistant" } : {}),
  ...(enrolmentFactors.length > 0 ? { enrolment_factors: enrolmentFactors } : {}),
  ...(due.rememberDays > 0 ? { remember_device_days: due.rememberDays } : {}),
});
