import { expect, test } from "vitest";
import { hex, utf8 } from "../../src/crypto/bytes.ts";
import { deriveSecrets } from "../../src/crypto/derived-secrets.ts";
import { givenSecret } from "../support/given-tokens.ts";

const masters = [givenSecret(3), givenSecret(1)];

async function hmac(key: Uint8Array<ArrayBuffer>, ...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const text = Uint8Array.from(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, text));
}

test("RFC 5869 §2: a derived secret is HKDF-SHA-256 of its master key, for its label", async () => {
  const extracted = await hmac(utf8("gatehouse derived secrets"), givenSecret(3).secret);
  const expanded = await hmac(extracted, utf8("gatehouse some use"), Uint8Array.of(1));
  const [derived] = await deriveSecrets(masters, "some use");
  expect(hex(derived?.secret ?? Uint8Array.of())).toBe(hex(expanded));
});

test("each master version gives a version of its own, in the same order, alike in every isolate", async () => {
  const once = await deriveSecrets(masters, "some use");
  const again = await deriveSecrets(masters, "some use");
  expect(once.map(({ version }) => version)).toEqual([3, 1]);
  expect(once).toEqual(again);
});

test("two uses, two versions and the master keys themselves have nothing in common", async () => {
  const made = await Promise.all(["some use", "another use"].map((label) => deriveSecrets(masters, label)));
  const secrets = [...masters, ...made.flat()].map(({ secret }) => hex(secret));
  expect(new Set(secrets).size).toBe(6);
  for (const secret of secrets) expect(secret).toHaveLength(64);
});
