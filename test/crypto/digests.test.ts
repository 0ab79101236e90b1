import { expect, test } from "vitest";
import { hex, utf8 } from "../../src/crypto/bytes.ts";
import { crc32 } from "../../src/crypto/crc32.ts";
import { hmacSha256, importHmacKey, sha256Hex } from "../../src/crypto/digest.ts";

test("CRC-32 has the check value of its catalogue entry", () => {
  expect(crc32("123456789").toString(16)).toBe("cbf43926");
  expect(crc32("")).toBe(0);
});

test("CRC-32 is never negative, so that its base62 digits are always digits", () => {
  const values = Array.from({ length: 2000 }, (_, index) => crc32(`key ${index}`));
  expect(values.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
  // Half of them have the top bit set, where a signed shift would go wrong.
  expect(values.some((value) => value >= 2 ** 31)).toBe(true);
});

test("CRC-32 sees every single changed character and every exchange of neighbours", () => {
  const text = "gk_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg";
  for (let index = 0; index < text.length; index += 1) {
    const changed = `${text.slice(0, index)}~${text.slice(index + 1)}`;
    expect(crc32(changed), `position ${index}`).not.toBe(crc32(text));
    const swapped = text.slice(0, index) + (text[index + 1] ?? "!") + text[index] + text.slice(index + 2);
    expect(crc32(swapped), `exchange at ${index}`).not.toBe(crc32(text));
  }
});

test("SHA-256 gives the published digests of FIPS 180-4", async () => {
  expect(await sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(await sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  );
});

test("HMAC-SHA-256 gives the published tag of RFC 4231 §4.3", async () => {
  const tag = await hmacSha256(await importHmacKey(utf8("Jefe")), "what do ya want for nothing?");
  expect(hex(tag)).toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});
