import { type Bytes, base64url } from "../../src/crypto/bytes.ts";
import { createPasskeys } from "../../src/mfa/passkeys.ts";
import published from "./vectors/webauthn-level-3.json" with { type: "json" };

/** One test vector of WebAuthn L3 §16, as bytes. */
export type Vector = ReturnType<typeof vectorOf>;

const bytes = (hexText: string): Bytes =>
  new Uint8Array((hexText.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));

function vectorOf({ section, name, registration, authentication }: (typeof published.vectors)[number]) {
  return {
    section,
    name,
    credentialId: base64url(bytes(registration.credentialId)),
    registration: {
      challenge: base64url(bytes(registration.challenge)),
      clientDataJSON: bytes(registration.clientDataJSON),
      attestationObject: bytes(registration.attestationObject),
    },
    authentication: {
      challenge: base64url(bytes(authentication.challenge)),
      clientDataJSON: bytes(authentication.clientDataJSON),
      authenticatorData: bytes(authentication.authenticatorData),
      signature: bytes(authentication.signature),
    },
  };
}

export const vectors: readonly Vector[] = published.vectors.map(vectorOf);
export const isFramed = ({ name }: Vector): boolean => /\.(?:crossOrigin|topOrigin)$/.test(name);

/** The relying party that the vectors were made for. */
export const vectorParty = createPasskeys({
  rpId: "example.org",
  rpName: "Example",
  origins: ["https://example.org"],
  allowedAaguids: [],
});

const texts = (parts: Record<string, Bytes>): Record<string, string> =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, base64url(part)]));

export function register(vector: Vector, change: Record<string, Bytes> = {}) {
  const { challenge, ...parts } = vector.registration;
  const { credentialId: id } = vector;
  const sent = { id, rawId: id, type: "public-key", response: texts({ ...parts, ...change }) };
  return vectorParty.verifyRegistration(sent, challenge);
}

/** Its passkey as kept; what is answered signs in with the vector's own assertion, or a change of it. */
export async function givenRegistered(vector: Vector) {
  const registered = await register(vector);
  if (!registered.ok) throw new Error(`${vector.name} is not registered: ${registered.reason}`);
  const { challenge, ...parts } = vector.authentication;
  const { credentialId: id } = vector;
  return (change: Record<string, Bytes> = {}) => {
    const sent = { id, rawId: id, type: "public-key", response: texts({ ...parts, ...change }) };
    return vectorParty.verifyAssertion(sent, challenge, { ...registered.credential, accountId: "a" });
  };
}

/** The same bytes but for one bit. */
export function flipped(original: Bytes, bit: number): Bytes {
  const copy = original.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
