import { AuthError } from "../../errors/auth-error.ts";
import type { AccessTokens } from "../../tokens/access-tokens.ts";
import { isConfidential } from "../client.ts";
import type { Resources } from "../resources.ts";
import { isIdentityScope, narrowed } from "../scopes.ts";
import type { GrantType } from "./grant.ts";

/**
 * A client in its own name (RFC 6749 §4.4): what it may ever have is registered, and nothing it sends makes that more. No
 * refresh token: it can ask again. Warm: no round trip.
 */
export const clientCredentials = (rooms: {
  accessTokens: Pick<AccessTokens, "issue">;
  resources: Pick<Resources, "audienceOf">;
}): GrantType => ({
  name: "client_credentials",
  async exchange({ client, parameters, visit }) {
    if (!isConfidential(client)) throw new AuthError("unauthorized_client");
    // What is about a person is nothing here.
    const scopes = narrowed(
      client.scopes.filter((scope) => !isIdentityScope(scope)),
      parameters,
    );
    const audience = await rooms.resources.audienceOf(client, parameters, visit);
    const { accessToken, expiresInSeconds } = await rooms.accessTokens.issue({
      // RFC 9068 §2.2: the client itself.
      subject: client.id,
      clientId: client.id,
      sessionId: null,
      audience,
      scopes,
      authTime: null,
      acr: null,
      amr: [],
      tokensFrom: null,
      algorithm: client.accessTokenAlgorithm,
    });
    return { accessToken, expiresInSeconds, scopes };
  },
});
