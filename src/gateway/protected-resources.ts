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

  return {
    /** The route's own identifier, or null. Warm: no round trip. A URL parser's slash at the end is no other resource. */
    async routeOf(uri: string, { arrivedAt, background }: Visitor): Promise<string | null> {
      const identifier = uri.replace(/\/$/, "");
      const used = await book.routes(background);
      if (used.routes.some(isOf(identifier))) return identifier;
      const { routes } = await book.confirm(used, arrivedAt - unknownMilliseconds);
      return routes.some(isOf(identifier)) ? identifier : null;
    },
  };
}

export type ProtectedResources = ReturnType<typeof createProtectedResources>;
