import { Hono } from "hono";
import type { DoorEnv } from "../http/visit.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** `/.well-known/jwks.json` (RFC 7517 §5): public, cacheable for as long as a rotation waits for it. */
export function keySetRoutes(signingKeys: SigningKeys): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.get("/jwks.json", (c) => answerKeySet(c.req.raw, signingKeys));
  return routes;
}

export async function answerKeySet(request: Request, signingKeys: SigningKeys): Promise<Response> {
  const { body, etag, maxAgeSeconds } = await signingKeys.keySet();
  const answer = isHeld(request.headers.get("if-none-match"), etag)
    ? new Response(null, { status: 304 })
    : new Response(body);
  answer.headers.set("cache-control", `public, max-age=${maxAgeSeconds}`);
  answer.headers.set("etag", etag);
  answer.headers.set("access-control-allow-origin", "*");
  answer.headers.set("content-type", "application/jwk-set+json");
  return answer;
}

/** RFC 9110 §13.1.2: a list, or any; compared weakly, since an edge that compresses makes a strong tag weak. */
function isHeld(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const held = ifNoneMatch.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return ifNoneMatch.trim() === "*" || held.includes(etag);
}
