import { AuthError } from "../errors/auth-error.ts";
import type { BackDoorVisit, ClientAuthentication } from "./authenticate-client.ts";
import type { Sent } from "./client-authentication/method.ts";
import type { GrantType, TokenAnswer } from "./grants/grant.ts";
import { hasDuplicates, oneOf } from "./parameters.ts";

/** RFC 6749 §3.2: which grant, who asks, whether it may, and then the grant's own rules. */
export function createTokenEndpoint(options: {
  clientAuthentication: ClientAuthentication;
  grants: readonly GrantType[];
}) {
  const { clientAuthentication, grants } = options;
  return {
    async exchange(sent: Sent, visit: BackDoorVisit): Promise<TokenAnswer> {
      requireSingles(sent);
      const asked = oneOf(sent.parameters, "grant_type");
      if (asked === null) throw new AuthError("invalid_request", "grant_type: is missing");
      const grant = grants.find(({ name }) => name === asked);
      if (!grant) throw new AuthError("unsupported_grant_type");
      const client = await clientAuthentication.authenticate(sent, visit);
      if (!client.grantTypes.includes(grant.name)) throw new AuthError("unauthorized_client");
      return await grant.exchange({ client, parameters: sent.parameters, visit });
    },
  };
}

export type TokenEndpoint = ReturnType<typeof createTokenEndpoint>;

/** RFC 6749 §3.2: no parameter twice. */
export function requireSingles({ parameters }: Sent): void {
  if (hasDuplicates(parameters)) throw new AuthError("invalid_request", "a parameter is there twice");
}
