import { assertionAlgorithms } from "./assertions.ts";
import { acrValuesSupported } from "./assurance.ts";
import { promptValues, responseModes } from "./authorization-request.ts";
import type { ClientAuthenticationMethod } from "./client-authentication/method.ts";
import type { GrantType } from "./grants/grant.ts";
import { challengeMethods } from "./pkce.ts";
import { claimNames } from "./requested-claims.ts";
import { identityScopeNames } from "./scopes.ts";

/** What signs for clients, RS256 first: it is what everybody can read. */
const algorithms = ["RS256", "ES256", "EdDSA"] as const;
/** Scopes that give a client something; those of which there is nothing to tell are taken, and not advertised. */
const idle: ReadonlySet<string> = new Set(["address", "phone"]);

export type Discovery = Readonly<Record<string, unknown>>;

/**
 * Server metadata (RFC 8414 §2, OIDC Discovery §3), computed from the lists: what is not there is not advertised. One
 * document for both forms, since nothing in it differs.
 */
export function discoveryOf(options: {
  readonly issuer: string;
  readonly grants: readonly GrantType[];
  readonly authenticationMethods: readonly Pick<ClientAuthenticationMethod, "name">[];
  /** Scopes of routes are found at each route's own metadata. */
  readonly more?: Discovery;
}): Discovery {
  const { issuer } = options;
  const at = (path: string): string => `${issuer}${path}`;
  const names = options.authenticationMethods.map(({ name }) => name);
  return {
    issuer,
    authorization_endpoint: at("/oauth/authorize"),
    token_endpoint: at("/oauth/token"),
    device_authorization_endpoint: at("/oauth/device_authorization"),
    userinfo_endpoint: at("/oauth/userinfo"),
    jwks_uri: at("/.well-known/jwks.json"),
    end_session_endpoint: at("/oauth/logout"),
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    scopes_supported: identityScopeNames.filter((scope) => !idle.has(scope)),
    response_types_supported: ["code"],
    response_modes_supported: responseModes,
    grant_types_supported: options.grants.map(({ name }) => name),
    code_challenge_methods_supported: challengeMethods,
    ...proofsAt("token", names),
    ...backDoorsOf(issuer, names),
    subject_types_supported: ["public", "pairwise"],
    id_token_signing_alg_values_supported: algorithms,
    userinfo_signing_alg_values_supported: algorithms,
    acr_values_supported: acrValuesSupported,
    prompt_values_supported: promptValues,
    claim_types_supported: ["normal"],
    claims_supported: ["sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", ...claimNames],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    require_request_uri_registration: false,
    authorization_response_iss_parameter_supported: true,
    ...options.more,
  };
}

/** How clients prove themselves at one of the back doors. */
const proofsAt = (door: string, names: readonly string[]): Discovery => ({
  [`${door}_endpoint_auth_methods_supported`]: names,
  ...(names.includes("private_key_jwt")
    ? { [`${door}_endpoint_auth_signing_alg_values_supported`]: assertionAlgorithms }
    : {}),
});

/** Only a client that proves something may introspect. */
const backDoorsOf = (issuer: string, names: readonly string[]): Discovery => ({
  revocation_endpoint: `${issuer}/oauth/revoke`,
  ...proofsAt("revocation", names),
  introspection_endpoint: `${issuer}/oauth/introspect`,
  ...proofsAt(
    "introspection",
    names.filter((name) => name !== "none"),
  ),
  introspection_signing_alg_values_supported: ["RS256"],
});

/** A route as a protected resource (RFC 9728 §2). */
export const resourceMetadataOf = (
  route: { readonly resource: string; readonly name: string; readonly scopes: readonly string[] },
  issuer: string,
): Discovery => ({
  resource: route.resource,
  authorization_servers: [issuer],
  bearer_methods_supported: ["header"],
  resource_name: route.name,
  ...(route.scopes.length > 0 ? { scopes_supported: route.scopes } : {}),
});
