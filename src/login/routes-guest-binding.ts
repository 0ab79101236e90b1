import type { Context } from "hono";
import type { Cookies } from "../http/cookies.ts";
import type { DoorEnv } from "../http/visit.ts";

export const formCookie = "gatehouse-form";
export const formCookieShape = /^[0-9A-Za-z]{32}$/;

/** Whom a challenge is made for: the browser that a form was shown to, or an application that holds no cookie of ours. */
export function guestBinding({ req }: Context<DoorEnv>, { cookies }: { readonly cookies: Cookies }): string {
  const found = cookies.read(req.raw.headers, formCookie);
  return found !== null && formCookieShape.test(found) ? `browser:${found}` : "native";
}
