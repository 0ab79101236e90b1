import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import {
  createKeyFormat,
  displayPrefixOf,
  environments,
  type KeyFormat,
  keyAnywhere,
} from "../../src/api-keys/key-format.ts";
import { base62OfNumber } from "../../src/crypto/base62.ts";
import { crc32 } from "../../src/crypto/crc32.ts";
import type { VersionedSecrets } from "../../src/crypto/versioned-secrets.ts";

/** CONTRACT's words for a key. */
const contract = /^gk_(live|test)_[0-9A-Za-z]{60}$/;
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomStart = "gk_live_".length;

const secret = (version: number): VersionedSecrets[number] => ({
  version,
  secret: crypto.getRandomValues(new Uint8Array(32)),
});
/** As a forger would who knows the format and all but the tag secret. */
const withRightCrc = (text: string): string => {
  const tagged = text.slice(0, -6);
  return tagged + base62OfNumber(crc32(tagged), 6);
};

let format: KeyFormat;
beforeAll(async () => {
  format = await createKeyFormat([secret(1)]);
});

test("every key matches the one regular expression of the contract and names its environment", async () => {
  for (const environment of environments) {
    const key = await format.make(environment);
    expect(key).toMatch(contract);
    expect(key.startsWith(`gk_${environment}_`)).toBe(true);
    expect(await format.check(key)).toEqual({ ok: true, environment });
  }
});

test("a key holds at least 256 random bits, and every one of its random digits is random", async () => {
  const keys = await Promise.all(Array.from({ length: 1000 }, () => format.make("live")));
  const randomDigits = 60 - 11 - 6;
  expect(randomDigits * Math.log2(62)).toBeGreaterThanOrEqual(256);
  expect(new Set(keys).size).toBe(1000);
  for (let index = randomStart; index < randomStart + randomDigits; index += 1) {
    // Of 1000 draws from 62 digits all but a few are seen; a fixed or a narrow digit would show at once.
    expect(new Set(keys.map((key) => key[index])).size, `digit ${index}`).toBeGreaterThan(55);
  }
});

test("every digit put in the place of any other is refused offline", async () => {
  const key = await format.make("live");
  for (let index = 0; index < key.length; index += 1) {
    for (const digit of `${digits}_ `) {
      if (digit === key[index]) continue;
      const changed = key.slice(0, index) + digit + key.slice(index + 1);
      const verdict = await format.check(changed);
      expect(verdict.ok, `${digit} at ${index}`).toBe(false);
    }
  }
});

test("any one character changed, added or lost, and any two neighbours exchanged, is refused as malformed or forged", async () => {
  const edit = fc.record({
    environment: fc.constantFrom(...environments),
    at: fc.nat({ max: 68 }),
    letter: fc.string({ minLength: 1, maxLength: 1, unit: "binary" }),
    kind: fc.constantFrom("change", "add", "lose", "exchange"),
  });
  await fc.assert(
    fc.asyncProperty(edit, async ({ environment, at, letter, kind }) => {
      const key = await format.make(environment);
      const [before, here, after] = [key.slice(0, at), key.slice(at, at + 1), key.slice(at + 1)];
      const edited = {
        change: before + letter + after,
        add: before + letter + here + after,
        lose: before + after,
        exchange: before + after.slice(0, 1) + here + after.slice(1),
      }[kind];
      fc.pre(edited !== key);
      const verdict = await format.check(edited);
      expect(verdict).toEqual({ ok: false, reason: expect.stringMatching(/^(malformed|forged)$/) });
    }),
    { numRuns: 400 },
  );
});

test("a typing error is malformed even where the forger's CRC would be right: only the tag is left to find that", async () => {
  const key = await format.make("live");
  const typed = `${key.slice(0, 20)}${key[20] === "a" ? "b" : "a"}${key.slice(21)}`;
  expect(await format.check(typed)).toEqual({ ok: false, reason: "malformed" });
  expect(await format.check(withRightCrc(typed))).toEqual({ ok: false, reason: "forged" });
});

test("a key tagged with another secret is forged although its CRC is right", async () => {
  const other = await createKeyFormat([secret(1)]);
  for (let round = 0; round < 100; round += 1) {
    const key = await other.make("live");
    expect(key).toBe(withRightCrc(key));
    expect(await format.check(key)).toEqual({ ok: false, reason: "forged" });
  }
});

test("a test key relabelled as a live one is forged: the tag covers the environment", async () => {
  const key = await format.make("test");
  expect(await format.check(withRightCrc(key.replace("gk_test_", "gk_live_")))).toEqual({
    ok: false,
    reason: "forged",
  });
});

test("during a rotation of the tag secret both are accepted, the newest makes, and the dropped one is refused", async () => {
  const [older, newer] = [secret(1), secret(2)];
  const [before, during, after] = await Promise.all([
    createKeyFormat([older]),
    createKeyFormat([newer, older]),
    createKeyFormat([newer]),
  ]);
  const oldKey = await before.make("live");
  const newKey = await during.make("live");

  expect(await during.check(oldKey)).toEqual({ ok: true, environment: "live" });
  expect(await during.check(newKey)).toEqual({ ok: true, environment: "live" });
  expect(await after.check(newKey)).toEqual({ ok: true, environment: "live" });
  expect(await after.check(oldKey)).toEqual({ ok: false, reason: "forged" });
  expect(await before.check(newKey)).toEqual({ ok: false, reason: "forged" });
});

test("look-alikes of a key are malformed: other case, spaces, line ends, letters of other alphabets, double length", async () => {
  const key = await format.make("live");
  const cyrillic = key.replace("gk_live_", "gk_l\u0456ve_");
  const wide = `${key.slice(0, -1)}\uff21`;
  const spoilt = [key.toUpperCase(), ` ${key}`, `${key} `, `${key}\n`, `\n${key}`, key + key, `${key}\0`];
  for (const text of [...spoilt, cyrillic, wide, "", "gk_live_", key.replace("live", "prod")]) {
    expect(await format.check(text), JSON.stringify(text)).toEqual({ ok: false, reason: "malformed" });
  }
});

test("a key is found inside any text, and what may be shown of it leaves at least 232 random bits unsaid", async () => {
  const key = await format.make("test");
  expect(keyAnywhere.exec(`https://x.test/?q=${key}&z=1`)?.[0]).toBe(key);
  expect(keyAnywhere.test(key.slice(0, -1))).toBe(false);
  const shown = displayPrefixOf(key);
  expect(shown).toBe(key.slice(0, randomStart + 4));
  expect((43 - 4) * Math.log2(62)).toBeGreaterThan(232);
});

test("a format without a tag secret cannot be made", async () => {
  await expect(createKeyFormat([])).rejects.toThrow("at least one tag secret");
});
