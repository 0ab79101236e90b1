import fc from "fast-check";
import { expect, test } from "vitest";
import { isAddressAllowed, parseRange } from "../../src/api-keys/addresses.ts";

test("an address is a range of one, and a range keeps its length", () => {
  for (const [given, canonical] of [
    ["192.0.2.1", "192.0.2.1/32"],
    ["192.0.2.0/24", "192.0.2.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["192.0.2.7/024", "192.0.2.7/24"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["2001:DB8:0:0:0:0:0:1/64", "2001:db8::1/64"],
    ["::/0", "::/0"],
  ] as const) {
    expect(parseRange(given), given).toBe(canonical);
  }
});

test("a spelling that two readers could take for two networks is refused", () => {
  const shortened = ["10", "10.1", "10.1/16", "10.1.2/24", "2130706433", "0x7f.0.0.1", "0x7f000001"];
  const octal = ["010.0.0.1", "192.0.02.1", "192.000.2.1", "::ffff:010.0.0.1", "::ffff:0x7f.0.0.1"];
  const deprecated = ["::192.0.2.1", "::192.0.2.1/128", "fe80::1%eth0", "fe80::1%1/64"];
  for (const text of [...shortened, ...octal, ...deprecated]) expect(parseRange(text), text).toBeNull();
});

test("what is no address or no range is refused", () => {
  const addresses = [
    "",
    " ",
    "a",
    "256.0.0.1",
    "192.0.2.1.1",
    "2001:db8::g",
    "1::2::3",
    ":::",
    "192.0.2.1:80",
  ];
  const lengths = ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/8/8", "192.0.2.0/1e1", "::/129"];
  const disguised = [
    "192.0.2.1 ",
    " 192.0.2.1",
    "192.0.2.1\n",
    "192.0.2.0/ 24",
    "[2001:db8::1]",
    "١٩٢.0.2.1",
  ];
  for (const text of [...addresses, ...lengths, ...disguised, `::${"0".repeat(70)}1`]) {
    expect(parseRange(text), JSON.stringify(text)).toBeNull();
  }
});

test("no ranges let every address pass, even one that is not known", () => {
  expect(isAddressAllowed("192.0.2.1", [])).toBe(true);
  expect(isAddressAllowed("unknown", [])).toBe(true);
});

test("an address passes by one matching range of several, to its last bit", () => {
  const ranges = ["192.0.2.128/25", "198.51.100.7/32", "2001:db8:1::/48"];
  for (const inside of ["192.0.2.128", "192.0.2.255", "198.51.100.7", "2001:db8:1::", "2001:db8:1:ffff::1"]) {
    expect(isAddressAllowed(inside, ranges), inside).toBe(true);
  }
  for (const outside of ["192.0.2.127", "192.0.3.0", "198.51.100.6", "2001:db8:2::", "2001:db8:0:ffff::"]) {
    expect(isAddressAllowed(outside, ranges), outside).toBe(false);
  }
});

test("membership is what the bits say, for any IPv4 address and any length", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 32 }), fc.boolean(), (network, other, length, near) => {
      // Half of the time an address that differs in its last bits only, since random ones hardly ever match.
      const address = near ? (network ^ (other >>> Math.min(31, length))) >>> 0 : other;
      const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
      const range = parseRange(`${dotted(network)}/${length}`);
      expect(range).not.toBeNull();
      expect(isAddressAllowed(dotted(address), [range ?? ""])).toBe((network & mask) === (address & mask));
    }),
  );
});

test("an IPv4 caller and an IPv6 caller never pass by a range of the other kind", () => {
  expect(isAddressAllowed("192.0.2.1", ["::/0"])).toBe(false);
  expect(isAddressAllowed("2001:db8::1", ["0.0.0.0/0"])).toBe(false);
});

test("an IPv4-mapped address is the IPv4 address it carries, in the caller's spelling and in the range's (RFC 4291 §2.5.5.2)", () => {
  for (const caller of ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]) {
    for (const range of ["192.0.2.0/24", "::ffff:192.0.2.0/120", "::ffff:c000:201", "::ffff:0:0/96"]) {
      expect(isAddressAllowed(caller, [parseRange(range) ?? ""]), `${caller} in ${range}`).toBe(true);
    }
    expect(isAddressAllowed(caller, [parseRange("::ffff:192.0.3.0/120") ?? ""]), caller).toBe(false);
  }
  expect(parseRange("::ffff:192.0.2.0/120")).toBe("192.0.2.0/24");
});

test("a caller whose address cannot be read, or could be read in two ways, is not allowed anywhere", () => {
  const unread = ["", "unknown", "localhost", "127.1", "2130706433", "010.0.0.1", "0x0a.0.0.1", "::10.0.0.1"];
  for (const address of [...unread, "10.0.0.1, 10.0.0.2", "10.0.0.1:443", "::ffff:012.0.0.1"]) {
    expect(isAddressAllowed(address, ["0.0.0.0/0", "::/0"]), address).toBe(false);
  }
});
