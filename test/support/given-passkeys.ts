import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import { createPasskeys, type KnownPasskey, type NewPasskey } from "../../src/mfa/passkeys.ts";
import type { RelyingParty } from "../../src/mfa/relying-party.ts";
import { createAuthenticator, type RegisterDeviations } from "./authenticator.ts";

export const rpId = "example.com";
export const origin = "https://auth.example.com";
export const accountId = "0b0e9c5e-8a51-4a0b-9d3c-8a6f0a4c7d11";

/** A relying party and its question for a new passkey. */
export function givenRelyingParty(change: Partial<RelyingParty> = {}) {
  const party = { rpId, rpName: "Example", origins: [origin], allowedAaguids: [], ...change };
  const passkeys = createPasskeys(party);
  const account = { id: accountId, email: "ada@example.com" };
  const creation: PasskeyCreationOptions = passkeys.creationOptions({
    challenge: "cmVnaXN0ZXI",
    account,
    existing: [],
  });
  return { passkeys, creation };
}

/** A passkey that was registered, and the authenticator that holds it. */
export async function givenPasskey(more: RegisterDeviations = {}) {
  const { passkeys, creation } = givenRelyingParty();
  const authenticator = createAuthenticator({ rpId, origin });
  const sent = await authenticator.register(creation, more);
  const registered = await passkeys.verifyRegistration(sent, creation.challenge);
  if (!registered.ok) throw new Error(`not registered: ${registered.reason}`);
  return { passkeys, authenticator, creation, credential: registered.credential };
}

export const knownOf = (credential: NewPasskey, change: Partial<KnownPasskey> = {}): KnownPasskey => ({
  credentialId: credential.credentialId,
  publicKey: credential.publicKey,
  signCount: credential.signCount,
  accountId,
  isBackupEligible: credential.isBackupEligible,
  ...change,
});
