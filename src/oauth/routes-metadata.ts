import { type Context, Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import { type Discovery, resourceMetadataOf } from "./metadata.ts";

type ResourceFound = {
  readonly resource: string;
  readonly name: string;
  readonly scopes: readonly string[];
};

const cacheSeconds = 300;

/** `/.well-known/…`: metadata of the server and of its resources. Public, for every origin, kept for minutes. */
export function metadataRoutes(deps: {
  readonly discovery: Discovery;
  readonly issuer: string;
  readonly findResource: (uri: string, visit: Visit) => Promise<ResourceFound | null>;
}): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  const discovery = JSON.stringify(deps.discovery);
  const told = (text: string): Response =>
    new Response(text, {
      headers: {
        "content-type": "application/json",
        "cache-control": `public, max-age=${cacheSeconds}`,
        "access-control-allow-origin": "*",
      },
    });
  routes.get("/openid-configuration", () => told(discovery));
  routes.get("/oauth-authorization-server", () => told(discovery));

  /** RFC 9728 §3.1: the path of the resource follows; without one, the issuer itself is the resource. */
  const resource = async (c: Context<DoorEnv>): Promise<Response> => {
    const { url } = c.env.visit;
    const path = url.pathname.slice("/.well-known/oauth-protected-resource".length).replace(/\/$/, "");
    if (path === "") {
      const own = { resource: deps.issuer, name: "Gatehouse", scopes: [] };
      return told(JSON.stringify(resourceMetadataOf(own, deps.issuer)));
    }
    const found = await deps.findResource(`${deps.issuer}${path}`, c.env.visit);
    if (!found) throw new AuthError("not_found");
    return told(JSON.stringify(resourceMetadataOf(found, deps.issuer)));
  };
  routes.get("/oauth-protected-resource", resource);
  routes.get("/oauth-protected-resource/*", resource);
  return routes;
}
