import { AuthError } from "../../errors/auth-error.ts";
import type { RefreshRefusal, RefreshTokens, RefreshVerdict } from "../../tokens/refresh-tokens.ts";
import type { Client } from "../client.ts";
import type { GrantStore } from "../grants.store.ts";
import type { IdTokens } from "../id-tokens.ts";
import { oneOf, type Parameters } from "../parameters.ts";
import { personClaims } from "../person-claims.ts";
import type { Resources } from "../resources.ts";
import { parseScope } from "../scopes.ts";
import type { Subjects } from "../subjects.ts";
import type { GrantType } from "./grant.ts";

export type RefreshGrantRooms = {
  readonly refreshTokens: Pick<RefreshTokens, "refresh">;
  readonly idTokens: Pick<IdTokens, "issue">;
  readonly subjects: Subjects;
  readonly resources: Pick<Resources, "audienceOf">;
  readonly grants: Pick<GrantStore, "findPerson">;
  readonly now: () => number;
};

/** What a client is told; why, is for audit. */
const wordOf = (reason: RefreshRefusal) => {
  if (reason === "unavailable") return "unavailable";
  if (reason === "insufficient_scope") return "invalid_scope";
  return reason === "wrong_audience" ? "invalid_target" : "invalid_grant";
};

/**
 * A refresh token for the next one (RFC 6749 §6): of the same client, with the same scopes or fewer. What was narrowed is
 * narrower for this access token alone; the next refresh may ask for all of it again.
 */
export function createRefreshGrant(rooms: RefreshGrantRooms): GrantType {
  /** OIDC Core §12.2: as the first one said, without its nonce. */
  async function idTokenOf(client: Client, verdict: RefreshVerdict & { ok: true }): Promise<string> {
    const { grant, sessionId, accountId, accessToken } = verdict;
    const claims = grant.claims?.idToken ?? [];
    const person =
      claims.length === 0 ? null : await rooms.grants.findPerson(accountId, sessionId, new Date(rooms.now()));
    return await rooms.idTokens.issue({
      client,
      subject: await rooms.subjects.subjectOf(client, accountId),
      sid: sessionId,
      authTime: grant.authTime,
      acr: grant.acr,
      amr: grant.amr,
      nonce: null,
      accessToken,
      claims: person ? personClaims(person, { scopes: [], claims }) : {},
    });
  }

  return {
    name: "refresh_token",
    async exchange({ client, parameters, visit }) {
      const text = oneOf(parameters, "refresh_token");
      if (text === null) throw new AuthError("invalid_request", "refresh_token: is missing");
      const verdict = await rooms.refreshTokens.refresh(text, {
        clientId: client.id,
        origin: visit.origin,
        background: visit.background,
        scopes: scopesIn(parameters),
        ceiling: client.scopes,
        audience: parameters.has("resource")
          ? await rooms.resources.audienceOf(client, parameters, visit)
          : null,
        algorithm: client.accessTokenAlgorithm,
      });
      if (!verdict.ok) throw new AuthError(wordOf(verdict.reason));
      const { accessToken, expiresInSeconds, scopes } = verdict;
      const idToken = scopes.includes("openid") ? await idTokenOf(client, verdict) : null;
      return { accessToken, expiresInSeconds, scopes, refreshToken: verdict.refreshToken, idToken };
    },
  };
}

function scopesIn(parameters: Parameters): string[] | null {
  const text = oneOf(parameters, "scope");
  const scopes = text === null ? null : parseScope(text);
  if (text !== null && scopes === null) throw new AuthError("invalid_scope");
  return scopes;
}
