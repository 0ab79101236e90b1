import { expect, test } from "vitest";
import { createAuthenticator, type Deviations } from "../support/authenticator.ts";
import { givenPasskey, givenRelyingParty, knownOf, origin, rpId } from "../support/given-passkeys.ts";

/** WA-01, WebAuthn L3 §7.1, §7.2: signed by the very passkey, but for another place or from within another page. */
const attempts: readonly (Deviations & { reason: string })[] = [
  { origin: "https://evil.example", reason: "wrong_origin" },
  { origin: "https://example.com", reason: "wrong_origin" },
  { origin: "https://sub.auth.example.com", reason: "wrong_origin" },
  { origin: "https://auth.example.com.evil.example", reason: "wrong_origin" },
  { origin: "https://auth.example.com:8443", reason: "wrong_origin" },
  { origin: "https://auth.example.com:443", reason: "wrong_origin" },
  { origin: "https://auth.example.com/", reason: "wrong_origin" },
  { origin: "https://AUTH.example.com", reason: "wrong_origin" },
  { origin: "http://auth.example.com", reason: "wrong_origin" },
  { origin: "null", reason: "wrong_origin" },
  { origin: "", reason: "wrong_origin" },
  { clientData: { origin: [origin] }, reason: "wrong_origin" },
  { clientData: { origin: undefined }, reason: "wrong_origin" },
  { rpId: "evil.example", reason: "wrong_rp" },
  { rpId: "auth.example.com", reason: "wrong_rp" },
  { rpId: "com", reason: "wrong_rp" },
  { crossOrigin: true, reason: "cross_origin" },
  { crossOrigin: "false", reason: "cross_origin" },
  { crossOrigin: 0, reason: "cross_origin" },
  { crossOrigin: true, topOrigin: "https://evil.example", reason: "cross_origin" },
  { topOrigin: "https://evil.example", reason: "cross_origin" },
  { topOrigin: origin, reason: "cross_origin" },
  { clientData: { topOrigin: null }, reason: "cross_origin" },
  { challenge: "b3RoZXI", reason: "wrong_challenge" },
  { challenge: "", reason: "wrong_challenge" },
  { clientData: { challenge: ["Yw"] }, reason: "wrong_challenge" },
  { type: "payment.get", reason: "wrong_type" },
  { type: "", reason: "wrong_type" },
];

test.each(attempts)("%# $reason: no passkey is made of it", async ({ reason, ...more }) => {
  const { passkeys, creation } = givenRelyingParty();
  const sent = await createAuthenticator({ rpId, origin }).register(creation, more);
  expect(await passkeys.verifyRegistration(sent, creation.challenge)).toEqual({ ok: false, reason });
});

test.each(attempts)("%# $reason: nobody signs in with it", async ({ reason, ...more }) => {
  const { passkeys, authenticator, credential } = await givenPasskey();
  const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), more);
  expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toEqual({ ok: false, reason });
});

test("an answer to one question is none to the other, nor to the same one asked again", async () => {
  const { passkeys, authenticator, credential, creation } = await givenPasskey();
  const made = await createAuthenticator({ rpId, origin }).register(creation, { type: "webauthn.get" });
  expect(await passkeys.verifyRegistration(made, creation.challenge)).toEqual({
    ok: false,
    reason: "wrong_type",
  });
  const options = passkeys.requestOptions({ challenge: "Yw" });
  const used = await authenticator.assert(options, { type: "webauthn.create" });
  expect(await passkeys.verifyAssertion(used, "Yw", knownOf(credential))).toEqual({
    ok: false,
    reason: "wrong_type",
  });
  const good = await authenticator.assert(options);
  expect(await passkeys.verifyAssertion(good, "Yx", knownOf(credential))).toEqual({
    ok: false,
    reason: "wrong_challenge",
  });
});

test("each origin that is named is taken, and only those", async () => {
  const other = "https://shop.example.net";
  const { passkeys, creation } = givenRelyingParty({ origins: [origin, other] });
  const from = async (place: string) => {
    const sent = await createAuthenticator({ rpId, origin: place }).register(creation);
    return (await passkeys.verifyRegistration(sent, creation.challenge)).ok;
  };
  expect([await from(origin), await from(other), await from("https://example.net")]).toEqual([
    true,
    true,
    false,
  ]);
});
