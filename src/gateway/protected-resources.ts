import { publicUrlOf, type Route } from "./route.ts";
import type { RouteBook } from "./route-book.ts";

type Visitor = { readonly arrivedAt: number; readonly background: (work: Promise<unknown>) => void };

/** What opens nothing is confirmed against a copy this old at most, so that a flood of it costs a call a second. */
const unknownMilliseconds = 1000;

/** Routes as protected resources: each that takes access tokens, by its public URL (RFC 8707 §2). */
export function createProtectedResources(options: { book: RouteBook; issuer: string }) {
  const { book, issuer } = options;
  const isOf = (uri: string) => (route: Route) =>
    route.enabled && route.credentials.includes("access-token") && publicUrlOf(route, issuer) === uri;

  async function find(uri: string, { arrivedAt, background }: Visitor): Promise<Route | null> {
    const identifier = uri.replace(/\/$/, "");
    const used = await book.routes(background);
    const found = used.routes.find(isOf(identifier));
    if (found) return found;
    const { routes } = await book.confirm(used, arrivedAt - unknownMilliseconds);
    return routes.find(isOf(identifier)) ?? null;
  }

  return {
    /** What a route tells of itself (RFC 9728 §2), or null. */
    async find(uri: string, visitor: Visitor) {
      const route = await find(uri, visitor);
      return route && { resource: publicUrlOf(route, issuer), name: route.name, scopes: route.scopes };
    },

    /** The route's own identifier, or null. Warm: no round trip. A URL parser's slash at the end is no other resource. */
    async routeOf(uri: string, visitor: Visitor): Promise<string | null> {
      const route = await find(uri, visitor);
      return route && publicUrlOf(route, issuer);
    },
  };
}

export type ProtectedResources = ReturnType<typeof createProtectedResources>;
