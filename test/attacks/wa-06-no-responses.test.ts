import { describe, expect, test } from "vitest";
import { type Bytes, base64url, utf8 } from "../../src/crypto/bytes.ts";
import { bytesOf, createAuthenticator, joined, type RegisterDeviations } from "../support/authenticator.ts";
import { type Encodable, encodeCbor } from "../support/cbor.ts";
import { givenPasskey, givenRelyingParty, knownOf, origin, rpId } from "../support/given-passkeys.ts";

/** WA-06, WebAuthn L3 §7.1, §7.2: what is too large or is no response at all is refused, never thrown. */
const { passkeys, creation } = givenRelyingParty();
const refusalOf = async (more: RegisterDeviations) => {
  const sent = await createAuthenticator({ rpId, origin }).register(creation, more);
  const result = await passkeys.verifyRegistration(sent, creation.challenge);
  return result.ok ? "accepted" : result.reason;
};
const bytes = (...values: number[]): Bytes => new Uint8Array(values);
describe("sizes", () => {
  test("an id of 1023 bytes is taken, one byte more is not", async () => {
    expect(await refusalOf({ credentialId: new Uint8Array(1023).fill(7) })).toBe("accepted");
    expect(await refusalOf({ credentialId: new Uint8Array(1024).fill(7) })).toBe("too_large");
    expect(await refusalOf({ credentialId: new Uint8Array() })).toBe("malformed");
  });

  test("a megabyte of attestation, of client data, of signature is refused unread", async () => {
    expect(await refusalOf({ alter: (object) => joined(object, new Uint8Array(1_000_000)) })).toBe(
      "too_large",
    );
    expect(await refusalOf({ clientData: { x: "x".repeat(1_000_000) } })).toBe("too_large");
    const { authenticator, credential } = await givenPasskey();
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }));
    for (const name of ["signature", "authenticatorData", "userHandle", "clientDataJSON"]) {
      const response = { ...sent.response, [name]: "A".repeat(1_000_000) };
      expect(await passkeys.verifyAssertion({ ...sent, response }, "Yw", knownOf(credential))).toEqual({
        ok: false,
        reason: "too_large",
      });
    }
  });
});

describe("authenticator data of a sign-in", () => {
  const signed = async (alter: (data: Bytes) => Bytes) => {
    const { authenticator, credential } = await givenPasskey();
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }), {
      alterData: alter,
    });
    const result = await passkeys.verifyAssertion(sent, "Yw", knownOf(credential));
    return result.ok ? "accepted" : result.reason;
  };
  const withFlag = (bit: number, tail: Bytes) => (data: Bytes) => {
    const copy = data.slice();
    copy[32] = (copy[32] ?? 0) | bit;
    return joined(copy, tail);
  };

  test("signed or not, what is short, long or of another shape is refused; a map of extensions is passed over", async () => {
    const map = encodeCbor(new Map<string, Encodable>([["credProtect", 2]]));
    expect(await signed((data) => data.slice(0, 36))).toBe("malformed");
    expect(await signed((data) => joined(data, bytes(0)))).toBe("malformed");
    expect(await signed((data) => joined(data, map))).toBe("malformed");
    expect(await signed(withFlag(0x80, bytes()))).toBe("malformed");
    expect(await signed(withFlag(0x80, joined(map, bytes(0))))).toBe("malformed");
    expect(await signed(withFlag(0x80, encodeCbor([1])))).toBe("malformed");
    expect(await signed(withFlag(0x40, new Uint8Array(60)))).toBe("malformed");
    expect(await signed(withFlag(0x80, map))).toBe("accepted");
  });
});

describe("what is no response", () => {
  const cyclic: Record<string, unknown> = { id: "AQID", rawId: "AQID", type: "public-key" };
  cyclic["response"] = cyclic;
  const inner = {
    clientDataJSON: base64url(utf8("{}")),
    attestationObject: "AAAA",
    authenticatorData: "AAAA",
    signature: "AAAA",
  };
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["a text", "x"],
    ["a list", []],
    ["an empty object", {}],
    ["itself within itself", cyclic],
    [
      "texts in lists",
      { id: ["AQID"], rawId: ["AQID"], type: ["public-key"], response: { clientDataJSON: ["e30"] } },
    ],
    ["another type", { id: "AQID", rawId: "AQID", type: "password", response: inner }],
    ["two ids", { id: "AQID", rawId: "AQIE", type: "public-key", response: inner }],
    ["an id with padding", { id: "AQI=", rawId: "AQI=", type: "public-key", response: inner }],
    ["an id with a spare bit", { id: "AR", rawId: "AR", type: "public-key", response: inner }],
    [
      "client data that is a list",
      {
        id: "AQID",
        rawId: "AQID",
        type: "public-key",
        response: { ...inner, clientDataJSON: base64url(utf8("[]")) },
      },
    ],
    [
      "client data that is not JSON",
      {
        id: "AQID",
        rawId: "AQID",
        type: "public-key",
        response: { ...inner, clientDataJSON: base64url(utf8("{")) },
      },
    ],
    [
      "client data that is not UTF-8",
      {
        id: "AQID",
        rawId: "AQID",
        type: "public-key",
        response: { ...inner, clientDataJSON: base64url(bytes(0xc3, 0x28)) },
      },
    ],
    [
      "client data with a byte order mark",
      {
        id: "AQID",
        rawId: "AQID",
        type: "public-key",
        response: { ...inner, clientDataJSON: base64url(joined(bytes(0xef, 0xbb, 0xbf), utf8("{}"))) },
      },
    ],
  ])("%s is refused as malformed", async (_, sent) => {
    const malformed = { ok: false, reason: "malformed" };
    expect(await passkeys.verifyRegistration(sent, "Yw")).toEqual(malformed);
    const known = {
      credentialId: "AQID",
      publicKey: "",
      signCount: 0,
      accountId: "a",
      isBackupEligible: true,
    };
    expect(await passkeys.verifyAssertion(sent, "Yw", known)).toEqual(malformed);
  });

  test("a key of ours that is damaged verifies nothing, and throws nothing", async () => {
    const { authenticator, credential } = await givenPasskey();
    const sent = await authenticator.assert(passkeys.requestOptions({ challenge: "Yw" }));
    for (const publicKey of ["", "!", "AAAA", credential.publicKey.slice(0, -4), base64url(bytes(0xa0))]) {
      const known = knownOf(credential, { publicKey });
      expect(await passkeys.verifyAssertion(sent, "Yw", known)).toEqual({
        ok: false,
        reason: "bad_key",
      });
    }
    expect(bytesOf(credential.publicKey)).toHaveLength(77);
  });
});
