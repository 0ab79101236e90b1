import type { JSONWebKeySet } from "jose";

/** How a client proves at our back doors that it is itself (RFC 7591 §2, `token_endpoint_auth_method`). */
export type ClientAuthenticationName =
  | "none"
  | "client_secret_basic"
  | "client_secret_post"
  | "private_key_jwt";

export type GrantTypeName =
  | "authorization_code"
  | "refresh_token"
  | "client_credentials"
  | "urn:ietf:params:oauth:grant-type:device_code"
  | "urn:ietf:params:oauth:grant-type:token-exchange"
  | "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Algorithms that we sign with: RS256 is for all, the others for who asks. */
export type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

/** One of at most two live secrets: the older one ends when a rotation's overlap has passed. */
export type ClientSecret = {
  /** SHA-256 of the whole text, in hex. */
  readonly hash: string;
  readonly createdAt: string;
  /** RFC 3339; null: until it is rotated. */
  readonly expiresAt: string | null;
};

/** What a client is registered with, each member named by RFC 7591 §2 or OIDC Registration §2 unless it is told otherwise. */
export type ClientMetadata = {
  readonly name: string;
  readonly clientUri: string | null;
  readonly logoUri: string | null;
  readonly policyUri: string | null;
  readonly tosUri: string | null;
  readonly contacts: readonly string[];
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly grantTypes: readonly GrantTypeName[];
  readonly responseTypes: readonly "code"[];
  readonly authenticationMethod: ClientAuthenticationName;
  readonly jwks: JSONWebKeySet | null;
  readonly jwksUri: string | null;
  /** The ceiling: no token of this client ever has another scope. */
  readonly scopes: readonly string[];
  /** Resources it may ask tokens for beside the issuer (RFC 8707 §2); ours. */
  readonly resources: readonly string[];
  readonly subjectType: "public" | "pairwise";
  readonly sectorIdentifierUri: string | null;
  readonly idTokenAlgorithm: SigningAlgorithm;
  /** Null: userinfo is plain JSON. */
  readonly userinfoAlgorithm: SigningAlgorithm | null;
  readonly accessTokenAlgorithm: SigningAlgorithm;
  readonly defaultMaxAgeSeconds: number | null;
  readonly requireAuthTime: boolean;
  readonly defaultAcrValues: readonly string[];
  readonly backchannelLogoutUri: string | null;
  readonly backchannelLogoutSessionRequired: boolean;
  readonly initiateLoginUri: string | null;
  /** Its authorization requests must come by the back door first. */
  readonly requirePushedRequests: boolean;
  /** False only for a confidential client that an operator waived it for: OpenID's certification sends none. */
  readonly requirePkce: boolean;
  /** Ours: consent is not asked, for this is the house's own application. */
  readonly firstParty: boolean;
};

export type Client = ClientMetadata & {
  readonly id: string;
  readonly version: number;
  readonly secrets: readonly ClientSecret[];
  readonly enabled: boolean;
  /** Who brought it here: an operator, itself (RFC 7591), or the document behind its id. */
  readonly registeredBy: "operator" | "dynamic" | "document";
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** A client that can keep a secret: it proves itself with one, or with a key of its own. */
export const isConfidential = (client: Pick<Client, "authenticationMethod">): boolean =>
  client.authenticationMethod !== "none";

/** What a client is that says nothing of itself but its name (RFC 7591 §2, OIDC Registration §2). */
export const standardMetadata: ClientMetadata = {
  name: "",
  clientUri: null,
  logoUri: null,
  policyUri: null,
  tosUri: null,
  contacts: [],
  redirectUris: [],
  postLogoutRedirectUris: [],
  grantTypes: ["authorization_code"],
  responseTypes: ["code"],
  authenticationMethod: "client_secret_basic",
  jwks: null,
  jwksUri: null,
  scopes: [],
  resources: [],
  subjectType: "public",
  sectorIdentifierUri: null,
  idTokenAlgorithm: "RS256",
  userinfoAlgorithm: null,
  accessTokenAlgorithm: "RS256",
  defaultMaxAgeSeconds: null,
  requireAuthTime: false,
  defaultAcrValues: [],
  backchannelLogoutUri: null,
  backchannelLogoutSessionRequired: false,
  initiateLoginUri: null,
  requirePushedRequests: false,
  requirePkce: true,
  firstParty: false,
};
