import { type Client, isConfidential } from "./client.ts";
import { hasDuplicates, oneOf, type Parameters } from "./parameters.ts";
import { challengeFault } from "./pkce.ts";
import type { TrustedRedirect } from "./redirect-uri.ts";
import { type ClaimsAsked, parseClaims } from "./requested-claims.ts";
import { isIdentityScope, parseScope } from "./scopes.ts";

/** Words that a client can be sent (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, RFC 8707 §2). */
export type AuthorizationError =
  | "invalid_request"
  | "unauthorized_client"
  | "access_denied"
  | "unsupported_response_type"
  | "invalid_scope"
  | "invalid_target"
  | "server_error"
  | "temporarily_unavailable"
  | "login_required"
  | "consent_required"
  | "request_not_supported"
  | "request_uri_not_supported"
  | "registration_not_supported"
  | "unmet_authentication_requirements";

/** `description` is ours alone: nothing that was sent comes back in it. */
export type Refusal = { readonly error: AuthorizationError; readonly description: string };

export const responseModes = ["query", "fragment", "form_post"] as const;
export type ResponseMode = (typeof responseModes)[number];
export const promptValues = ["none", "login", "consent", "select_account"] as const;
export type Prompt = (typeof promptValues)[number];

/** Where and how the answer goes, whatever it is. */
export type Reply = {
  readonly redirect: TrustedRedirect;
  readonly state: string | null;
  readonly mode: ResponseMode;
};

export type AuthorizationRequest = {
  readonly redirectUriGiven: boolean;
  readonly codeChallenge: string | null;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly nonce: string | null;
  readonly prompts: ReadonlySet<Prompt>;
  readonly maxAgeSeconds: number | null;
  readonly loginHint: string | null;
  readonly idTokenHint: string | null;
  readonly acrValues: readonly string[];
  readonly claims: ClaimsAsked;
};

export type Parsed =
  | { readonly ok: true; readonly request: AuthorizationRequest }
  | { readonly ok: false; readonly refusal: Refusal };

const stateMax = 4096;
const nonceMax = 1024;

const refuse = (error: AuthorizationError, description: string): Parsed & { ok: false } => ({
  ok: false,
  refusal: { error, description },
});
const malformed = (description: string) => refuse("invalid_request", description);

/** Known before anything else is, so that every error finds its way (RFC 6749 §4.1.2.1). */
export function replyOf(parameters: Parameters, redirect: TrustedRedirect): Reply {
  const asked = oneOf(parameters, "response_mode");
  return {
    redirect,
    state: oneOf(parameters, "state"),
    mode: responseModes.find((mode) => mode === asked) ?? "query",
  };
}

/** The request as a whole, once its redirect URI is trusted: the first rule that it breaks, or what it asks for. */
export function parseAuthorizationRequest(
  parameters: Parameters,
  client: Client,
  redirectUriGiven: boolean,
): Parsed {
  const fault = formFault(parameters) ?? typeFault(parameters, client) ?? pkceFault(parameters, client);
  if (fault) return fault;
  const scopes = scopesAsked(oneOf(parameters, "scope"), client);
  if (!scopes) return refuse("invalid_scope", "a scope is malformed or not one of this client's");
  const prompts = promptsAsked(oneOf(parameters, "prompt"));
  if (!prompts) return malformed("prompt holds an unknown value, or none beside another");
  const maxAge = oneOf(parameters, "max_age");
  if (maxAge !== null && !/^\d{1,9}$/.test(maxAge)) return malformed("max_age must be whole seconds");
  const claims = parseClaims(oneOf(parameters, "claims"), client.scopes);
  if (!claims) return malformed("claims must be a JSON object of up to 4 KB");
  return {
    ok: true,
    request: {
      redirectUriGiven,
      codeChallenge: oneOf(parameters, "code_challenge"),
      scopes,
      resources: [...new Set(parameters.get("resource") ?? [])],
      nonce: oneOf(parameters, "nonce"),
      prompts,
      maxAgeSeconds: maxAge === null ? client.defaultMaxAgeSeconds : Number(maxAge),
      loginHint: oneOf(parameters, "login_hint"),
      idTokenHint: oneOf(parameters, "id_token_hint"),
      acrValues: oneOf(parameters, "acr_values")?.split(" ") ?? client.defaultAcrValues,
      claims,
    },
  };
}

/** What no request may hold, whatever it asks for. */
function formFault(parameters: Parameters): (Parsed & { ok: false }) | null {
  // OIDC Core §6: what is not processed must not be ignored either.
  if (parameters.has("request")) return refuse("request_not_supported", "request objects are not taken");
  if (parameters.has("request_uri"))
    return refuse("request_uri_not_supported", "request objects are not fetched");
  if (parameters.has("registration"))
    return refuse("registration_not_supported", "clients register elsewhere");
  if (hasDuplicates(parameters)) return malformed("a parameter was sent twice");
  const mode = oneOf(parameters, "response_mode");
  if (mode !== null && !responseModes.some((known) => known === mode))
    return malformed("response_mode is unknown");
  if ((oneOf(parameters, "state")?.length ?? 0) > stateMax) return malformed("state is too long");
  if ((oneOf(parameters, "nonce")?.length ?? 0) > nonceMax) return malformed("nonce is too long");
  return null;
}

/** RFC 9700 §2.1.2: codes only; no token is ever in a URL. */
function typeFault(parameters: Parameters, client: Client): (Parsed & { ok: false }) | null {
  const type = oneOf(parameters, "response_type");
  if (type === null) return malformed("response_type is missing");
  if (type !== "code") return refuse("unsupported_response_type", "response_type must be code");
  return client.grantTypes.includes("authorization_code")
    ? null
    : refuse("unauthorized_client", "the client is not registered for authorization codes");
}

/** RFC 9700 §2.1.1: of everybody, unless an operator waived it for a client that authenticates. */
function pkceFault(parameters: Parameters, client: Client): (Parsed & { ok: false }) | null {
  const challenge = oneOf(parameters, "code_challenge");
  const method = oneOf(parameters, "code_challenge_method") ?? undefined;
  if (challenge !== null) {
    const fault = challengeFault(challenge, method);
    return fault ? malformed(fault) : null;
  }
  const isWaived = !client.requirePkce && isConfidential(client) && method === undefined;
  return isWaived ? null : malformed("code_challenge is missing");
}

/** Without a scope: the client's rights at APIs, and nothing about the person (RFC 6749 §3.3). */
export function scopesAsked(text: string | null, client: Client): string[] | null {
  if (text === null) return client.scopes.filter((scope) => !isIdentityScope(scope));
  const scopes = parseScope(text);
  if (!scopes?.every((scope) => client.scopes.includes(scope))) return null;
  // OIDC Core §11: of no use to who gets no refresh token, and then ignored.
  return client.grantTypes.includes("refresh_token")
    ? scopes
    : scopes.filter((scope) => scope !== "offline_access");
}

function promptsAsked(text: string | null): ReadonlySet<Prompt> | null {
  const words = text?.split(" ").filter((word) => word !== "") ?? [];
  const prompts = promptValues.filter((prompt) => words.includes(prompt));
  if (words.some((word) => !promptValues.some((prompt) => prompt === word))) return null;
  return prompts.includes("none") && prompts.length > 1 ? null : new Set(prompts);
}
