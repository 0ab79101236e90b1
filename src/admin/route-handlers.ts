import type { InferOutput } from "valibot";
import { publicUrlOf, type Route } from "../gateway/route.ts";
import type { RouteAdmin } from "../gateway/route-admin.ts";
import type { RouteDraft } from "../gateway/store.ts";
import { type Handlers, idOf, requireChange } from "./call.ts";
import type { createRouteInput, updateRouteInput } from "./route-input.ts";
import { reachView, routeView } from "./views.ts";

type Deps = { readonly routeAdmin: RouteAdmin; readonly issuer: string };

export function routeHandlers({ routeAdmin, issuer }: Deps) {
  const view = (route: Route) => routeView(route, publicUrlOf(route, issuer));
  return {
    async createRoute({ body, operator }) {
      const draft = routeDraftOf(body as InferOutput<typeof createRouteInput>) as RouteDraft;
      const { route, reach } = await routeAdmin.create(draft, operator);
      return { ...view(route), ...reachView(reach) };
    },
    listRoutes: async () => ({ data: (await routeAdmin.list()).map(view), next_cursor: null }),
    getRoute: async ({ params }) => view(await routeAdmin.get(idOf(params))),
    async updateRoute({ params, body, operator }) {
      const edits = routeDraftOf(body as InferOutput<typeof updateRouteInput>);
      requireChange(edits);
      const { route, reach } = await routeAdmin.update(idOf(params), edits, operator);
      return { ...view(route), ...reachView(reach) };
    },
    deleteRoute: async ({ params, operator }) => reachView(await routeAdmin.remove(idOf(params), operator)),
  } satisfies Handlers;
}

/** One spelling of an upstream: lower-case host, no default port, no dot segments. */
function canonicalUrl(given: string): string {
  const { href } = new URL(given);
  return given.endsWith("/") ? href : href.replace(/\/$/, "");
}

function routeDraftOf(input: InferOutput<typeof updateRouteInput>): Partial<RouteDraft> {
  const draft = {
    name: input.name,
    ...(input.match ? { host: input.match.host, path: input.match.path } : {}),
    upstream:
      input.upstream &&
      ("url" in input.upstream
        ? { kind: "url" as const, url: canonicalUrl(input.upstream.url) }
        : { kind: "service" as const, service: input.upstream.service }),
    keepPath: input.keep_path,
    credentials: input.credentials,
    scopes: input.scopes,
    level: input.level,
    maxAgeSeconds: input.max_age_seconds,
    limits: input.limits,
    timeoutSeconds: input.timeout_seconds,
    corsOrigins: input.cors_origins,
    audiences: input.audiences,
    enabled: input.enabled,
  };
  return Object.fromEntries(
    Object.entries(draft).filter(([, value]) => value !== undefined),
  ) as Partial<RouteDraft>;
}
