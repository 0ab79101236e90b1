import { firstPartyClient, type Grant } from "../../src/tokens/access-token.ts";

export const benchScope = "orders:read";

/** What every access token of the bench says, whoever signs it; the session is another one each time it is asked to be. */
export const grantOf = (issuer: string, sessionId = "ses_0000000000000000000000"): Grant => ({
  subject: "usr_0000000000000000000000",
  clientId: firstPartyClient,
  sessionId,
  audience: issuer,
  scopes: [benchScope],
  authTime: new Date(),
  acr: "one-factor",
  amr: ["pwd"],
  tokensFrom: null,
});
