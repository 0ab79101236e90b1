import type { Verification } from "../../api-keys/verification.ts";
import { apiKeyMethod } from "./api-key.ts";
import type { CredentialMethod } from "./method.ts";

/** Every way to prove who one is. */
export const credentialMethods = (rooms: { verification: Verification }): readonly CredentialMethod[] => [
  apiKeyMethod(rooms.verification),
];
