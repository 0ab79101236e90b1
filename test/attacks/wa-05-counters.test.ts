import { expect, test } from "vitest";
import { givenPasskey, knownOf } from "../support/given-passkeys.ts";

/** WA-05, WebAuthn L3 §6.1.1: a counter that does not rise may be a copy of the passkey. */
test.each([
  { kept: 0, sent: 0, isCounterRegressed: false },
  { kept: 0, sent: 1, isCounterRegressed: false },
  { kept: 7, sent: 8, isCounterRegressed: false },
  { kept: 7, sent: 4_294_967_295, isCounterRegressed: false },
  { kept: 7, sent: 7, isCounterRegressed: true },
  { kept: 7, sent: 6, isCounterRegressed: true },
  { kept: 7, sent: 0, isCounterRegressed: true },
  { kept: 4_294_967_295, sent: 1, isCounterRegressed: true },
])(
  "after $kept comes $sent: went back is $isCounterRegressed",
  async ({ kept, sent, isCounterRegressed }) => {
    const { passkeys, authenticator, credential } = await givenPasskey();
    const response = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), {
      signCount: sent,
    });
    const known = knownOf(credential, { signCount: kept });
    expect(await passkeys.verifyAssertion(response, "Yw", known)).toMatchObject({
      ok: true,
      signCount: sent,
      isCounterRegressed,
    });
  },
);

test("a counter that went back is told only of an answer that the passkey signed", async () => {
  const { passkeys, authenticator, credential } = await givenPasskey();
  const other = await givenPasskey();
  const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), { signCount: 3 });
  const known = knownOf(credential, { signCount: 7, publicKey: other.credential.publicKey });
  expect(await passkeys.verifyAssertion(sent, "Yw", known)).toEqual({ ok: false, reason: "bad_signature" });
});
