import { expect, test, vi } from "vitest";
import { base62, base62OfNumber, randomBase62 } from "../../src/crypto/base62.ts";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The other direction, written apart from the code under test. */
const numberOf = (text: string): bigint =>
  [...text].reduce((value, digit) => value * 62n + BigInt(digits.indexOf(digit)), 0n);

test("a number has exactly the asked width, most significant digit first", () => {
  expect(base62(0n, 4)).toBe("0000");
  expect(base62(61n, 1)).toBe("z");
  expect(base62(62n, 3)).toBe("010");
  expect(base62(62n ** 3n - 1n, 3)).toBe("zzz");
});

test("the largest tag and the largest CRC fit the digits they have in a key, and nothing of them is lost", () => {
  const largestTag = 2n ** 64n - 1n;
  const largestCrc = 2 ** 32 - 1;
  expect(numberOf(base62(largestTag, 11))).toBe(largestTag);
  expect(numberOf(base62OfNumber(largestCrc, 6))).toBe(BigInt(largestCrc));
  expect(base62(largestTag, 11)).toHaveLength(11);
  expect(base62OfNumber(largestCrc, 6)).toHaveLength(6);
});

test("both encoders agree on every power of two that a double holds exactly", () => {
  for (let bit = 0; bit < 53; bit += 1) {
    expect(base62OfNumber(2 ** bit, 10), `2^${bit}`).toBe(base62(2n ** BigInt(bit), 10));
  }
});

test("random text has the asked length and no character outside base62", () => {
  for (const length of [0, 1, 22, 43, 500]) {
    expect(randomBase62(length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`));
  }
});

test("the bytes 248 to 255 are thrown away, and the bytes after them are used instead", () => {
  const rounds = [
    [255, 254, 253, 252, 251, 250, 249, 248],
    [247, 248, 0, 61, 62, 9, 9, 9],
  ];
  const source = vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
    (array as Uint8Array).set(rounds.shift() ?? []);
    return array;
  });
  try {
    // 247 = 3 * 62 + 61 is the last byte that favours no digit; a folded 248 would have begun the text with a 0.
    expect(randomBase62(4)).toBe("z0z0");
    expect(rounds).toHaveLength(0);
  } finally {
    source.mockRestore();
  }
});

/**
 * Chi-squared over 62 digits: 61 degrees of freedom, mean 61. By chance above 140 once in 10^7 runs; with the eight
 * favoured digits of a plain `byte % 62` it would be about 900 here.
 */
test("no digit is favoured", () => {
  const text = Array.from({ length: 4000 }, () => randomBase62(31)).join("");
  const counts = new Map<string, number>();
  for (const digit of text) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  const expected = text.length / 62;
  const chiSquared = [...digits].reduce(
    (sum, digit) => sum + ((counts.get(digit) ?? 0) - expected) ** 2 / expected,
    0,
  );
  expect(chiSquared).toBeLessThan(140);
  expect(counts.size).toBe(62);
});
