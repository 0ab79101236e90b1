import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import { accessTokenTyp, claimsOf, type Grant } from "./access-token.ts";

export type Issued = {
  readonly accessToken: string;
  /** Until its `exp`, in whole seconds. */
  readonly expiresInSeconds: number;
  readonly jti: string;
};

/** Access tokens: signed JWTs that live for minutes (RFC 9068 §2). */
export function createAccessTokens(options: {
  signingKeys: Pick<SigningKeys, "sign">;
  issuer: string;
  accessTokenSeconds: number;
  now: () => number;
}) {
  const { signingKeys, issuer, accessTokenSeconds, now } = options;

  return {
    /**
     * Throws `unavailable` when no signing key can be had. `at`: when the grant was found to be good, which is what a
     * later revocation of "everything before" is compared with; the signature may take until after it.
     */
    async issue(grant: Grant, at: number = now()): Promise<Issued> {
      const claims = claimsOf(grant, { issuer, at, lifeSeconds: accessTokenSeconds });
      const accessToken = await signingKeys.sign("access-token", accessTokenTyp, claims, grant.algorithm);
      return { accessToken, expiresInSeconds: claims.exp - Math.floor(at / 1000), jti: claims.jti };
    },
  };
}

export type AccessTokens = ReturnType<typeof createAccessTokens>;
