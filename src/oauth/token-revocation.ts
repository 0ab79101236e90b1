import { AuthError } from "../errors/auth-error.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { TokenCheck } from "../tokens/token-check.ts";
import type { BackDoorVisit, ClientAuthentication } from "./authenticate-client.ts";
import type { Sent } from "./client-authentication/method.ts";
import { oneOf } from "./parameters.ts";
import { requireSingles } from "./token-endpoint.ts";

/**
 * RFC 7009 §2.1: a client gives back what it was given. A refresh token ends its whole grant, an access token itself alone;
 * both are felt at every gateway within the bound. What is another client's, or nothing at all, is answered alike and changes
 * nothing.
 */
export function createTokenRevocation(options: {
  clientAuthentication: ClientAuthentication;
  tokenCheck: Pick<TokenCheck, "inspect">;
  refreshTokens: Pick<RefreshTokens, "endByToken" | "revokeToken">;
}) {
  const { clientAuthentication, tokenCheck, refreshTokens } = options;
  return {
    async revoke(sent: Sent, visit: BackDoorVisit): Promise<void> {
      requireSingles(sent);
      const { id: clientId } = await clientAuthentication.authenticate(sent, visit);
      const text = oneOf(sent.parameters, "token");
      if (text === null) throw new AuthError("invalid_request", "token: is missing");
      const { origin, background } = visit;
      if (text.startsWith("gr_")) {
        await refreshTokens.endByToken(text, { clientId, origin, background }, "by_client");
        return;
      }
      // One that is dead already needs no second note.
      const token = await tokenCheck.inspect(text, visit);
      if (token?.clientId !== clientId) return;
      const actor = { type: "client", id: clientId } as const;
      const expiresAt = new Date(token.expiresAtSeconds * 1000);
      await refreshTokens.revokeToken(token.jti, expiresAt, { actor, origin, background }, "by_client");
    },
  };
}

export type TokenRevocation = ReturnType<typeof createTokenRevocation>;
