import { sha256Hex } from "../crypto/digest.ts";
import type { Cookies } from "../http/cookies.ts";
import type { StepDue } from "./login.ts";
import { homePath } from "./return-to.ts";
import { forgottenCookies, withCookies } from "./routes-cookies.ts";

/** Holds a sign-in that waits for its second factor; it opens the next page and nothing else. */
const stepCookie = "gatehouse-step";
const stepCookieSeconds = 300;

export const factorPath = "/login/factor";
export const enrolPath = "/login/set-up";

/** Where the next question is asked. The token stays out of the address. */
export function seeFactorPage(
  due: StepDue,
  returnTo: string,
  { cookies }: { readonly cookies: Cookies },
): Response {
  const path = due.mustEnrol ? enrolPath : factorPath;
  const location = returnTo === homePath ? path : `${path}?return_to=${encodeURIComponent(returnTo)}`;
  const answer = new Response(null, { status: 303, headers: { location } });
  return withCookies(answer, [
    ...forgottenCookies(cookies, due),
    cookies.set(stepCookie, due.mfaToken, { sameSite: "Lax", maxAgeSeconds: stepCookieSeconds }),
  ]);
}

/** What a passkey's challenge is bound to while a sign-in waits. */
export const stepBinding = async (token: string): Promise<string> => `step:${await sha256Hex(token)}`;

export const readStep = (headers: Headers, cookies: Cookies): string | null =>
  cookies.read(headers, stepCookie);

export const clearStep = (cookies: Cookies): string => cookies.clear(stepCookie, "Lax");
