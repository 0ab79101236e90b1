import type { Audit } from "../../audit/audit.ts";
import { AuthError } from "../../errors/auth-error.ts";
import type { AccessToken, Actor } from "../../tokens/access-token.ts";
import type { AccessTokens } from "../../tokens/access-tokens.ts";
import type { TokenCheck } from "../../tokens/token-check.ts";
import type { Client } from "../client.ts";
import { oneOf, type Parameters } from "../parameters.ts";
import { narrowed } from "../scopes.ts";
import type { GrantType, TokenRequest } from "./grant.ts";

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
const jwtType = "urn:ietf:params:oauth:token-type:jwt";
/** Both name the same: our access tokens are JWTs (RFC 8693 §3). */
const types: readonly (string | null)[] = [accessTokenType, jwtType];
/** As many as the check of access tokens reads. */
const actorsMax = 5;

/**
 * A service that was handed a person's token gets one of its own for the next service (RFC 8693 §2): for a resource that it is
 * registered for, never with more scopes than either has, never for longer, and it says who acts. Ending the person's
 * session ends it too. Accepted: an access token that is revoked alone leaves what was made of it until its own `exp`.
 * Warm: no round trip with a bound.
 */
export const tokenExchange = (rooms: {
  accessTokens: Pick<AccessTokens, "issue">;
  tokenCheck: Pick<TokenCheck, "inspect">;
  audit: Pick<Audit, "record">;
}): GrantType => ({
  name: "urn:ietf:params:oauth:grant-type:token-exchange",
  async exchange(request) {
    const { client, parameters, visit } = request;
    const asked = oneOf(parameters, "requested_token_type");
    if (asked !== null && !types.includes(asked))
      throw new AuthError("invalid_request", "requested_token_type: must be an access token");
    const token = await tokenOf("subject_token", request, rooms.tokenCheck);
    requireHandedTo(token, client);
    const actorToken = parameters.has("actor_token")
      ? await tokenOf("actor_token", request, rooms.tokenCheck)
      : null;
    const scopes = narrowed(
      token.scopes.filter((scope) => client.scopes.includes(scope)),
      parameters,
    );
    const endsAtSeconds = Math.min(
      token.expiresAtSeconds,
      actorToken?.expiresAtSeconds ?? Number.POSITIVE_INFINITY,
    );
    const { accessToken, expiresInSeconds } = await rooms.accessTokens.issue({
      subject: token.subject,
      clientId: client.id,
      sessionId: token.sessionId,
      audience: audienceOf(token, client, parameters),
      scopes,
      authTime: token.authTimeSeconds === null ? null : new Date(token.authTimeSeconds * 1000),
      acr: token.acr,
      amr: [],
      tokensFrom: null,
      endsAt: new Date(endsAtSeconds * 1000),
      algorithm: client.accessTokenAlgorithm,
      cameOf: { issuedAtSeconds: token.issuedAtSeconds, actor: actorOf(token, client, actorToken) },
    });
    const actor = { type: "client", id: client.id } as const;
    const subject = { type: "user", id: token.subject } as const;
    const { origin, background } = visit;
    rooms.audit.record(
      { type: "token.issued", outcome: "done", reason: null, actor, subject, origin },
      background,
    );
    return { accessToken, expiresInSeconds, scopes, issuedTokenType: accessTokenType };
  },
});

/** RFC 8693 §2.2.2: whatever is wrong with a token that is shown, the request is. */
const notGood = (name: string) =>
  new AuthError("invalid_request", `${name}: is no access token that is good here`);

async function tokenOf(
  name: "subject_token" | "actor_token",
  { parameters, visit }: TokenRequest,
  tokenCheck: Pick<TokenCheck, "inspect">,
): Promise<AccessToken> {
  const text = oneOf(parameters, name);
  if (text === null || !types.includes(oneOf(parameters, `${name}_type`)))
    throw new AuthError("invalid_request", `${name}: is needed with ${name}_type of an access token`);
  const token = await tokenCheck.inspect(text, visit);
  if (!token) throw notGood(name);
  return token;
}

/** One that was issued to this client, or for a resource of its own; and a person's: a client that acts for itself has no need. */
function requireHandedTo(token: AccessToken, client: Client): void {
  const isOwn =
    token.clientId === client.id || token.audiences.some((audience) => client.resources.includes(audience));
  if (!isOwn || token.subject === token.clientId) throw notGood("subject_token");
}

/** `audience` and `resource` are two names for one thing here: the identifier of a resource. */
function audienceOf(token: AccessToken, client: Client, parameters: Parameters): string {
  const named = ["resource", "audience"].flatMap((name) => parameters.get(name) ?? []);
  const [target = token.audiences[0] ?? "", ...more] = new Set(named);
  if (more.length > 0) throw new AuthError("invalid_target", "resource: ask for one at a time");
  if (client.resources.includes(target) || token.audiences.includes(target)) return target;
  throw new AuthError("invalid_target");
}

/** Who acts now, before whoever acted until now (RFC 8693 §4.1). An actor token must be the client's own. */
function actorOf(token: AccessToken, client: Client, actorToken: AccessToken | null): Actor {
  if (actorToken && actorToken.clientId !== client.id) throw notGood("actor_token");
  let depth = 1;
  for (let actor = token.actor; actor; actor = actor.act ?? null) depth += 1;
  if (depth > actorsMax) throw notGood("subject_token");
  const sub = actorToken?.subject ?? client.id;
  return token.actor === null ? { sub } : { sub, act: token.actor };
}
