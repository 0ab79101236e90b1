import { AuthError } from "../errors/auth-error.ts";
import { type ClientMetadata, type GrantTypeName, isConfidential } from "./client.ts";
import { publicKeysFault } from "./client-keys.ts";
import { redirectUriFault } from "./redirect-uri.ts";

/** RFC 6749 §3.3: what a scope may be made of; no comma, since scopes are told upstreams joined by commas. */
const scopeShape = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,128}$/;
/** No controls, and nothing that turns or breaks the text around it where a person must decide whom to trust. */
const oneLine = /^[^\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u;
const listMax = 32;

/** Words of RFC 7591 §3.2.2. `member`: its name on the wire; never a value that was sent. */
function refuse(member: string, fault: string): never {
  throw new AuthError("invalid_client_metadata", `${member}: ${fault}`);
}

/** What a client is registered as must make sense as a whole: what nobody would check, or could use, is refused. */
export function requireMeaning(metadata: ClientMetadata): void {
  if (!oneLine.test(metadata.name) || metadata.name.trim() !== metadata.name)
    refuse("client_name", "must be 1 to 100 printable characters");
  requireRedirects(metadata);
  requireGrants(metadata);
  requireProof(metadata);
  requireAddresses(metadata);
  requireReach(metadata);
}

function requireRedirects({ redirectUris, postLogoutRedirectUris, grantTypes }: ClientMetadata): void {
  for (const [member, uris] of [
    ["redirect_uris", redirectUris],
    ["post_logout_redirect_uris", postLogoutRedirectUris],
  ] as const) {
    const fault = listFault(uris) ?? uris.map(redirectUriFault).find((found) => found !== null);
    if (fault) throw new AuthError("invalid_redirect_uri", `${member}: ${fault}`);
  }
  if (grantTypes.includes("authorization_code") && redirectUris.length === 0)
    throw new AuthError("invalid_redirect_uri", "redirect_uris: authorization_code needs at least one");
}

function listFault(list: readonly string[]): string | null {
  if (list.length > listMax) return `must have ${listMax} entries or fewer`;
  return new Set(list).size === list.length ? null : "names one twice";
}

/** They act in nobody's name but the client's, or in one that it vouches for: it must be able to prove itself. */
const grantsOfConfidential: readonly GrantTypeName[] = [
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:token-exchange",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
];
const grantsOfPeople: readonly GrantTypeName[] = [
  "authorization_code",
  "urn:ietf:params:oauth:grant-type:device_code",
];

/** Grants and response types belong together (RFC 7591 §2.1). */
function requireGrants(metadata: ClientMetadata): void {
  const { grantTypes, responseTypes } = metadata;
  if (grantTypes.length === 0) refuse("grant_types", "must name at least one");
  const fault = listFault(grantTypes) ?? listFault(responseTypes);
  if (fault) refuse("grant_types", fault);
  if (grantTypes.includes("authorization_code") !== responseTypes.includes("code"))
    refuse("response_types", "code goes with the grant authorization_code, and that with code");
  if (grantTypes.includes("refresh_token") && !grantTypes.some((grant) => grantsOfPeople.includes(grant)))
    refuse("grant_types", "refresh_token renews what another grant gave: name that too");
  if (!isConfidential(metadata) && grantTypes.some((grant) => grantsOfConfidential.includes(grant)))
    refuse("grant_types", "holds one for clients that authenticate; this one does not");
  const isVouching = grantTypes.includes("urn:ietf:params:oauth:grant-type:jwt-bearer");
  if (isVouching && !metadata.firstParty)
    refuse("grant_types", "jwt-bearer is for first_party clients: it asks nobody");
  if (isVouching && !metadata.jwks) refuse("jwks", "jwt-bearer needs public keys");
}

function requireProof(metadata: ClientMetadata): void {
  const { authenticationMethod, jwks, jwksUri, requirePkce } = metadata;
  if (jwks && jwksUri !== null) refuse("jwks", "excludes jwks_uri");
  if (jwksUri !== null) refuse("jwks_uri", "is not supported; give the keys in jwks");
  // A demand that nothing holds anybody to would be believed.
  if (metadata.requirePushedRequests) refuse("require_pushed_authorization_requests", "is not supported");
  if (authenticationMethod === "private_key_jwt" && !jwks)
    refuse("jwks", "private_key_jwt needs public keys");
  const fault = jwks && publicKeysFault(jwks);
  if (fault) refuse("jwks", fault);
  if (!requirePkce && !isConfidential(metadata))
    refuse("require_pkce", "may be waived for a client that authenticates only");
}

/** An address of the client's that people follow or we call: HTTPS, but on this very machine. */
function addressFault(uri: string): string | null {
  const fault = redirectUriFault(uri);
  if (fault) return fault;
  return uri.startsWith("https://") || uri.startsWith("http://") ? null : "must be an https URL";
}

function requireAddresses(metadata: ClientMetadata): void {
  const addresses = {
    client_uri: metadata.clientUri,
    logo_uri: metadata.logoUri,
    policy_uri: metadata.policyUri,
    tos_uri: metadata.tosUri,
    initiate_login_uri: metadata.initiateLoginUri,
    backchannel_logout_uri: metadata.backchannelLogoutUri,
    sector_identifier_uri: metadata.sectorIdentifierUri,
  };
  for (const [member, uri] of Object.entries(addresses)) {
    const fault = uri === null ? null : addressFault(uri);
    if (fault) refuse(member, fault);
  }
  const isContact = (contact: string) => oneLine.test(contact);
  if (listFault(metadata.contacts) || !metadata.contacts.every(isContact))
    refuse("contacts", "must be few, each one line of up to 100 characters");
}

function requireReach(metadata: ClientMetadata): void {
  const { scopes, resources, defaultAcrValues, defaultMaxAgeSeconds } = metadata;
  if (
    scopes.length > 64 ||
    new Set(scopes).size !== scopes.length ||
    !scopes.every((one) => scopeShape.test(one))
  )
    refuse("scope", "must be 64 scope tokens or fewer, none twice (RFC 6749 §3.3), without a comma");
  const isResource = (uri: string) => uri.length <= 512 && URL.canParse(uri) && !uri.includes("#");
  if (listFault(resources) || !resources.every(isResource))
    refuse("resources", "must be absolute URIs without a fragment (RFC 8707 §2)");
  if (listFault(defaultAcrValues) || !defaultAcrValues.every((acr) => scopeShape.test(acr)))
    refuse("default_acr_values", "must be words");
  if (
    defaultMaxAgeSeconds !== null &&
    !(Number.isSafeInteger(defaultMaxAgeSeconds) && defaultMaxAgeSeconds >= 0)
  )
    refuse("default_max_age", "must be whole seconds");
  requireOneSector(metadata);
}

/** Subjects are made for a sector: without one named, the redirect URIs must be of one host (OIDC Core §8.1). */
function requireOneSector({ subjectType, sectorIdentifierUri, redirectUris }: ClientMetadata): void {
  if (subjectType !== "pairwise" || sectorIdentifierUri !== null) return;
  if (new Set(redirectUris.map((uri) => new URL(uri).host)).size > 1)
    refuse("sector_identifier_uri", "pairwise needs one where redirect_uris are of several hosts");
}
