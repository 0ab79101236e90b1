import { type Bytes, base64url, fromBase64url, hex, utf8 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import { type CborMap, readCbor } from "./cbor.ts";
import { isDerSignature, type PasskeyAlgorithm, passkeyAlgorithms, readCoseKey } from "./cose-key.ts";
import { createPasskeyOptions, readTransports, type Transport } from "./passkey-options.ts";
import {
  credentialIdBytesMax,
  endsAt,
  exactBytes,
  type PasskeyRefusal,
  readAuthenticatorData,
  readCredential,
  refusalOfClientData,
  type SentCredential,
} from "./passkey-response.ts";
import type { RelyingParty } from "./relying-party.ts";

/** What is kept of a new passkey. */
export type NewPasskey = {
  readonly credentialId: string;
  /** Base64url of the COSE key, byte for byte as the authenticator sent it. */
  readonly publicKey: string;
  readonly algorithm: PasskeyAlgorithm;
  readonly signCount: number;
  readonly isUserVerified: boolean;
  readonly isBackupEligible: boolean;
  readonly isBackedUp: boolean;
  readonly transports: readonly Transport[];
  readonly aaguid: string;
};

/** The kept passkey that an assertion says it is from. */
export type KnownPasskey = {
  readonly credentialId: string;
  readonly publicKey: string;
  readonly signCount: number;
  readonly accountId: string;
  readonly isBackupEligible: boolean;
};

export type Registration = { ok: true; credential: NewPasskey } | { ok: false; reason: PasskeyRefusal };
export type Assertion =
  | { ok: true; signCount: number; isUserVerified: boolean; isBackedUp: boolean; isCounterRegressed: boolean }
  | { ok: false; reason: PasskeyRefusal };

const refuse = (reason: PasskeyRefusal): { ok: false; reason: PasskeyRefusal } => ({ ok: false, reason });

/**
 * Formats whose statement proves that the new key was held, or nothing. Chains that end at a vendor's root are left
 * out: checking one asks the vendor's server for revoked certificates in the middle of a request. Nor is any root
 * configured, so an AAGUID is what an authenticator says of itself, and the list of allowed ones a policy for people
 * who keep to it, not a proof against one who writes their own authenticator.
 */
const formats: readonly unknown[] = ["none", "packed", "fido-u2f", "tpm"];

/** A third of a megabyte with its X.509 parser: evaluated at an isolate's first passkey, not at each start. */
const library = () => import("@simplewebauthn/server");

/** Passkeys (WebAuthn L3): what browsers are asked, and whether what they answer is to be believed. Keeps nothing. */
export function createPasskeys(options: RelyingParty & { readonly rpName: string }) {
  return {
    ...createPasskeyOptions(options),
    verifyRegistration: (response: unknown, challenge: string): Promise<Registration> =>
      verifyRegistration(options, response, challenge),
    verifyAssertion: (response: unknown, challenge: string, credential: KnownPasskey): Promise<Assertion> =>
      verifyAssertion(options, response, { challenge, credential }),
  };
}

export type Passkeys = ReturnType<typeof createPasskeys>;

/** WebAuthn L3 §7.1. That no account has this credential already is for the caller's unique index to say. */
async function verifyRegistration(
  party: RelyingParty,
  response: unknown,
  challenge: string,
): Promise<Registration> {
  const sent = readCredential(response, ["attestationObject"]);
  if (!sent.ok) return sent;
  const expected = { type: "webauthn.create", challenge, origins: party.origins };
  const refusal = refusalOfClientData(sent.value.clientDataJSON, expected);
  if (refusal) return refuse(refusal);
  const data = readAttestationObject(sent.value.texts["attestationObject"]);
  if (!data) return refuse("malformed");
  const read = await readNewPasskey(data, sent.value, party);
  if (!read.ok) return read;
  const { allowedAaguids } = party;
  if (allowedAaguids.length > 0 && !allowedAaguids.includes(read.credential.aaguid))
    return refuse("aaguid_not_allowed");
  return (await isAttested(party, sent.value, challenge)) ? read : refuse("bad_attestation");
}

/** The authenticator data in it, when it is one map of exactly its three members and nothing follows. */
function readAttestationObject(text: string | undefined): Bytes | null {
  const bytes = exactBytes(text);
  const read = bytes && readCbor(bytes);
  if (!read || read.end !== bytes.length || !(read.value instanceof Map)) return null;
  const object: CborMap = read.value;
  const data = object.get("authData");
  const isWhole =
    object.size === 3 && object.get("attStmt") instanceof Map && typeof object.get("fmt") === "string";
  return isWhole && formats.includes(object.get("fmt")) && data instanceof Uint8Array ? data : null;
}

async function readNewPasskey(data: Bytes, sent: SentCredential, party: RelyingParty): Promise<Registration> {
  const head = readAuthenticatorData(data, await sha256(party.rpId));
  if (!head.ok) return head;
  const { hasCredential, hasExtensions, ...state } = head.value;
  if (!hasCredential || data.length < 55) return refuse("malformed");
  const idLength = new DataView(data.buffer, data.byteOffset).getUint16(53);
  if (idLength > credentialIdBytesMax) return refuse("too_large");
  const keyAt = 55 + idLength;
  const credentialId = base64url(data.subarray(55, keyAt));
  if (credentialId !== sent.id || keyAt >= data.length) return refuse("wrong_credential");
  const key = await readCoseKey(data, keyAt);
  if (!key.ok) return refuse(key.reason);
  if (!endsAt(data, key.end, hasExtensions)) return refuse("malformed");
  const credential = {
    credentialId,
    publicKey: base64url(data.subarray(keyAt, key.end)),
    algorithm: key.algorithm,
    ...state,
    transports: readTransports(sent.transports),
    aaguid: uuidOf(data.subarray(37, 53)),
  };
  return { ok: true, credential };
}

const uuidOf = (bytes: Uint8Array): string =>
  hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** The statement against its format's rules. */
async function isAttested(party: RelyingParty, sent: SentCredential, challenge: string): Promise<boolean> {
  const { verifyRegistrationResponse } = await library();
  const { id, clientDataJSON, texts } = sent;
  const attestationObject = texts["attestationObject"] ?? "";
  try {
    const { verified } = await verifyRegistrationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        response: { clientDataJSON, attestationObject },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.rpId,
      requireUserVerification: false,
      supportedAlgorithmIDs: [...passkeyAlgorithms],
    });
    return verified;
  } catch {
    // It throws for whatever it does not like, and says no more than that.
    return false;
  }
}

/** WebAuthn L3 §7.2. A counter that went back is told, not judged: what it means depends on the kind of passkey. */
async function verifyAssertion(
  party: RelyingParty,
  response: unknown,
  { challenge, credential }: { challenge: string; credential: KnownPasskey },
): Promise<Assertion> {
  const sent = readCredential(response, ["authenticatorData", "signature"], ["userHandle"]);
  if (!sent.ok) return sent;
  const { id, clientDataJSON, texts } = sent.value;
  if (id !== credential.credentialId) return refuse("wrong_credential");
  const { userHandle } = texts;
  if (userHandle !== undefined && userHandle !== base64url(utf8(credential.accountId)))
    return refuse("wrong_user");
  const expected = { type: "webauthn.get", challenge, origins: party.origins };
  const refusal = refusalOfClientData(clientDataJSON, expected);
  if (refusal) return refuse(refusal);
  const [data, signature] = [exactBytes(texts["authenticatorData"]), exactBytes(texts["signature"])];
  if (!data || !signature) return refuse("malformed");
  const head = readAuthenticatorData(data, await sha256(party.rpId));
  if (!head.ok) return head;
  const { signCount, isUserVerified, isBackedUp, isBackupEligible, hasCredential, hasExtensions } =
    head.value;
  if (hasCredential || !endsAt(data, 37, hasExtensions)) return refuse("malformed");
  // What a credential is, it is for life (§6.1.3).
  if (isBackupEligible !== credential.isBackupEligible) return refuse("bad_flags");
  const publicKey = fromBase64url(credential.publicKey);
  const key = publicKey && (await readCoseKey(publicKey, 0));
  if (!key?.ok || key.end !== publicKey?.length) return refuse("bad_key");
  // The library's parser lets wrong tags and lengths pass.
  if (key.algorithm === -7 && !isDerSignature(signature)) return refuse("bad_signature");
  if (!(await isSigned(party, sent.value, { challenge, publicKey }))) return refuse("bad_signature");
  const isCounterRegressed = (signCount > 0 || credential.signCount > 0) && signCount <= credential.signCount;
  return { ok: true, signCount, isUserVerified, isBackedUp, isCounterRegressed };
}

async function isSigned(
  party: RelyingParty,
  { id, clientDataJSON, texts }: SentCredential,
  { challenge, publicKey }: { challenge: string; publicKey: Bytes },
): Promise<boolean> {
  const { verifyAuthenticationResponse } = await library();
  const { authenticatorData = "", signature = "" } = texts;
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.rpId,
      // Below every count: the library would refuse by its own policy, and a signature must be judged first.
      credential: { id, publicKey, counter: -1 },
      requireUserVerification: false,
    });
    return verified;
  } catch {
    return false;
  }
}
