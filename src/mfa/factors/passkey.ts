import type { Challenges } from "../challenges.ts";
import type { Factor, FactorVerdict, Shown } from "../factor.ts";
import { challengeOf, credentialIdOf } from "../passkey-response.ts";
import type { Passkeys } from "../passkeys.ts";
import type { FactorRow } from "../store.ts";
import type { PasskeyDetails } from "../tables.ts";

/** The signature of a device's key over our challenge (WebAuthn §7.2). */
export function passkeyFactor(sources: {
  readonly passkeys: Pick<Passkeys, "verifyAssertion">;
  readonly challenges: Pick<Challenges, "check">;
}): Factor<"passkey"> {
  const { passkeys, challenges } = sources;
  return {
    kind: "passkey",
    guesses: null,

    isOf: (row, { response }) => row.credentialId !== null && credentialIdOf(response) === row.credentialId,

    async verify(row: FactorRow, { response, binding }: Shown & { kind: "passkey" }): Promise<FactorVerdict> {
      const refused = { ok: false, reason: "wrong_passkey" } as const;
      const challenge = challengeOf(response);
      const checked = challenge === null ? null : await challenges.check(challenge, binding);
      if (challenge === null || !checked) return refused;
      if (!checked.ok) return checked;
      const details = row.details as PasskeyDetails;
      const verdict = await passkeys.verifyAssertion(response, challenge, {
        credentialId: row.credentialId ?? "",
        publicKey: details.publicKey,
        signCount: row.counter,
        accountId: row.accountId,
        isBackupEligible: details.isBackupEligible,
      });
      if (!verdict.ok) return refused;
      // WebAuthn §6.1.1: a counter that stands still tells of a copied key, but a key that is synced has no counter to go by.
      if (verdict.isCounterRegressed && !details.isBackupEligible) return { ok: false, reason: "replayed" };
      return {
        ok: true,
        isUserVerified: verdict.isUserVerified,
        use: {
          kind: "passkey",
          factorId: row.id,
          signCount: verdict.signCount,
          isBackedUp: verdict.isBackedUp,
          challenge: { key: checked.onceKey, expiresAt: checked.expiresAt },
        },
      };
    },
  };
}
