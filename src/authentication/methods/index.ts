import type { Verification } from "../../api-keys/verification.ts";
import type { TokenCheck } from "../../tokens/token-check.ts";
import { accessTokenMethod } from "./access-token.ts";
import { apiKeyMethod } from "./api-key.ts";
import type { CredentialMethod } from "./method.ts";

/** Every way to prove who one is. */
export const credentialMethods = (rooms: {
  verification: Verification;
  tokenCheck: TokenCheck;
}): readonly CredentialMethod[] => [apiKeyMethod(rooms.verification), accessTokenMethod(rooms.tokenCheck)];
