import fc from "fast-check";
import { expect, test } from "vitest";
import { base64url, equalInConstantTime, fromBase64url, hex, utf8 } from "../../src/crypto/bytes.ts";

/** RFC 4648 §10 gives these for base64; RFC 4648 §5 leaves the padding out and changes two letters of the alphabet. */
const vectors = [
  ["f", "Zg"],
  ["fo", "Zm8"],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg"],
  ["fooba", "Zm9vYmE"],
  ["foobar", "Zm9vYmFy"],
] as const;

test("the published vectors encode without padding and decode with and without it (RFC 4648 §5)", () => {
  expect(base64url(utf8(""))).toBe("");
  for (const [plain, encoded] of vectors) {
    expect(base64url(utf8(plain))).toBe(encoded);
    expect(fromBase64url(encoded)).toEqual(utf8(plain));
    expect(fromBase64url(encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "="))).toEqual(utf8(plain));
  }
});

test("the values 62 and 63 are - and _ and never + and /, which mean something in URLs (RFC 4648 §5)", () => {
  const bytes = Uint8Array.from([0xfb, 0xff, 0xbf]);
  expect(base64url(bytes)).toBe("-_-_");
  expect(fromBase64url("-_-_")).toEqual(bytes);
  expect(fromBase64url("+/+/")).toEqual(bytes);
});

test("any bytes come back as they were, in letters that need no escaping in a URL", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
      const text = base64url(bytes);
      expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(fromBase64url(text)).toEqual(bytes);
    }),
  );
});

test("what is neither base64 nor base64url is null and never a guess", () => {
  for (const text of ["", "=", "A", "AAAAA", "Zg===", "Z=g", "Zm 9v", "Zm9v\n", "Zm9v.", "Zm9vé", "%5A"]) {
    expect(fromBase64url(text), JSON.stringify(text)).toBeNull();
  }
});

test("hex is lower case and two digits a byte, for every byte", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const text = hex(all);
  expect(text).toMatch(/^([0-9a-f]{2}){256}$/);
  expect(text.match(/../g)?.map((pair) => Number.parseInt(pair, 16))).toEqual([...all]);
});

test("the constant-time comparison says equal for equal texts and for no others", () => {
  const text = fc.oneof(fc.string({ maxLength: 20, unit: "binary" }), fc.string({ maxLength: 80 }));
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(equalInConstantTime(a, b)).toBe(a === b);
      expect(equalInConstantTime(a, a)).toBe(true);
    }),
    { examples: [["", "a"]] },
  );
});

test("one changed character anywhere makes the comparison fail", () => {
  const place = fc.tuple(
    fc.string({ minLength: 1, maxLength: 64 }),
    fc.nat(),
    fc.integer({ min: 1, max: 0xffff }),
  );
  fc.assert(
    fc.property(place, ([text, at, flip]) => {
      const index = at % text.length;
      const other = String.fromCharCode(text.charCodeAt(index) ^ flip);
      const changed = text.slice(0, index) + other + text.slice(index + 1);
      expect(equalInConstantTime(changed, text)).toBe(false);
    }),
  );
});

test("a repetition, a beginning and an empty text are not equal to the text they are made of", () => {
  for (const [presented, expected] of [
    ["abab", "ab"],
    ["ab", "abab"],
    ["a", ""],
    ["", "a"],
    ["abc", "ab"],
    ["\0", ""],
  ] as const) {
    expect(equalInConstantTime(presented, expected), `${presented} beside ${expected}`).toBe(false);
  }
});
