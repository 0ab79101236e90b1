import { base64url, equalInConstantTime } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";

/** RFC 7636 §4.2: `plain` protects from nobody who can read the request. */
export const challengeMethods = ["S256"] as const;

/** What is wrong with a challenge, or null. A method that is left out means `plain` (RFC 7636 §4.3). */
export function challengeFault(challenge: string, method: string | undefined): string | null {
  if (method !== challengeMethods[0]) return "code_challenge_method must be S256";
  return /^[A-Za-z0-9_-]{43}$/.test(challenge) ? null : "code_challenge must be a SHA-256 in base64url";
}

/** RFC 7636 §4.1. */
export const isVerifier = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text);

export const challengeOf = async (verifier: string): Promise<string> => base64url(await sha256(verifier));

/** RFC 7636 §4.6. A verifier without a challenge is refused as well: somebody took the challenge away. */
export async function verifierMatches(verifier: string | null, challenge: string | null): Promise<boolean> {
  if (verifier === null || challenge === null) return verifier === challenge;
  return isVerifier(verifier) && equalInConstantTime(await challengeOf(verifier), challenge);
}
