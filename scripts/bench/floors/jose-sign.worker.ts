import { type CryptoKey, generateKeyPair, SignJWT } from "jose";
import { accessTokenTyp, claimsOf } from "../../../src/tokens/access-token.ts";
import { grantOf } from "../grant.ts";
import { signaturesOfLoop as rounds } from "../loop.ts";

const issuer = "http://localhost";
let privateKey: CryptoKey | undefined;

/** jose's bare signing loop: the claims made once, no router, and the request's own price spread over several signatures. */
export default {
  async fetch(): Promise<Response> {
    privateKey ??= (await generateKeyPair("RS256", { modulusLength: 2048 })).privateKey;
    const claims = claimsOf(grantOf(issuer), { issuer, at: Date.now(), lifeSeconds: 600 });
    let token = "";
    for (let round = 0; round < rounds; round += 1) {
      token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256", kid: "bench", typ: accessTokenTyp })
        .sign(privateKey);
    }
    return new Response(token);
  },
};
