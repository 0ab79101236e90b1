import { describe, expect, test } from "vitest";
import type { Bytes } from "../../src/crypto/bytes.ts";
import { createAuthenticator, joined, type RegisterDeviations } from "../support/authenticator.ts";
import { makeAuthenticatorKey } from "../support/authenticator-keys.ts";
import { type Encodable, encodeCbor } from "../support/cbor.ts";
import { givenRelyingParty, origin, rpId } from "../support/given-passkeys.ts";

/** WA-06, WebAuthn L3 §7.1: what is malformed is refused, never thrown, and costs no more than reading it. */
const { passkeys, creation } = givenRelyingParty();
const refusalOf = async (more: RegisterDeviations) => {
  const sent = await createAuthenticator({ rpId, origin }).register(creation, more);
  const result = await passkeys.verifyRegistration(sent, creation.challenge);
  return result.ok ? "accepted" : result.reason;
};
const bytes = (...values: number[]): Bytes => new Uint8Array(values);
const es256 = (x: Bytes, y: Bytes, change: [number, Encodable][] = []) =>
  encodeCbor(new Map<number, Encodable>([[1, 2], [3, -7], [-1, 1], [-2, x], [-3, y], ...change]));
const thirtyTwo = (fill: number): Bytes => new Uint8Array(32).fill(fill);

describe("attestation objects", () => {
  const prefix = (head: Bytes) => (object: Bytes) => joined(head, object);
  const instead = (value: Encodable) => (): Bytes =>
    value instanceof Uint8Array ? joined(value) : encodeCbor(value);
  const map = (...entries: [string, Encodable][]) => new Map<string, Encodable>(entries);
  const deep = bytes(...Array.from({ length: 20_000 }, () => 0x81), 0);

  test.each<[string, (object: Bytes) => Bytes]>([
    ["one byte more", (object) => joined(object, bytes(0))],
    ["a second item", (object) => joined(object, object)],
    ["a byte less", (object) => object.slice(0, -1)],
    ["half of it", (object) => object.slice(0, object.length >> 1)],
    ["a tag around it", prefix(bytes(0xc1))],
    ["an array around it", prefix(bytes(0x81))],
    ["a map of indefinite length", (object) => joined(bytes(0xbf), object.slice(1), bytes(0xff))],
    ["more entries than there are", (object) => joined(bytes(0xa4), object.slice(1))],
    ["fewer entries than there are", (object) => joined(bytes(0xa2), object.slice(1))],
    ["a count of four thousand million", prefix(bytes(0xba, 255, 255, 255, 255))],
    ["a length of 64 bits", prefix(bytes(0x5b, 255, 255, 255, 255, 255, 255, 255, 255))],
    ["twenty thousand arrays in each other", instead(deep)],
    ["a float", instead(bytes(0xfb, 0, 0, 0, 0, 0, 0, 0, 0))],
    ["a text that is not UTF-8", instead(bytes(0xa1, 0x62, 0xc3, 0x28, 0))],
    ["a number", instead(7)],
    ["an empty map", instead(map())],
    ["data that is a text", instead(map(["fmt", "none"], ["attStmt", map()], ["authData", "x"]))],
    ["no data to speak of", instead(map(["fmt", "none"], ["attStmt", map()], ["authData", bytes()]))],
    ["a format that is a number", instead(map(["fmt", 7], ["attStmt", map()], ["authData", bytes()]))],
    ["reserved simple values", instead(bytes(0xf8, 0x20))],
  ])("%s: refused as malformed", async (_, alter) => {
    expect(await refusalOf({ alter })).toBe("malformed");
  });

  test("a name said twice, or a fourth name, is refused", async () => {
    const twice = (object: Bytes) =>
      joined(bytes(0xa4), encodeCbor("fmt"), encodeCbor("none"), object.slice(1));
    const fourth = (object: Bytes) => joined(bytes(0xa4), encodeCbor("x"), encodeCbor(1), object.slice(1));
    expect(await refusalOf({ alter: twice })).toBe("malformed");
    expect(await refusalOf({ alter: fourth })).toBe("malformed");
  });

  test.each(["android-safetynet", "android-key", "apple", "compound", "made-up", "None", ""])(
    "the format %s is not verified here, and refused",
    async (format) => {
      const alter = (object: Bytes) =>
        joined(bytes(0xa3), encodeCbor("fmt"), encodeCbor(format), object.slice(1 + 4 + 5));
      expect(await refusalOf({ alter })).toBe("malformed");
    },
  );

  test("a statement that proves nothing, or not this, is refused", async () => {
    const swap = (format: string, statement: Encodable) => (object: Bytes) =>
      joined(
        bytes(0xa3),
        encodeCbor("fmt"),
        encodeCbor(format),
        encodeCbor("attStmt"),
        encodeCbor(statement),
        object.slice(1 + 4 + 5 + 8 + 1),
      );
    const none = new Map<string, Encodable>();
    const alien = new Map<string, Encodable>([
      ["alg", -7],
      ["sig", new Uint8Array(70)],
    ]);
    const certified = new Map<string, Encodable>([...alien, ["x5c", [new Uint8Array(600)]]]);
    for (const [format, statement] of [
      ["none", alien],
      ["packed", none],
      ["packed", alien],
      ["packed", certified],
      ["packed", new Map<string, Encodable>([...alien, ["x5c", []]])],
      ["fido-u2f", none],
      ["fido-u2f", certified],
      ["tpm", none],
      ["tpm", certified],
    ] as const) {
      expect([format, await refusalOf({ alter: swap(format, statement) })]).toEqual([
        format,
        "bad_attestation",
      ]);
    }
  });
});

describe("keys", () => {
  test("a point that is off the curve is no key, with or without an attestation", async () => {
    const { cose } = await makeAuthenticatorKey("ES256");
    for (let at = cose.length - 32; at < cose.length; at += 5) {
      const off = cose.slice();
      off[at] = (off[at] ?? 0) ^ 1;
      expect(await refusalOf({ coseKey: off })).toBe("bad_key");
      expect(await refusalOf({ coseKey: off, attestation: "packed-self" })).toBe("bad_key");
    }
    for (const fill of [0, 1, 255])
      expect(await refusalOf({ coseKey: es256(thirtyTwo(fill), thirtyTwo(fill)) })).toBe("bad_key");
  });

  test.each([-6, -8, -35, -36, -37, -38, -39, -47, -48, -65_535, -258, -259, 0, 7, -7.5, "ES256"])(
    "the algorithm %s with the key of another is refused",
    async (algorithm) => {
      if (typeof algorithm === "number" && !Number.isInteger(algorithm)) {
        const half = joined(
          bytes(0xa5, 1, 2, 3, 0xf9, 0xc7, 0x80),
          es256(thirtyTwo(1), thirtyTwo(2)).slice(5),
        );
        expect(await refusalOf({ coseKey: half })).toBe("malformed");
        return;
      }
      const key = new Map<number, Encodable>([
        [1, 2],
        [3, algorithm],
        [-1, 1],
        [-2, thirtyTwo(1)],
        [-3, thirtyTwo(2)],
      ]);
      expect(await refusalOf({ coseKey: encodeCbor(key) })).toBe(
        algorithm === -8 ? "bad_key" : "bad_algorithm",
      );
    },
  );

  test("a key that is not exactly of its kind is refused: another curve, short, long, more or fewer members", async () => {
    const modulus = (size: number, first = 0x80) => new Uint8Array(size).fill(0xff).fill(first, 0, 1);
    const rsa = (n: Bytes, e: Bytes) =>
      encodeCbor(
        new Map<number, Encodable>([
          [1, 3],
          [3, -257],
          [-1, n],
          [-2, e],
        ]),
      );
    const exponent = bytes(1, 0, 1);
    const { cose } = await makeAuthenticatorKey("ES256");
    const [x, y] = [cose.slice(-67, -35), cose.slice(-32)];
    const okp = (entries: [number, Encodable][]) => encodeCbor(new Map<number, Encodable>(entries));
    const keys: readonly Bytes[] = [
      es256(x.slice(1), y),
      es256(x, joined(y, bytes(0))),
      es256(x, y, [[-4, thirtyTwo(1)]]),
      es256(x, y, [[4, [1]]]),
      okp([
        [1, 2],
        [3, -7],
        [-1, 2],
        [-2, x],
        [-3, y],
      ]),
      okp([
        [1, 2],
        [3, -7],
        [-1, 8],
        [-2, x],
        [-3, y],
      ]),
      okp([
        [1, 1],
        [3, -7],
        [-1, 1],
        [-2, x],
        [-3, y],
      ]),
      okp([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, x],
      ]),
      okp([
        [1, 1],
        [3, -8],
        [-1, 4],
        [-2, x],
      ]),
      okp([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, x.slice(1)],
      ]),
      okp([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, x],
        [-3, y],
      ]),
      rsa(modulus(128), exponent),
      rsa(modulus(255), exponent),
      rsa(modulus(513), exponent),
      rsa(modulus(256, 0), exponent),
      rsa(modulus(256), bytes(1)),
      rsa(modulus(256), bytes(3)),
      rsa(modulus(256), bytes(0, 0, 1)),
      rsa(modulus(256), bytes(1, 0, 1, 0)),
    ];
    for (const coseKey of keys) expect(await refusalOf({ coseKey })).toBe("bad_key");
    expect(await refusalOf({ coseKey: es256(x, y) })).toBe("accepted");
    for (const coseKey of [bytes(), bytes(0xa5), encodeCbor([1, 2]), joined(es256(x, y), bytes(0))])
      expect(["malformed", "wrong_credential"]).toContain(await refusalOf({ coseKey }));
  });
});
