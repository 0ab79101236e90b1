import type { Audit } from "../audit/audit.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Revocation } from "../revocation/revocation.ts";
import type { AccessTokens } from "../tokens/access-tokens.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { Client } from "./client.ts";
import type { CodeStore, RedeemAnswer, Redeemed, Redemption as Shown } from "./codes.store.ts";
import type { TokenAnswer, TokenRequest } from "./grants/grant.ts";
import type { IdTokens } from "./id-tokens.ts";
import { personClaims } from "./person-claims.ts";
import type { Resources } from "./resources.ts";
import { identityScopeNames } from "./scopes.ts";
import { type Subjects, sectorOf } from "./subjects.ts";

export type RedemptionRooms = {
  readonly codes: Pick<CodeStore, "redeem">;
  readonly refreshTokens: Pick<RefreshTokens, "firstToken">;
  readonly accessTokens: Pick<AccessTokens, "issue">;
  readonly idTokens: Pick<IdTokens, "issue">;
  readonly subjects: Subjects;
  readonly resources: Pick<Resources, "audienceOf">;
  readonly revocation: Pick<Revocation, "announceNow">;
  readonly audit: Pick<Audit, "record">;
  readonly issuer: string;
  /** Of a family that renews itself, and of an access token that nobody renews. */
  readonly lifetimes: {
    readonly idleSeconds: number;
    readonly absoluteSeconds: number;
    readonly accessTokenSecondsMax: number;
  };
  readonly now: () => number;
};

/** What fits the code, and nothing else does. */
export type Proof = Pick<Shown, "codeHash" | "redirectUri" | "codeChallenge">;

/**
 * A code for tokens (RFC 6749 §4.1.3): one trip, in which the code is used up and its family born. Each grant is a session
 * of its own to the edges, so what ends it ends this client's tokens and nobody else's. A client without refresh tokens
 * has a family too, as long as its access token: whatever ends the one ends the other.
 */
export function createRedemption(rooms: RedemptionRooms) {
  const { codes, accessTokens, issuer, lifetimes, now } = rooms;

  /** OIDC Core §3.1.3.3. */
  async function idTokenOf(client: Client, redeemed: Redeemed, accessToken: string): Promise<string> {
    const { code, pairwiseSubject } = redeemed;
    return await rooms.idTokens.issue({
      client,
      subject: pairwiseSubject ?? (await rooms.subjects.subjectOf(client, code.accountId)),
      sid: code.grantId,
      authTime: code.authTime,
      acr: code.acr,
      amr: code.amr,
      nonce: code.nonce,
      accessToken,
      claims: personClaims(redeemed, { scopes: [], claims: code.claims?.idToken ?? [] }),
    });
  }

  async function tell(answer: RedeemAnswer & { ok: false }, { client, visit }: TokenRequest): Promise<void> {
    const { origin, background } = visit;
    const actor = { type: "client", id: client.id } as const;
    if (answer.reason !== "replayed") {
      const reason = answer.reason === "unknown" ? "unknown" : "wrong_audience";
      rooms.audit.record(
        { type: "token.refused", outcome: "refused", reason, actor, subject: actor, origin },
        background,
      );
      return;
    }
    const subject = { type: "session", id: answer.code.grantId } as const;
    rooms.audit.record(
      { type: "code.replayed", outcome: "noticed", reason: "replayed", actor, subject, origin },
      background,
    );
    await rooms.revocation.announceNow(answer.noted, background);
  }

  async function redeem({ client }: TokenRequest, proof: Proof, resource: string | null, at: number) {
    const isRenewed = client.grantTypes.includes("refresh_token");
    const { refreshToken, ...family } = await rooms.refreshTokens.firstToken();
    const { idleSeconds, absoluteSeconds, accessTokenSecondsMax } = lifetimes;
    const after = (seconds: number) => new Date(at + seconds * 1000);
    const absoluteExpiresAt = after(isRenewed ? absoluteSeconds : accessTokenSecondsMax);
    const answer = await codes.redeem({
      ...proof,
      clientId: client.id,
      resource,
      ceiling: client.scopes,
      anybodys: identityScopeNames,
      issuer,
      sector: sectorOf(client),
      family,
      idleExpiresAt: isRenewed ? after(idleSeconds) : absoluteExpiresAt,
      absoluteExpiresAt,
      at: new Date(at),
    });
    return { answer, refreshToken: isRenewed ? refreshToken : null };
  }

  return {
    /** Throws `invalid_grant` or `invalid_target`. */
    async redeem(request: TokenRequest, proof: Proof): Promise<TokenAnswer> {
      const { client, parameters, visit } = request;
      const resource = parameters.has("resource")
        ? await rooms.resources.audienceOf(client, parameters, visit)
        : null;
      const at = now();
      const { answer, refreshToken } = await redeem(request, proof, resource, at);
      if (!answer.ok) {
        await tell(answer, request);
        throw new AuthError(answer.reason === "wrong_resource" ? "invalid_target" : "invalid_grant");
      }
      const { code, tokensFrom, endsAt } = answer.redeemed;
      const { accessToken, expiresInSeconds } = await accessTokens.issue(
        {
          subject: code.accountId,
          clientId: client.id,
          sessionId: code.grantId,
          audience: resource ?? code.resources[0] ?? issuer,
          scopes: code.scopes,
          authTime: code.authTime,
          acr: code.acr,
          amr: code.amr,
          tokensFrom,
          endsAt,
          algorithm: client.accessTokenAlgorithm,
        },
        at,
      );
      const idToken = code.scopes.includes("openid")
        ? await idTokenOf(client, answer.redeemed, accessToken)
        : null;
      return { accessToken, expiresInSeconds, scopes: code.scopes, refreshToken, idToken };
    },
  };
}

export type Redemption = ReturnType<typeof createRedemption>;
