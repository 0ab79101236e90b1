import { SettingsService } from "@simplewebauthn/server";
import { expect, test } from "vitest";
import { givenRegistered, isFramed, register, vectors } from "../support/webauthn-vectors.ts";

const flagsOf = (data: Uint8Array | undefined): number => data?.[32] ?? 0;
const unframed = vectors.filter((vector) => !isFramed(vector));
const framed = vectors.filter(isFramed);

test("the vectors of WebAuthn L3 §16 for what is verified here are all there", () => {
  expect(vectors.map(({ section, name }) => `${section} ${name}`)).toEqual([
    "16.2 none.ES256",
    "16.3 packed-self.ES256",
    "16.4 none.ES256.crossOrigin",
    "16.5 none.ES256.topOrigin",
    "16.6 none.ES256.long-credential-id",
    "16.7 packed.ES256",
    "16.10 packed.RS256",
    "16.11 packed.EdDSA",
  ]);
});

test("they are verified as it is deployed: with no vendor's root, and nothing that could walk a chain", async () => {
  const { X509Certificate } = await import("@peculiar/x509");
  expect(X509Certificate).toBeUndefined();
  for (const identifier of ["android-key", "android-safetynet", "apple", "mds"] as const)
    expect(SettingsService.getRootCertificates({ identifier }).filter(Boolean)).toEqual([]);
  for (const identifier of ["packed", "fido-u2f", "tpm"] as const)
    expect(SettingsService.getRootCertificates({ identifier })).toEqual([]);
});

test.each(unframed)("§$section $name is registered and signs in", async (vector) => {
  const algorithm = { ES256: -7, RS256: -257, EdDSA: -8 }[/ES256|RS256|EdDSA/.exec(vector.name)?.[0] ?? ""];
  expect(await register(vector)).toMatchObject({
    ok: true,
    credential: { credentialId: vector.credentialId, algorithm, signCount: 0, transports: [] },
  });
  const flags = flagsOf(vector.authentication.authenticatorData);
  const signIn = await givenRegistered(vector);
  expect(await signIn()).toEqual({
    ok: true,
    signCount: 0,
    isUserVerified: (flags & 4) !== 0,
    isBackedUp: (flags & 16) !== 0,
    isCounterRegressed: false,
  });
});

test.each(framed)(
  "§$section $name comes from within another page's frame, and is refused",
  async (vector) => {
    expect(await register(vector)).toEqual({ ok: false, reason: "cross_origin" });
  },
);
