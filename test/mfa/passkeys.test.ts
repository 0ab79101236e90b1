import { describe, expect, test } from "vitest";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { challengeOf, credentialIdOf } from "../../src/mfa/passkey-response.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { givenPasskey, givenRelyingParty, knownOf, origin, rpId } from "../support/given-passkeys.ts";

const kinds = [
  { kind: "ES256", algorithm: -7 },
  { kind: "EdDSA", algorithm: -8 },
  { kind: "RS256", algorithm: -257 },
] as const;

describe("what browsers are asked", () => {
  test("a new passkey can be found without a name, of the algorithms that are verified, not twice in one device", () => {
    const { passkeys } = givenRelyingParty();
    const existing = [
      { credentialId: "AQID", transports: ["usb", "made-up"] },
      { credentialId: "BAUG", transports: [] },
    ];
    const account = { id: "0b0e9c5e-8a51-4a0b-9d3c-8a6f0a4c7d11", email: "ada@example.com" };
    const options = passkeys.creationOptions({ challenge: "Y2hhbGxlbmdl", account, existing });
    expect(options).toEqual({
      rp: { id: rpId, name: "Example" },
      user: { id: base64url(utf8(account.id)), name: account.email, displayName: account.email },
      challenge: "Y2hhbGxlbmdl",
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      timeout: 300_000,
      excludeCredentials: [
        { type: "public-key", id: "AQID", transports: ["usb"] },
        { type: "public-key", id: "BAUG" },
      ],
      authenticatorSelection: {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "preferred",
      },
      attestation: "none",
    });
    expect(JSON.parse(JSON.stringify(options))).toEqual(options);
  });

  test("only where models are listed is an authenticator asked what it is", () => {
    const { passkeys } = givenRelyingParty({ allowedAaguids: ["08987058-cadc-4b81-b6e1-30de50dcbe96"] });
    const account = { id: "a", email: "ada@example.com" };
    const options = passkeys.creationOptions({ challenge: "Yw", account, existing: [] });
    expect(options.attestation).toBe("direct");
  });

  test("a sign-in names no credential, a second factor names those of the account", () => {
    const { passkeys } = givenRelyingParty();
    const asked = { challenge: "Yw", timeout: 300_000, rpId, userVerification: "preferred" };
    expect(passkeys.requestOptions({ challenge: "Yw" })).toEqual({ ...asked, allowCredentials: [] });
    const allow = [{ credentialId: "AQID", transports: ["hybrid", "internal"] }];
    expect(passkeys.requestOptions({ challenge: "Yw", allow })).toEqual({
      ...asked,
      allowCredentials: [{ type: "public-key", id: "AQID", transports: ["hybrid", "internal"] }],
    });
  });
});

describe.each(kinds)("a passkey of $kind", ({ kind, algorithm }) => {
  test("is registered with what was signed about it, and signs in", async () => {
    const aaguid = "08987058-cadc-4b81-b6e1-30de50dcbe96";
    const { passkeys, authenticator, credential } = await givenPasskey({ kind, aaguid });
    expect(credential).toMatchObject({
      credentialId: authenticator.credentialIds()[0],
      algorithm,
      signCount: 0,
      isUserVerified: true,
      isBackupEligible: true,
      isBackedUp: true,
      transports: ["hybrid", "internal"],
      aaguid,
    });
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "c2lnbi1pbg" }));
    expect(await passkeys.verifyAssertion(sent, "c2lnbi1pbg", knownOf(credential))).toEqual({
      ok: true,
      signCount: 0,
      isUserVerified: true,
      isBackedUp: true,
      isCounterRegressed: false,
    });
  });

  test("may attest itself", async () => {
    const { credential } = await givenPasskey({ kind, attestation: "packed-self" });
    expect(credential.algorithm).toBe(algorithm);
  });

  test("is verified with no other passkey's key", async () => {
    const { passkeys, authenticator, credential } = await givenPasskey({ kind });
    const other = await givenPasskey({ kind });
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "c2lnbi1pbg" }));
    const known = { ...knownOf(credential), publicKey: other.credential.publicKey };
    expect(await passkeys.verifyAssertion(sent, "c2lnbi1pbg", known)).toEqual({
      ok: false,
      reason: "bad_signature",
    });
  });
});

describe("flags", () => {
  test("an authenticator that verified nobody is registered and used, and says so", async () => {
    const { passkeys, authenticator, credential } = await givenPasskey({ isUserVerified: false });
    expect(credential.isUserVerified).toBe(false);
    const options = passkeys.requestOptions({ challenge: "Yw" });
    const sent = await authenticator.assert(options, { isUserVerified: false });
    expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toMatchObject({
      ok: true,
      isUserVerified: false,
    });
  });

  test("nobody present is nobody registered and nobody signed in", async () => {
    const { passkeys, authenticator, credential, creation } = await givenPasskey();
    const absent = { ok: false, reason: "user_absent" };
    const fresh = createAuthenticator({ rpId, origin });
    const registered = await fresh.register(creation, { isUserPresent: false });
    expect(await passkeys.verifyRegistration(registered, creation.challenge)).toEqual(absent);
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), {
      isUserPresent: false,
    });
    expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toEqual(absent);
  });

  test("what cannot be backed up is not backed up, and what a passkey is it stays", async () => {
    const { passkeys, authenticator, credential, creation } = await givenPasskey({
      isBackupEligible: false,
      isBackedUp: false,
    });
    const bad = { ok: false, reason: "bad_flags" };
    expect(credential).toMatchObject({ isBackupEligible: false, isBackedUp: false });
    const fresh = createAuthenticator({ rpId, origin });
    const odd = await fresh.register(creation, { isBackupEligible: false, isBackedUp: true });
    expect(await passkeys.verifyRegistration(odd, creation.challenge)).toEqual(bad);
    for (const flags of [{ isBackedUp: true }, { isBackupEligible: true }]) {
      const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), flags);
      expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toEqual(bad);
    }
  });

  test("whether it is backed up now may change, and is told", async () => {
    const { passkeys, authenticator, credential } = await givenPasskey({ isBackedUp: false });
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), {
      isBackedUp: true,
    });
    expect(credential.isBackedUp).toBe(false);
    expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toMatchObject({
      ok: true,
      isBackedUp: true,
    });
  });
});

describe("models", () => {
  const listed = "08987058-cadc-4b81-b6e1-30de50dcbe96";
  test("where some are listed no other is registered", async () => {
    const { passkeys, creation } = givenRelyingParty({ allowedAaguids: [listed] });
    const register = async (aaguid: string) => {
      const sent = await createAuthenticator({ rpId, origin }).register(creation, { aaguid });
      return await passkeys.verifyRegistration(sent, creation.challenge);
    };
    expect(await register(listed)).toMatchObject({ ok: true, credential: { aaguid: listed } });
    for (const aaguid of ["00000000-0000-0000-0000-000000000000", "08987058-cadc-4b81-b6e1-30de50dcbe97"]) {
      expect(await register(aaguid)).toEqual({ ok: false, reason: "aaguid_not_allowed" });
    }
  });
});

describe("transports", () => {
  test("of what a browser says, the known ones are kept, each once; anything else is nothing", async () => {
    const transportsOf = async (transports: unknown) =>
      (await givenPasskey({ transports })).credential.transports;
    expect(await transportsOf(["usb", "usb", "quantum", 7, null, "nfc"])).toEqual(["usb", "nfc"]);
    expect(await transportsOf("usb")).toEqual([]);
    expect(await transportsOf({ length: 1, 0: "usb" })).toEqual([]);
    expect(await transportsOf([...Array.from({ length: 16 }, () => "x"), "usb"])).toEqual([]);
  });
});

describe("what a response says of itself, before anything is verified", () => {
  test("its credential and its challenge can be read", async () => {
    const { passkeys, authenticator, credential } = await givenPasskey();
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "c2lnbi1pbg" }));
    expect(credentialIdOf(sent)).toBe(credential.credentialId);
    expect(challengeOf(sent)).toBe("c2lnbi1pbg");
  });

  test.each([
    undefined,
    null,
    7,
    "text",
    [],
    {},
    { id: "", response: "" },
    { id: "AQID=", response: { clientDataJSON: "" } },
    { id: "AQ+D", response: { clientDataJSON: "AAAA" } },
    { id: "AR", response: { clientDataJSON: base64url(utf8("[]")) } },
    { id: ["AQID"], response: { clientDataJSON: base64url(utf8('{"challenge":7}')) } },
    { id: "A".repeat(1365), response: { clientDataJSON: base64url(utf8("null")) } },
    { id: "A".repeat(1_000_000), response: { clientDataJSON: "A".repeat(1_000_000) } },
    Object.create({ id: "AQID", response: { clientDataJSON: base64url(utf8('{"challenge":"x"}')) } }),
  ])("%# nothing is read from what is no response", async (sent) => {
    expect(credentialIdOf(sent)).toBeNull();
    expect(challengeOf(sent)).toBeNull();
  });
});
