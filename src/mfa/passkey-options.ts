import { base64url, utf8 } from "../crypto/bytes.ts";
import { challengeLifeMs } from "./challenges.ts";
import { passkeyAlgorithms } from "./cose-key.ts";
import type { RelyingParty } from "./relying-party.ts";

const transportNames = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"] as const;
/** How a browser may reach an authenticator (WebAuthn L3 §5.8.4). */
export type Transport = (typeof transportNames)[number];

/** Those we know, each once: a hint for the next question and nothing else, so the unknown is dropped. */
export function readTransports(sent: unknown): readonly Transport[] {
  if (!Array.isArray(sent)) return [];
  return transportNames.filter((name) => sent.slice(0, 16).includes(name));
}

export type PasskeyReference = { readonly credentialId: string; readonly transports: readonly string[] };

type Descriptor = { type: "public-key"; id: string; transports?: string[] };

/** What PublicKeyCredential.parseCreationOptionsFromJSON takes (WebAuthn L3 §5.1.9). */
export type PasskeyCreationOptions = {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  challenge: string;
  pubKeyCredParams: { type: "public-key"; alg: number }[];
  timeout: number;
  excludeCredentials: Descriptor[];
  authenticatorSelection: {
    residentKey: "required";
    requireResidentKey: true;
    userVerification: "preferred" | "required";
  };
  attestation: "none" | "direct";
};

/** What PublicKeyCredential.parseRequestOptionsFromJSON takes (WebAuthn L3 §5.1.10). */
export type PasskeyRequestOptions = {
  challenge: string;
  timeout: number;
  rpId: string;
  allowCredentials: Descriptor[];
  userVerification: "preferred";
};

const descriptorOf = ({ credentialId, transports }: PasskeyReference): Descriptor => {
  const known = readTransports(transports);
  return { type: "public-key", id: credentialId, ...(known.length > 0 && { transports: [...known] }) };
};

export function createPasskeyOptions(party: RelyingParty & { readonly rpName: string }) {
  return {
    /** The passkey can be found without a name being typed, and asks for a PIN or a finger where it can. */
    creationOptions({
      challenge,
      account,
      existing,
      mustVerifyUser = false,
    }: {
      challenge: string;
      account: { id: string; email: string };
      existing: readonly PasskeyReference[];
      mustVerifyUser?: boolean;
    }): PasskeyCreationOptions {
      return {
        rp: { id: party.rpId, name: party.rpName },
        user: { id: base64url(utf8(account.id)), name: account.email, displayName: account.email },
        challenge,
        pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: "public-key", alg })),
        timeout: challengeLifeMs,
        excludeCredentials: existing.map(descriptorOf),
        authenticatorSelection: {
          residentKey: "required",
          requireResidentKey: true,
          userVerification: mustVerifyUser ? "required" : "preferred",
        },
        attestation: party.allowedAaguids.length > 0 ? "direct" : "none",
      };
    },

    /** Without `allow`, whichever passkey of ours the person picks; with it, one of theirs as a second factor. */
    requestOptions({
      challenge,
      allow = [],
    }: {
      challenge: string;
      allow?: readonly PasskeyReference[];
    }): PasskeyRequestOptions {
      return {
        challenge,
        timeout: challengeLifeMs,
        rpId: party.rpId,
        allowCredentials: allow.map(descriptorOf),
        userVerification: "preferred",
      };
    },
  };
}
