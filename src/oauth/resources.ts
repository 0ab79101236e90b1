import { AuthError } from "../errors/auth-error.ts";
import type { BackDoorVisit } from "./authenticate-client.ts";
import type { Client } from "./client.ts";
import type { Parameters } from "./parameters.ts";

/**
 * Whom a token is to be for (RFC 8707 §2): the issuer, a resource that the client is registered for, or a gateway route by
 * its public URL. One for each token, so that no resource is handed a token that opens another.
 */
export function createResources(options: {
  issuer: string;
  /** The route's own identifier, or null: no enabled route that takes access tokens has this URL. */
  routeOf: (uri: string, visit: Pick<BackDoorVisit, "arrivedAt" | "background">) => Promise<string | null>;
}) {
  const { issuer, routeOf } = options;
  return {
    /** Throws `invalid_target`. */
    async audienceOf(
      client: Pick<Client, "resources">,
      parameters: Parameters,
      visit: Pick<BackDoorVisit, "arrivedAt" | "background">,
    ): Promise<string> {
      const [resource, ...more] = parameters.get("resource") ?? [];
      if (resource === undefined) return issuer;
      if (more.length > 0) throw new AuthError("invalid_target", "resource: ask for one at a time");
      if (resource === issuer || client.resources.includes(resource)) return resource;
      const route = await routeOf(resource, visit);
      if (route === null) throw new AuthError("invalid_target");
      return route;
    },
  };
}

export type Resources = ReturnType<typeof createResources>;
