import { AuthError } from "../errors/auth-error.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { AccessToken } from "../tokens/access-token.ts";
import type { RefreshInspection, RefreshTokenShown } from "../tokens/refresh-inspection.ts";
import type { TokenCheck } from "../tokens/token-check.ts";
import type { BackDoorVisit, ClientAuthentication } from "./authenticate-client.ts";
import { type Client, isConfidential } from "./client.ts";
import type { Sent } from "./client-authentication/method.ts";
import { oneOf } from "./parameters.ts";
import { requireSingles } from "./token-endpoint.ts";

/** RFC 7662 §2.2: of what is not active nothing else is told, not even why. */
export type TokenShown =
  | { readonly active: false }
  | { readonly active: true; readonly [claim: string]: unknown };
const inactive: TokenShown = { active: false };

/** Who asks: a confidential client, or a resource server by its API key, which may ask about everybody's access tokens. */
export type Inquirer =
  | { readonly kind: "client"; readonly client: Client }
  | { readonly kind: "resource-server"; readonly id: string };

export const signedIntrospectionType = "token-introspection+jwt";

/** RFC 7662: what a token is good for at this moment. Warm: no round trip with a bound, one without it or for a refresh token. */
export function createIntrospection(options: {
  clientAuthentication: ClientAuthentication;
  tokenCheck: Pick<TokenCheck, "inspect">;
  refreshInspection: RefreshInspection;
  signingKeys: Pick<SigningKeys, "sign">;
  issuer: string;
  now: () => number;
}) {
  const { clientAuthentication, tokenCheck, refreshInspection, signingKeys, issuer, now } = options;

  return {
    /** Throws `invalid_client` also for a client that keeps no secret: anybody could ask in its name. */
    async authenticate(sent: Sent, visit: BackDoorVisit): Promise<Inquirer> {
      const client = await clientAuthentication.authenticate(sent, visit);
      if (!isConfidential(client)) throw new AuthError("invalid_client");
      return { kind: "client", client };
    },

    async introspect(sent: Sent, inquirer: Inquirer, visit: BackDoorVisit): Promise<TokenShown> {
      requireSingles(sent);
      const text = oneOf(sent.parameters, "token");
      if (text === null) throw new AuthError("invalid_request", "token: is missing");
      if (text.startsWith("gr_")) {
        if (inquirer.kind !== "client") return inactive;
        const refresh = await refreshInspection.inspect(text, inquirer.client.id);
        return refresh ? refreshShown(refresh, inquirer.client.id) : inactive;
      }
      const token = await tokenCheck.inspect(text, visit);
      return token && mayKnow(inquirer, token) ? accessShown(token) : inactive;
    },

    /** The same as a JWT for this inquirer alone, that can be kept as evidence (RFC 9701 §5). */
    signed(shown: TokenShown, inquirer: Inquirer): Promise<string> {
      const aud = inquirer.kind === "client" ? inquirer.client.id : inquirer.id;
      const claims = { iss: issuer, aud, iat: Math.floor(now() / 1000), token_introspection: shown };
      return signingKeys.sign("access-token", signedIntrospectionType, claims);
    },
  };
}

export type Introspection = ReturnType<typeof createIntrospection>;

/**
 * A client knows of its own tokens, and of those for a resource of its own (RFC 7662 §4). Accepted: whoever is registered for
 * a resource as one that asks for it learns as much of a token for it that it holds; a JWT says the same to anyone.
 */
function mayKnow(inquirer: Inquirer, token: AccessToken): boolean {
  if (inquirer.kind === "resource-server") return true;
  const { client } = inquirer;
  return (
    token.clientId === client.id || token.audiences.some((audience) => client.resources.includes(audience))
  );
}

const accessShown = (token: AccessToken): TokenShown => ({
  active: true,
  iss: token.issuer,
  sub: token.subject,
  aud: token.audiences.length === 1 ? token.audiences[0] : token.audiences,
  client_id: token.clientId,
  token_type: "Bearer",
  scope: token.scopes.join(" "),
  jti: token.jti,
  iat: token.issuedAtSeconds,
  exp: token.expiresAtSeconds,
  ...(token.sessionId === null ? {} : { sid: token.sessionId }),
  ...(token.acr === null ? {} : { acr: token.acr }),
  ...(token.actor === null ? {} : { act: token.actor }),
  ...(token.authTimeSeconds === null ? {} : { auth_time: token.authTimeSeconds }),
});

/** Whose it is, is not told: to a client of pairwise subjects that would be another name than the one it knows. */
const refreshShown = ({ scopes, issuedAt, expiresAt }: RefreshTokenShown, clientId: string): TokenShown => ({
  active: true,
  client_id: clientId,
  scope: scopes.join(" "),
  iat: Math.floor(issuedAt.getTime() / 1000),
  exp: Math.floor(expiresAt.getTime() / 1000),
});
