import * as v from "valibot";
import { overlapSecondsMax } from "../api-keys/record.ts";
import { listOf, pageFields, text, wholeNumber } from "./input.ts";

/** The shapes of calls about OAuth clients, by the names of RFC 7591 §2. What they mean together is the room's own matter. */

const uri = v.pipe(v.string(), v.maxLength(2048, "is too long"));
const uris = listOf(uri, 32);
const word = v.pipe(v.string(), v.maxLength(128, "holds a word that is too long"));
const grantTypes = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:ietf:params:oauth:grant-type:token-exchange",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
] as const;
const authenticationMethods = [
  "none",
  "client_secret_basic",
  "client_secret_post",
  "private_key_jwt",
] as const;
const algorithms = ["RS256", "ES256", "EdDSA"] as const;
const picked = <const Choices extends readonly string[]>(choices: Choices) =>
  v.picklist(choices, `must be one of ${choices.join(", ")}`);
const ours = (description: string) => v.pipe(v.boolean(), v.description(description));

const optional = {
  client_uri: v.optional(v.nullable(uri)),
  logo_uri: v.optional(v.nullable(uri)),
  policy_uri: v.optional(v.nullable(uri)),
  tos_uri: v.optional(v.nullable(uri)),
  contacts: v.optional(listOf(text(100), 32)),
  redirect_uris: v.optional(uris),
  post_logout_redirect_uris: v.optional(uris),
  grant_types: v.optional(listOf(picked(grantTypes), grantTypes.length)),
  response_types: v.optional(listOf(picked(["code"]), 1)),
  token_endpoint_auth_method: v.optional(picked(authenticationMethods)),
  jwks: v.optional(v.nullable(v.looseObject({ keys: listOf(v.looseObject({}), 10) }))),
  jwks_uri: v.optional(v.nullable(uri)),
  scope: v.optional(v.pipe(v.string(), v.maxLength(8192, "is too long"))),
  resources: v.optional(
    v.pipe(uris, v.description("Resources it may ask tokens for, beside gateway routes (RFC 8707)")),
  ),
  subject_type: v.optional(picked(["public", "pairwise"])),
  sector_identifier_uri: v.optional(v.nullable(uri)),
  id_token_signed_response_alg: v.optional(picked(algorithms)),
  userinfo_signed_response_alg: v.optional(v.nullable(picked(algorithms))),
  access_token_signed_response_alg: v.optional(picked(algorithms)),
  default_max_age: v.optional(v.nullable(wholeNumber(0, 365 * 86_400))),
  require_auth_time: v.optional(v.boolean()),
  default_acr_values: v.optional(listOf(word, 10)),
  backchannel_logout_uri: v.optional(v.nullable(uri)),
  backchannel_logout_session_required: v.optional(v.boolean()),
  initiate_login_uri: v.optional(v.nullable(uri)),
  require_pushed_authorization_requests: v.optional(v.boolean()),
  require_pkce: v.optional(ours("False waives PKCE, for a client that authenticates only")),
  first_party: v.optional(ours("The house's own application: people are not asked for consent")),
};

export const createClientInput = v.strictObject({ client_name: text(100), ...optional });
export const updateClientInput = v.strictObject({
  client_name: v.optional(text(100)),
  ...optional,
  enabled: v.optional(v.boolean()),
});
export const rotateClientSecretInput = v.strictObject({
  overlap_seconds: v.optional(wholeNumber(0, overlapSecondsMax), 0),
});
export const listClientsQuery = v.strictObject(pageFields);
