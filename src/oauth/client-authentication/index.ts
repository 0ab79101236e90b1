import type { Assertions } from "../assertions.ts";
import { clientSecretBasic } from "./client-secret-basic.ts";
import { clientSecretPost } from "./client-secret-post.ts";
import type { ClientAuthenticationMethod } from "./method.ts";
import { none } from "./none.ts";
import { privateKeyJwt } from "./private-key-jwt.ts";

/** Every way for a client to prove that it is itself; a request that tries none of them is `none`. */
export const clientAuthenticationMethods = (options: {
  assertions: Assertions;
  now: () => number;
}): readonly ClientAuthenticationMethod[] => [
  clientSecretBasic(options.now),
  clientSecretPost(options.now),
  privateKeyJwt(options.assertions),
  none,
];
