import { Hono } from "hono";
import type { DoorEnv } from "../http/visit.ts";

/** `/.well-known/webauthn` (WebAuthn L3 §5.11): which other origins may use passkeys of this relying party. Public. */
export function relatedOriginRoutes(origins: readonly string[]): Hono<DoorEnv> {
  const body = JSON.stringify({ origins });
  const headers = { "content-type": "application/json", "cache-control": "public, max-age=3600" };
  const routes = new Hono<DoorEnv>();
  routes.get("/webauthn", () => new Response(body, { headers }));
  return routes;
}
