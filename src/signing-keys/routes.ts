import { Hono } from "hono";
import type { DoorEnv } from "../http/visit.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** `/.well-known/jwks.json` (RFC 7517 §5): public, cacheable for as long as a rotation waits for it. */
export function keySetRoutes(signingKeys: SigningKeys): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.get("/jwks.json", async (c) => {
    const { body, etag, maxAgeSeconds } = await signingKeys.keySet();
    const headers = {
      "cache-control": `public, max-age=${maxAgeSeconds}`,
      etag,
      "access-control-allow-origin": "*",
      "content-type": "application/jwk-set+json",
    };
    return isHeld(c.req.header("if-none-match") ?? "", etag)
      ? c.body(null, 304, headers)
      : c.body(body, 200, headers);
  });
  return routes;
}

/** RFC 9110 §13.1.2: a list, or any; compared weakly, since an edge that compresses makes a strong tag weak. */
function isHeld(ifNoneMatch: string, etag: string): boolean {
  const held = ifNoneMatch.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return ifNoneMatch.trim() === "*" || held.includes(etag);
}
