import { oneOf } from "../parameters.ts";
import type { ClientAuthenticationMethod } from "./method.ts";

/** A client that cannot keep a secret says its name, and proves nothing by that (RFC 6749 §3.2.1). */
export const none: ClientAuthenticationMethod = {
  name: "none",
  isTried: () => false,
  read({ parameters }) {
    const clientId = oneOf(parameters, "client_id");
    return clientId === null ? null : { clientId, proof: "" };
  },
  verify: () => Promise.resolve(null),
};
