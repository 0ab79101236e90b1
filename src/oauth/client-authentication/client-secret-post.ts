import { isSecretOf } from "../client-secret.ts";
import { oneOf } from "../parameters.ts";
import type { ClientAuthenticationMethod } from "./method.ts";

/** Id and secret in the body (RFC 6749 §2.3.1). */
export const clientSecretPost = (now: () => number): ClientAuthenticationMethod => ({
  name: "client_secret_post",
  isTried: ({ parameters }) => parameters.has("client_secret"),
  read({ parameters }) {
    const clientId = oneOf(parameters, "client_id");
    const proof = oneOf(parameters, "client_secret");
    return clientId === null || proof === null ? null : { clientId, proof };
  },
  verify: async (client, proof) =>
    (await isSecretOf(client, proof, new Date(now()))) ? null : "wrong_secret",
});
