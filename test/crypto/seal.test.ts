import { expect, test } from "vitest";
import { base64url, fromBase64url } from "../../src/crypto/bytes.ts";
import { createSeal } from "../../src/crypto/seal.ts";
import type { VersionedSecrets } from "../../src/crypto/versioned-secrets.ts";

const master = (version: number): VersionedSecrets[number] => ({
  version,
  secret: crypto.getRandomValues(new Uint8Array(32)),
});
const plaintext = JSON.stringify({ kty: "EC", d: "a private number, and an é" });

test("a sealed value opens in its own context, and its text shows nothing of what is inside", async () => {
  const seal = createSeal([master(1)]);
  const sealed = await seal.seal(plaintext, "signing-key:a");
  expect(await seal.open(sealed, "signing-key:a")).toEqual({ ok: true, plaintext });
  expect(sealed).toMatch(/^1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
  expect(sealed).not.toContain(base64url(new TextEncoder().encode(plaintext)).slice(0, 8));
});

test("the same value sealed twice gives two texts, each under a nonce of its own", async () => {
  const seal = createSeal([master(1)]);
  const sealed = await Promise.all(Array.from({ length: 50 }, () => seal.seal(plaintext, "c")));
  expect(new Set(sealed.map((text) => text.split(".")[1])).size).toBe(50);
});

test("a value moved to another context does not open", async () => {
  const seal = createSeal([master(1)]);
  const sealed = await seal.seal(plaintext, "signing-key:a");
  for (const context of ["signing-key:b", "signing-key:", "", "signing-key:a "]) {
    expect(await seal.open(sealed, context), context).toEqual({ ok: false, reason: "broken" });
  }
});

test("one flipped bit anywhere in nonce, ciphertext or tag makes the value unopenable", async () => {
  const seal = createSeal([master(1)]);
  const [version, nonce = "", cipher = ""] = (await seal.seal("sixteen bytes ..", "c")).split(".");
  for (const part of [1, 2]) {
    const length = fromBase64url(part === 1 ? nonce : cipher)?.length ?? 0;
    expect(length).toBe(part === 1 ? 12 : 32);
    for (let bit = 0; bit < length * 8; bit += 1) {
      const flipped = fromBase64url(part === 1 ? nonce : cipher) ?? new Uint8Array();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = part === 1 ? [version, base64url(flipped), cipher] : [version, nonce, base64url(flipped)];
      expect(await seal.open(text.join("."), "c"), `part ${part}, bit ${bit}`).toEqual({
        ok: false,
        reason: "broken",
      });
    }
  }
});

test("what is cut, emptied or no envelope at all is broken and does not throw", async () => {
  const seal = createSeal([master(1)]);
  const sealed = await seal.seal(plaintext, "c");
  const [version, nonce, cipher = ""] = sealed.split(".");
  const spoilt = ["", ".", "..", "1", "1..", `1.${nonce}`, `1.${nonce}.`, `1..${cipher}`, `1.${nonce}.AAAA`];
  for (const text of [...spoilt, `${version}.${nonce}.${cipher.slice(0, -4)}`, `1.AAAA.${cipher}`, "1.!.!"]) {
    expect(await seal.open(text, "c"), text).toEqual({ ok: false, reason: "broken" });
  }
});

test("the newest master key seals and every known one opens, so that a rotation loses nothing", async () => {
  const [first, second] = [master(1), master(2)];
  const before = await createSeal([first]).seal(plaintext, "c");
  const during = createSeal([second, first]);
  const after = await during.seal(plaintext, "c");
  expect(before.startsWith("1.")).toBe(true);
  expect(after.startsWith("2.")).toBe(true);
  expect(await during.open(before, "c")).toEqual({ ok: true, plaintext });
  expect(await createSeal([second]).open(after, "c")).toEqual({ ok: true, plaintext });
});

test("a value of a version that is not known says so, and one that only claims a known version is broken", async () => {
  const [first, second] = [master(1), master(2)];
  const sealed = await createSeal([first]).seal(plaintext, "c");
  expect(await createSeal([second]).open(sealed, "c")).toEqual({ ok: false, reason: "unknown_version" });
  const relabelled = sealed.replace(/^1\./, "2.");
  expect(await createSeal([second, first]).open(relabelled, "c")).toEqual({ ok: false, reason: "broken" });
});

test("a seal without a master key cannot be made", () => {
  expect(() => createSeal([])).toThrow("at least one master key");
});
