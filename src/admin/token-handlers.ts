import type { InferOutput } from "valibot";
import type { Operator } from "../api-keys/api-keys.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Reach } from "../revocation/revocation.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { TokenCheck } from "../tokens/token-check.ts";
import type { Handlers } from "./call.ts";
import type { revokeTokensInput } from "./user-input.ts";
import { reachView } from "./views.ts";

type Deps = {
  readonly refreshTokens: Pick<RefreshTokens, "revokeToken" | "revokeClient">;
  readonly tokenCheck: Pick<TokenCheck, "read">;
  readonly now: () => number;
};

/** Access tokens, one or those of a client. A token that is over is revoked like any other: the answer is true of it. */
export function tokenHandlers(deps: Deps) {
  return {
    async revokeTokens({ body, operator }) {
      const revokedAt = new Date(deps.now());
      const reach = await revoke(deps, body as InferOutput<typeof revokeTokensInput>, operator);
      return { revoked_at: revokedAt.toISOString(), ...reachView(reach) };
    },
  } satisfies Handlers;
}

async function revoke(
  { refreshTokens, tokenCheck, now }: Deps,
  named: InferOutput<typeof revokeTokensInput>,
  operator: Operator,
): Promise<Reach> {
  if ("client_id" in named) return await refreshTokens.revokeClient(named.client_id, operator);
  if ("jti" in named) {
    const { jti, expires_at: expiresAt = null } = named;
    if (expiresAt && expiresAt.getTime() <= now()) {
      throw new AuthError("invalid_request", "expires_at: must be in the future");
    }
    return await refreshTokens.revokeToken(jti, expiresAt, operator);
  }
  const token = await tokenCheck.read(named.token);
  if (!token) {
    throw new AuthError("invalid_request", "token: is no access token of ours, or its signing key is gone");
  }
  return await refreshTokens.revokeToken(token.jti, new Date(token.expiresAtSeconds * 1000), operator);
}
