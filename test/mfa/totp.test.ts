import { TOTP } from "otpauth/slim";
import { expect, test } from "vitest";
import { newTotpSecret, stepOf } from "../../src/mfa/factors/totp.ts";

/** RFC 6238 appendix B, SHA-1: the secret "12345678901234567890", and the last six of each code's eight digits. */
const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const vectors = [
  [59, "287082"],
  [1_111_111_109, "081804"],
  [1_111_111_111, "050471"],
  [1_234_567_890, "005924"],
  [2_000_000_000, "279037"],
  [20_000_000_000, "353130"],
] as const;
const asked = (seconds: number, more: { window?: number; after?: number } = {}) => ({
  secret,
  at: seconds * 1000,
  window: 1,
  after: 0,
  ...more,
});

for (const [seconds, code] of vectors) {
  test(`RFC 6238 appendix B: at ${seconds} seconds the code is ${code}`, () => {
    const step = Math.floor(seconds / 30);
    expect(stepOf(code, asked(seconds, { window: 0 }))).toBe(step);
    expect(stepOf(`${code.slice(0, 3)} ${code.slice(3)}`, asked(seconds))).toBe(step);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
    expect(stepOf(wrong, asked(seconds))).toBeNull();
  });
}

test("RFC 6238 §5.2: a code of one step before or after is taken, of two not, and with a window of 0 only its own", () => {
  const [at, code] = vectors[2];
  for (const away of [-30, 30]) {
    expect(stepOf(code, asked(at + away))).toBe(Math.floor(at / 30));
    expect(stepOf(code, asked(at + away, { window: 0 }))).toBeNull();
  }
  for (const away of [-90, 90]) expect(stepOf(code, asked(at + away))).toBeNull();
});

test("RFC 6238 §5.2: a step that was accepted is not found again, nor one before it", () => {
  const [at, code] = vectors[2];
  const step = Math.floor(at / 30);
  expect(stepOf(code, asked(at, { after: step }))).toBeNull();
  expect(stepOf(code, asked(at, { after: step + 1 }))).toBeNull();
  expect(stepOf(code, asked(at, { after: step - 1 }))).toBe(step);
});

test.each(["SHA256", "SHA512", "SHA3-256"])(
  "SHA-1 is all that is deployed of the library: what asks it for %s throws, and gets no code",
  (algorithm) => {
    const ask = () => new TOTP({ algorithm }).generate({ timestamp: 59_000 });
    expect(ask).toThrow();
  },
);

test("nothing but six ASCII digits is a code", () => {
  const [at] = vectors[2];
  for (const text of [
    "",
    "05047",
    "0504711",
    "05047a",
    "٠٥٠٤٧١",
    "０５０４７１",
    "+50471",
    "5e4710",
    "050471\n0",
  ])
    expect(stepOf(text, asked(at)), text).toBeNull();
});

test("RFC 4226 §4: a new secret has 160 bits, and its address says what RFC 6238 §4 leaves to agree on", () => {
  const made = newTotpSecret({ issuer: "Acme: Inc", account: "ada@example.com" });
  expect(made.secret).toMatch(/^[A-Z2-7]{32}$/);
  const url = new URL(made.uri);
  expect([url.protocol, url.host]).toEqual(["otpauth:", "totp"]);
  expect(decodeURIComponent(url.pathname)).toBe("/Acme  Inc:ada@example.com");
  expect(Object.fromEntries(url.searchParams)).toEqual({
    issuer: "Acme  Inc",
    secret: made.secret,
    algorithm: "SHA1",
    digits: "6",
    period: "30",
  });
  expect(newTotpSecret({ issuer: "a", account: "b" }).secret).not.toBe(made.secret);
});
