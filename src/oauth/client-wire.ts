import type { ClientMetadata } from "./client.ts";

/** Members as RFC 7591 §2, OIDC Registration §2 and RFC 9126 name them; `resources`, `access_token_signed_response_alg`, `require_pkce` and `first_party` are ours. */
const wireNames = {
  name: "client_name",
  clientUri: "client_uri",
  logoUri: "logo_uri",
  policyUri: "policy_uri",
  tosUri: "tos_uri",
  contacts: "contacts",
  redirectUris: "redirect_uris",
  postLogoutRedirectUris: "post_logout_redirect_uris",
  grantTypes: "grant_types",
  responseTypes: "response_types",
  authenticationMethod: "token_endpoint_auth_method",
  jwks: "jwks",
  jwksUri: "jwks_uri",
  scopes: "scope",
  resources: "resources",
  subjectType: "subject_type",
  sectorIdentifierUri: "sector_identifier_uri",
  idTokenAlgorithm: "id_token_signed_response_alg",
  userinfoAlgorithm: "userinfo_signed_response_alg",
  accessTokenAlgorithm: "access_token_signed_response_alg",
  defaultMaxAgeSeconds: "default_max_age",
  requireAuthTime: "require_auth_time",
  defaultAcrValues: "default_acr_values",
  backchannelLogoutUri: "backchannel_logout_uri",
  backchannelLogoutSessionRequired: "backchannel_logout_session_required",
  initiateLoginUri: "initiate_login_uri",
  requirePushedRequests: "require_pushed_authorization_requests",
  requirePkce: "require_pkce",
  firstParty: "first_party",
} as const satisfies Record<keyof ClientMetadata, string>;

type WireNames = typeof wireNames;
type Wire<Key extends keyof ClientMetadata> = Key extends "scopes" ? string : ClientMetadata[Key];
/** What a client is, as the wire says it. */
export type ClientWire = { readonly [Key in keyof WireNames as WireNames[Key]]: Wire<Key> };

const entries = Object.entries(wireNames) as [keyof ClientMetadata, keyof ClientWire][];

/** The members that were sent, by our names. */
export function metadataOf(wire: { readonly [Name in keyof ClientWire]?: unknown }): Partial<ClientMetadata> {
  const said = entries.filter(([, name]) => wire[name] !== undefined);
  return Object.fromEntries(
    said.map(([key, name]) => [key, key === "scopes" ? scopesOf(String(wire[name])) : wire[name]]),
  ) as Partial<ClientMetadata>;
}

export function wireOf(metadata: ClientMetadata): ClientWire {
  return Object.fromEntries(
    entries.map(([key, name]) => [name, key === "scopes" ? metadata.scopes.join(" ") : metadata[key]]),
  ) as unknown as ClientWire;
}

/** RFC 6749 §3.3: a list with spaces between. */
export const scopesOf = (text: string): string[] => text.split(" ").filter((scope) => scope !== "");
