import { expect, test } from "vitest";
import {
  flipped,
  givenRegistered,
  isFramed,
  register,
  type Vector,
  vectors,
} from "../support/webauthn-vectors.ts";

/** WA-06: every vector of WebAuthn L3 §16, with one bit flipped: every bit, and every seventh of what is long. */
const unframed = vectors.filter((vector) => !isFramed(vector));
const attested = unframed.filter(({ name }) => name.startsWith("packed"));
const unattested = unframed.filter(({ name }) => name.startsWith("none"));

function* bitsOf(part: Uint8Array, from = 0): Generator<number> {
  const step = part.length - from > 150 ? 7 : 1;
  for (let bit = from * 8; bit < part.length * 8; bit += step) yield bit;
}

test.each(unframed)("§$section $name: a sign-in with any bit flipped is refused", async (vector) => {
  const accepted: string[] = [];
  const signIn = await givenRegistered(vector);
  for (const part of ["authenticatorData", "clientDataJSON", "signature"] as const) {
    const original = vector.authentication[part];
    for (const bit of bitsOf(original)) {
      const result = await signIn({ [part]: flipped(original, bit) });
      if (result.ok) accepted.push(`${part} bit ${bit}`);
    }
  }
  expect(accepted).toEqual([]);
});

/** Where the authenticator data begins: it is the last member. */
const dataAt = ({ registration }: Vector): number => {
  const text = String.fromCharCode(...registration.attestationObject);
  const at = text.indexOf("authData") + 8;
  return at + (registration.attestationObject[at] === 0x58 ? 2 : 3);
};

test.each(attested)(
  "§$section $name: a registration with any attested bit flipped is refused",
  async (vector) => {
    const { attestationObject, clientDataJSON } = vector.registration;
    const accepted: string[] = [];
    for (const bit of bitsOf(attestationObject, dataAt(vector))) {
      const result = await register(vector, { attestationObject: flipped(attestationObject, bit) });
      if (result.ok) accepted.push(`authenticator data bit ${bit - dataAt(vector) * 8}`);
    }
    for (const bit of bitsOf(clientDataJSON)) {
      const result = await register(vector, { clientDataJSON: flipped(clientDataJSON, bit) });
      if (result.ok) accepted.push(`client data bit ${bit}`);
    }
    expect(accepted).toEqual([]);
  },
);

test.each(unattested)(
  "§$section $name: unattested, a flipped bit changes at most what is taken on its word",
  async (vector) => {
    const { attestationObject } = vector.registration;
    const start = dataAt(vector);
    const untouched = await register(vector);
    if (!untouched.ok) throw new Error("the vector itself is refused");
    for (const bit of bitsOf(attestationObject)) {
      const result = await register(vector, { attestationObject: flipped(attestationObject, bit) });
      if (!result.ok) continue;
      // Flags, counter and model: bytes 32 to 52. The id and the key are never another's.
      const at = (bit >> 3) - start;
      expect(at >= 32 && at < 53).toBe(true);
      const { credentialId, publicKey } = untouched.credential;
      expect(result.credential).toMatchObject({ credentialId, publicKey });
    }
  },
);
