/**
 * Every way in which Gatehouse says no, in one closed table: the stable word of the wire (`error`),
 * its status and the one public sentence. The most public answer is the vaguest; the reason goes to audit.
 */
export const codes = {
  invalid_request: [400, "The request is malformed."],
  invalid_json: [400, "The body is not valid JSON."],
  several_credentials: [400, "Send exactly one credential, once."],
  password_refused: [400, "This password cannot be used."],
  passkey_refused: [
    400,
    "This passkey could not be added. It may be there already, or the page was open too long.",
  ],
  link_invalid: [400, "This link has expired, was used already, or was replaced by a newer one."],
  credentials_in_url: [
    400,
    "Credentials must never be sent in a URL. Treat this one as leaked and rotate it.",
  ],
  invalid_redirect_uri: [400, "A redirect URI cannot be registered."],
  invalid_client_metadata: [400, "The client cannot be registered like this."],
  invalid_client: [401, "The client could not be authenticated."],
  unauthorized_client: [400, "The client is not registered for this."],
  unsupported_grant_type: [400, "This grant type is not supported."],
  authorization_pending: [400, "The person has not answered yet. Ask again after the interval."],
  slow_down: [400, "Asked too soon. Wait five seconds longer between requests from now on."],
  access_denied: [400, "The person said no."],
  expired_token: [400, "The device code has expired. Begin again."],
  invalid_scope: [400, "The scope is unknown, malformed, or more than the client may have."],
  invalid_target: [400, "The resource is unknown, or not one that the client may ask for."],
  unknown_application: [400, "The application that sent you here is not known to this service."],
  unknown_redirect_uri: [
    400,
    "The application that sent you here wants you to be sent to an address that it has not registered.",
  ],
  ambiguous_path: [400, "The path can be read in more than one way."],
  missing_api_key: [401, "Missing API Key"],
  missing_credential: [401, "This call needs a credential."],
  invalid_token: [401, "The access token is not valid here."],
  insufficient_user_authentication: [
    401,
    "This call needs a stronger or more recent authentication of the person.",
  ],
  invalid_credentials: [401, "The address or the password is not right."],
  invalid_code: [401, "The code is not right, or was used already."],
  invalid_passkey: [
    401,
    "This passkey could not be used. The page may have been open too long: try again, or use another way to sign in.",
  ],
  mfa_token_invalid: [401, "This sign-in took too long or the account changed. Begin again."],
  invalid_grant: [401, "The session has ended. Sign in again."],
  unauthenticated_caller: [401, "This call needs a management key: Authorization: Bearer <key>."],
  invalid_api_key: [403, "Invalid API Key"],
  insufficient_scope: [403, "The credential does not carry the scope this call needs."],
  address_not_allowed: [403, "The credential may not be used from this address."],
  credential_not_accepted: [403, "This route does not accept this kind of credential."],
  password_wrong: [403, "The password is not right."],
  factor_closed: [
    403,
    "Too many wrong codes. Use a passkey or a recovery code, then set the authenticator app up anew.",
  ],
  recovery_refused: [
    403,
    "A mail alone does not open this account. Ask those who run this service to reset what it is secured with.",
  ],
  account_disabled: [403, "This account is disabled."],
  already_answered: [403, "This question was answered already."],
  cross_site_request: [403, "This request did not come from a page of ours."],
  https_required: [403, "Credentials may only be sent over HTTPS. Treat this one as exposed and rotate it."],
  misdirected: [403, "A proxy's question is answered under /v1/authenticate/ only."],
  not_found: [404, "There is nothing at this address."],
  method_not_allowed: [405, "This address does not answer that method."],
  conflict: [409, "The object is not in a state that allows this."],
  content_too_large: [413, "The body is larger than this address accepts."],
  uri_too_long: [414, "The URL is longer than 8 KB."],
  unsupported_media_type: [415, "Send the media type that this address takes."],
  rate_limited: [429, "Too many requests. Retry after the time given in Retry-After."],
  headers_too_large: [431, "The request headers are larger than 32 KB."],
  internal: [500, "Something went wrong on our side."],
  upstream_unreachable: [502, "The service behind this route could not be reached."],
  unavailable: [503, "This cannot be decided right now. Try again shortly."],
  limit_unavailable: [503, "A limit of this route cannot be checked right now. Try again shortly."],
  upstream_timeout: [504, "The service behind this route did not answer in time."],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type Code = keyof typeof codes;

export const statusOf = (code: Code): number => codes[code][0];
export const sentenceOf = (code: Code): string => codes[code][1];
