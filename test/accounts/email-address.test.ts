import { expect, test } from "vitest";
import { parseEmailAddress } from "../../src/accounts/email-address.ts";

const canonicalOf = (input: unknown) => parseEmailAddress(input)?.canonical ?? null;

test("spellings that a font, a keyboard or a change of case confuses are one canonical address (RFC 5322 §3.4.1, RFC 5891 §4.4)", () => {
  const spellings = [
    "mike@example.com",
    "Mike@Example.COM",
    " mike@example.com ",
    "mike@example.com.",
    "ｍｉｋｅ@example.com",
    "mike＠example.com",
    "mike@ｅｘａｍｐｌｅ.com",
    "mike@example。com",
    "mi\u212Ae@example.com",
    "mi\u200Bke@example.com",
    "mi\u00ADke@exam\u2060ple.com",
    "\uFEFFmike@example.com",
  ];
  for (const spelling of spellings)
    expect([spelling, canonicalOf(spelling)]).toEqual([spelling, "mike@example.com"]);
});

test("what only looks like a letter of ASCII is no address: it can be neither a second account nor somebody else's", () => {
  for (const lookAlike of [
    "m\u0131ke@example.com",
    "mіke@example.com",
    "mi\u0301ke@example.com",
    "mike\u0000@example.com",
  ])
    expect([lookAlike, parseEmailAddress(lookAlike)]).toEqual([lookAlike, null]);
});

test("an internationalised domain is kept as its A-labels, composed or not (RFC 5891 §4.4)", () => {
  expect(canonicalOf("info@bücher.example")).toBe("info@xn--bcher-kva.example");
  expect(canonicalOf("info@bu\u0308cher.example")).toBe("info@xn--bcher-kva.example");
  expect(canonicalOf("info@XN--BCHER-KVA.example")).toBe("info@xn--bcher-kva.example");
});

test("an address keeps the case its owner gave it, and is compared without", () => {
  expect(parseEmailAddress("Ana.Lopez+shop@Example.com")).toEqual({
    email: "Ana.Lopez+shop@example.com",
    canonical: "ana.lopez+shop@example.com",
  });
});

test("several addresses, lists, names, controls, escapes, routes and literal hosts are refused (RFC 5322 §3.4.1)", () => {
  const refused: unknown[] = [
    ["a@example.com", "b@example.com"],
    { email: "a@example.com" },
    null,
    7,
    "",
    "a",
    "@example.com",
    "a@",
    "a@example",
    "a@@example.com",
    "a@b@example.com",
    "a@example.com,b@example.com",
    "a@example.com;b@example.com",
    "a@example.com b@example.com",
    "Ana <a@example.com>",
    "a@example.com\r\nBcc: b@example.com",
    "a\n@example.com",
    "a%40evil.test@example.com",
    "evil.test!a@example.com",
    "a%0d%0abcc:b@example.com",
    '"a b"@example.com',
    "a@[192.0.2.1]",
    "a@192.0.2.1",
    "a@0x7f.1",
    "a@example.com/path",
    "a@example.com:25",
    "a@-example.com",
    "a..b@example.com",
    ".a@example.com",
    "a.@example.com",
    "a@exa_mple.com",
    "a@\uD800example.com",
  ];
  for (const input of refused) expect([input, parseEmailAddress(input)]).toEqual([input, null]);
});

test("an address is as long as mail systems take it, and no longer (RFC 5321 §4.5.3.1)", () => {
  expect(canonicalOf(`${"a".repeat(64)}@example.com`)).not.toBeNull();
  expect(canonicalOf(`${"a".repeat(65)}@example.com`)).toBeNull();
  const label = "b".repeat(61);
  expect(canonicalOf(`a@${label}.${label}.${label}.${label}.co`)).toBe(
    `a@${label}.${label}.${label}.${label}.co`,
  );
  expect(canonicalOf(`abcdefgh@${label}.${label}.${label}.${label}.co`)).toBeNull();
  expect(canonicalOf(`a@${"b".repeat(64)}.com`)).toBeNull();
  expect(canonicalOf(`${"a".repeat(1_000_000)}@example.com`)).toBeNull();
});
