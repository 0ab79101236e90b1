import type { Level } from "../tokens/levels.ts";
import type { FactorKind } from "./factor.ts";

/**
 * What `amr` says of each kind (RFC 8176 §2), true whichever device it was: a one-time password; a key of which nobody
 * can tell whether hardware keeps it (`pop`, OpenID Connect EAP ACR Values), used by somebody present (`user`). A
 * recovery code has no word of its own there.
 */
const methodsOf: Readonly<Record<FactorKind, readonly string[]>> = {
  totp: ["otp"],
  passkey: ["pop", "user"],
  sms: ["sms"],
  "recovery-codes": [],
};

export type Proved = { readonly acr: Level; readonly amr: readonly string[] };

/**
 * How strongly somebody proved who they are. A passkey that verified its user is two factors by itself, one that was
 * merely touched is one; beside a password each is two. Both resist phishing, which no code does.
 */
export function provedBy(
  before: readonly string[],
  factor: { readonly kind: FactorKind; readonly isUserVerified: boolean },
): Proved {
  const knows = before.includes("pwd");
  const isTwo = knows || before.includes("mfa") || (factor.kind === "passkey" && factor.isUserVerified);
  // What was texted before is outdone by a better proof, and stands for nothing beside it.
  const methods = [...before.filter((word) => word !== "mfa" && word !== "sms"), ...methodsOf[factor.kind]];
  const amr = [...new Set(isTwo ? [...methods, "mfa"] : methods)];
  if (!isTwo) return { acr: "one-factor", amr };
  return { acr: factor.kind === "passkey" ? "phishing-resistant" : "two-factor", amr };
}

export const byPassword: Proved = { acr: "one-factor", amr: ["pwd"] };
