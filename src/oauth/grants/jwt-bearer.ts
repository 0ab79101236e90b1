import type { Accounts } from "../../accounts/accounts.ts";
import type { Audit } from "../../audit/audit.ts";
import type { Party, SecurityEvent } from "../../audit/events.ts";
import { AuthError } from "../../errors/auth-error.ts";
import type { AccessTokens } from "../../tokens/access-tokens.ts";
import { type Assertions, claimsOf } from "../assertions.ts";
import type { Client } from "../client.ts";
import { oneOf } from "../parameters.ts";
import type { Resources } from "../resources.ts";
import { heldBy, isIdentityScope, narrowed } from "../scopes.ts";
import type { GrantType, TokenRequest } from "./grant.ts";

type Rooms = {
  readonly accessTokens: Pick<AccessTokens, "issue">;
  readonly assertions: Assertions;
  readonly accounts: Pick<Accounts, "find">;
  readonly resources: Pick<Resources, "audienceOf">;
  readonly audit: Pick<Audit, "record">;
  readonly now: () => number;
};

const accountId = /^usr_[0-9A-Za-z]{22}$/;

/**
 * An application of the house vouches for a person with its own key (RFC 7523 §2.1): `iss` is the client, `sub` an account.
 * Only where an operator registered it as first-party, since nobody asks the person. The token has no session and proves no
 * sign-in, so a route that demands a level does not take it; no refresh token. One round trip of Redis, one of Postgres.
 */
export const jwtBearer = (rooms: Rooms): GrantType => ({
  name: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  async exchange(request) {
    const { client, parameters, visit } = request;
    if (!client.firstParty) throw new AuthError("unauthorized_client");
    const assertion = oneOf(parameters, "assertion");
    if (assertion === null) throw new AuthError("invalid_request", "assertion: is missing");
    const audience = await rooms.resources.audienceOf(client, parameters, visit);
    const id = await vouchedFor(client, assertion, rooms.assertions);
    // A disabling that comes after this look ends what is issued by it.
    const at = rooms.now();
    const account = id === null ? null : await rooms.accounts.find(id);
    if (account?.state !== "active") {
      record(rooms, request, null);
      throw new AuthError("invalid_grant");
    }
    const ofApis = client.scopes.filter((scope) => !isIdentityScope(scope));
    const scopes = narrowed(heldBy(ofApis, account), parameters);
    const { accessToken, expiresInSeconds } = await rooms.accessTokens.issue(
      {
        subject: account.id,
        clientId: client.id,
        sessionId: null,
        audience,
        scopes,
        authTime: null,
        acr: null,
        amr: [],
        tokensFrom: account.revokedBefore,
        algorithm: client.accessTokenAlgorithm,
      },
      at,
    );
    record(rooms, request, account.id);
    return { accessToken, expiresInSeconds, scopes };
  },
});

/** Whom the client vouches for; null: nobody, or not rightly. */
async function vouchedFor(client: Client, assertion: string, assertions: Assertions): Promise<string | null> {
  const { iss, sub } = claimsOf(assertion) ?? {};
  if (iss !== client.id || typeof sub !== "string" || !accountId.test(sub)) return null;
  const keys = client.jwks?.keys ?? [];
  const fault = await assertions.faultOf(assertion, { keys, signer: client.id, purpose: "jwt bearer" });
  return fault ? null : sub;
}

function record({ audit }: Rooms, { client, visit }: TokenRequest, userId: string | null): void {
  const { origin, background } = visit;
  const actor: Party = { type: "client", id: client.id };
  const event: SecurityEvent =
    userId === null
      ? { type: "token.refused", outcome: "refused", reason: "bad_assertion", actor, subject: actor, origin }
      : {
          type: "token.issued",
          outcome: "done",
          reason: null,
          actor,
          subject: { type: "user", id: userId },
          origin,
        };
  audit.record(event, background);
}
