import { argon2Sync } from "node:crypto";
import { expect, test } from "vitest";
import { compileArgon2 } from "../../scripts/stack/argon2-module.ts";
import { createHashGate } from "../../src/crypto/hash-gate.ts";
import { createPasswordHash } from "../../src/crypto/password-hash.ts";

const bytes = (value: number, length: number) => Buffer.alloc(length, value);

/** The independent implementation that ours is held against, itself held against the standard's own vector. */
test("OpenSSL's Argon2id gives the tag of RFC 9106 §5.3", () => {
  const tag = argon2Sync("argon2id", {
    message: bytes(1, 32),
    nonce: bytes(2, 16),
    secret: bytes(3, 8),
    associatedData: bytes(4, 12),
    parallelism: 4,
    tagLength: 32,
    memory: 32,
    passes: 3,
  });
  expect(tag.toString("hex")).toBe("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
});

/** What Argon2 is given is the keyed text, so a pepper's HMAC is made here by hand as well. */
async function expected(password: string, stored: string, pepper: Uint8Array | string): Promise<string> {
  const { createHmac } = await import("node:crypto");
  const text = createHmac("sha256", pepper).update(password.normalize("NFC")).digest("base64url");
  const [, , , cost = "", salt = ""] = stored.split("$");
  const [memory, passes, parallelism] = [...cost.matchAll(/\d+/g)].map(Number);
  return argon2Sync("argon2id", {
    message: text,
    nonce: Buffer.from(salt, "base64"),
    parallelism: parallelism ?? 0,
    tagLength: 32,
    memory: memory ?? 0,
    passes: passes ?? 0,
  })
    .toString("base64")
    .replace(/=+$/, "");
}

test("whatever the cost, the pepper and the password, our hash is the one of OpenSSL's Argon2id (RFC 9106 §3)", async () => {
  const argon2 = await compileArgon2();
  const gate = createHashGate({ now: () => Date.now() });
  const costs = [
    { memoryKib: 19_456, passes: 2, lanes: 1 },
    { memoryKib: 32, passes: 3, lanes: 4 },
    { memoryKib: 1024, passes: 1, lanes: 2 },
  ];
  const secret = new Uint8Array(32).map((_, index) => index * 5 + 1);
  for (const cost of costs) {
    for (const password of ["", "correct horse battery staple", "pässwörd 👩‍🚀 ".repeat(15), "a\u0000b"]) {
      const plain = await createPasswordHash({ argon2, peppers: [], gate, cost }).hash(password);
      expect(plain.split("$")[5]).toBe(await expected(password, plain, "gatehouse password without pepper"));
      const peppers = [{ version: 7, secret }];
      const keyed = await createPasswordHash({ argon2, peppers, gate, cost }).hash(password);
      expect(keyed.split("$")[5]).toBe(await expected(password, keyed, secret));
    }
  }
});

/** The reference implementation's own table (`src/test.c`), which has no secret and no associated data. */
const reference = [
  [2, 16, 1, "password", "somesalt", "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"],
  [2, 8, 1, "password", "somesalt", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
  [2, 8, 2, "password", "somesalt", "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"],
  [1, 16, 1, "password", "somesalt", "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"],
  [4, 16, 1, "password", "somesalt", "9025d48e68ef7395cca9079da4c4ec3affb3c8911fe4f86d1a2520856f63172c"],
  [
    2,
    16,
    1,
    "differentpassword",
    "somesalt",
    "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde",
  ],
  [2, 16, 1, "password", "diffsalt", "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"],
] as const;

test("the compiled module gives the tags of the reference implementation", async () => {
  const { default: Argon2 } = await import("@phi-ag/argon2");
  const compiled = new Argon2(new WebAssembly.Instance(await compileArgon2()));
  for (const [timeCost, logMemory, parallelism, password, salt, tag] of reference) {
    const { hash } = compiled.hash(password, {
      salt: Buffer.from(salt),
      timeCost,
      memoryCost: 2 ** logMemory,
      parallelism,
      hashLength: 32,
    });
    expect(Buffer.from(hash).toString("hex"), `${timeCost} ${logMemory} ${parallelism} ${password}`).toBe(
      tag,
    );
  }
});
