import { type Assertions, claimsOf } from "../assertions.ts";
import { oneOf } from "../parameters.ts";
import type { ClientAuthenticationMethod } from "./method.ts";

export const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** A JWT that the client signed with a key whose public half is registered (RFC 7523 §2.2). */
export const privateKeyJwt = (assertions: Assertions): ClientAuthenticationMethod => ({
  name: "private_key_jwt",
  isTried: ({ parameters }) => parameters.has("client_assertion") || parameters.has("client_assertion_type"),

  read({ parameters }) {
    const proof = oneOf(parameters, "client_assertion");
    if (proof === null || oneOf(parameters, "client_assertion_type") !== assertionType) return null;
    const claims = claimsOf(proof);
    // Both name the client: a token of somebody else about it is no proof (RFC 7523 §3).
    return typeof claims?.sub === "string" && claims.sub === claims.iss
      ? { clientId: claims.sub, proof }
      : null;
  },

  verify: (client, proof) =>
    assertions.faultOf(proof, {
      keys: client.jwks?.keys ?? [],
      signer: client.id,
      purpose: "client assertion",
    }),
});
