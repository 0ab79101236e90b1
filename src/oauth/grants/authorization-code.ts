import { sha256Hex } from "../../crypto/digest.ts";
import { AuthError } from "../../errors/auth-error.ts";
import { oneOf } from "../parameters.ts";
import { challengeOf, isVerifier } from "../pkce.ts";
import type { Redemption } from "../redemption.ts";
import type { GrantType } from "./grant.ts";

/** RFC 6749 §4.1.3, with the proof of RFC 7636 §4.6. */
export const authorizationCode = ({ redemption }: { redemption: Redemption }): GrantType => ({
  name: "authorization_code",
  async exchange(request) {
    const { parameters } = request;
    const code = oneOf(parameters, "code");
    if (code === null) throw new AuthError("invalid_request", "code: is missing");
    const verifier = oneOf(parameters, "code_verifier");
    if (verifier !== null && !isVerifier(verifier))
      throw new AuthError("invalid_request", "code_verifier: must be 43 to 128 unreserved characters");
    return await redemption.redeem(request, {
      codeHash: await sha256Hex(code),
      redirectUri: oneOf(parameters, "redirect_uri"),
      codeChallenge: verifier === null ? null : await challengeOf(verifier),
    });
  },
});
