import { expect, test } from "vitest";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import {
  accountId,
  givenPasskey,
  givenRelyingParty,
  knownOf,
  origin,
  rpId,
} from "../support/given-passkeys.ts";

/** WA-04, WebAuthn L3 §7.2 steps 5 and 6: whose passkey it is, is what is kept of it, and what it says must agree. */
test("a passkey is not the passkey of another's id, though both are known and each signs well", async () => {
  const [mine, theirs] = [await givenPasskey(), await givenPasskey()];
  const options = mine.passkeys.requestOptions({ challenge: "Yw" });
  const sent = await mine.authenticator.assert(options);
  const verify = (response: unknown) =>
    mine.passkeys.verifyAssertion(response, "Yw", knownOf(theirs.credential));
  expect(await verify(sent)).toEqual({ ok: false, reason: "wrong_credential" });
  const { credentialId } = theirs.credential;
  expect(await verify({ ...sent, id: credentialId, rawId: credentialId })).toEqual({
    ok: false,
    reason: "bad_signature",
  });
  expect(await verify({ ...sent, id: credentialId })).toEqual({ ok: false, reason: "malformed" });
});

test("a passkey that names another account than its own signs nobody in", async () => {
  const { passkeys, authenticator, credential } = await givenPasskey();
  const other = "6c1f6a1e-3b60-4d5c-9a55-27b3f3e5a0aa";
  const handles = [other, accountId.toUpperCase(), `${accountId}\0`, accountId.slice(1), ` ${accountId}`];
  for (const handle of handles) {
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), {
      userHandle: base64url(utf8(handle)),
    });
    expect(await passkeys.verifyAssertion(sent, "Yw", knownOf(credential))).toEqual({
      ok: false,
      reason: "wrong_user",
    });
  }
  const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }));
  const asOther = knownOf(credential, { accountId: other });
  expect(await passkeys.verifyAssertion(sent, "Yw", asOther)).toEqual({ ok: false, reason: "wrong_user" });
});

test("an authenticator that names no account is taken at its signature; one that names the empty account is not", async () => {
  const { passkeys, authenticator, credential } = await givenPasskey();
  const assert = async (userHandle: string | null) => {
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), { userHandle });
    return await passkeys.verifyAssertion(sent, "Yw", knownOf(credential));
  };
  expect(await assert(null)).toMatchObject({ ok: true });
  expect(await assert("")).toEqual({ ok: false, reason: "wrong_user" });
});

test("a registration under another id than its authenticator gave it is refused", async () => {
  const { passkeys, creation } = givenRelyingParty();
  const sent = await createAuthenticator({ rpId, origin }).register(creation);
  const taken = "dGFrZW4gYnkgc29tZWJvZHkgZWxzZQ";
  const renamed = { ...sent, id: taken, rawId: taken };
  expect(await passkeys.verifyRegistration(renamed, creation.challenge)).toEqual({
    ok: false,
    reason: "wrong_credential",
  });
});
