import argon2 from "@phi-ag/argon2/argon2.wasm";
import { expect, test } from "vitest";
import { createHashGate, waitingMax, waitingMaxOfOne } from "../../src/crypto/hash-gate.ts";
import { createPasswordHash, type HashCost, standardCost } from "../../src/crypto/password-hash.ts";
import type { VersionedSecrets } from "../../src/crypto/versioned-secrets.ts";
import { createClock } from "../support/clock.ts";

const pepper = (version: number) => ({
  version,
  secret: crypto.getRandomValues(new Uint8Array(32)),
});
const small: HashCost = { memoryKib: 64, passes: 1, lanes: 1 };

function givenHash(peppers: VersionedSecrets = [], cost: HashCost = small) {
  const gate = createHashGate({ now: createClock().now });
  return createPasswordHash({ argon2, peppers, gate, cost });
}

test("a password rests as Argon2id with the standard cost, its parameters and its pepper's version beside it (RFC 9106 §3, RFC 9106 §4)", async () => {
  const hash = givenHash([pepper(3)], standardCost);
  const stored = await hash.hash("correct horse battery staple");
  expect(stored).toMatch(/^3\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await hash.verify("correct horse battery staple", stored)).toEqual({
    matches: true,
    needsUpgrade: false,
  });
  expect((await hash.verify("correct horse battery stable", stored)).matches).toBe(false);
});

test("two hashes of one password share nothing", async () => {
  const hash = givenHash();
  const [one, other] = [await hash.hash("same"), await hash.hash("same")];
  expect(one.split("$")[4]).not.toBe(other.split("$")[4]);
  expect(one.split("$")[5]).not.toBe(other.split("$")[5]);
});

test("a password in NFD is the one in NFC, and every other difference counts, to the last byte (RFC 8265 §4.2.2)", async () => {
  const hash = givenHash();
  const stored = await hash.hash("café ångström 👩‍🚀 passphrase");
  expect((await hash.verify("café ångström 👩‍🚀 passphrase".normalize("NFD"), stored)).matches).toBe(true);
  expect((await hash.verify("cafe angstrom 👩‍🚀 passphrase", stored)).matches).toBe(false);

  const long = "é".repeat(255);
  const storedLong = await hash.hash(`${long}a`);
  expect((await hash.verify(`${long}b`, storedLong)).matches).toBe(false);
  expect((await hash.verify(`${long}a`, storedLong)).matches).toBe(true);
  const zero = await hash.hash("with\u0000zero");
  expect((await hash.verify("with\u0000other", zero)).matches).toBe(false);
});

test("the newest pepper hashes, an older one still opens and asks to be replaced, a lost one is told as such", async () => {
  const [first, second] = [pepper(1), pepper(2)];
  const before = givenHash([first]);
  const after = givenHash([second, first]);
  const stored = await before.hash("the same password");
  expect(stored.startsWith("1$")).toBe(true);
  expect(await after.verify("the same password", stored)).toEqual({ matches: true, needsUpgrade: true });
  expect((await after.hash("the same password")).startsWith("2$")).toBe(true);
  expect(await givenHash([pepper(1)]).verify("the same password", stored)).toEqual({
    matches: false,
    needsUpgrade: false,
  });
  await expect(givenHash([second]).verify("the same password", stored)).rejects.toMatchObject({
    code: "unavailable",
    detail: expect.stringContaining("PASSWORD_PEPPERS"),
  });
});

test("a hash from before there was a pepper opens, and is replaced by one with it", async () => {
  const stored = await givenHash().hash("the same password");
  expect(stored.startsWith("0$")).toBe(true);
  const peppered = givenHash([pepper(1)]);
  expect(await peppered.verify("the same password", stored)).toEqual({ matches: true, needsUpgrade: true });
});

test("a hash of another cost opens by its own cost, and asks to be replaced", async () => {
  const stored = await givenHash([], { memoryKib: 128, passes: 2, lanes: 1 }).hash("the same password");
  const now = givenHash();
  expect(await now.verify("the same password", stored)).toEqual({ matches: true, needsUpgrade: true });
});

test("what is stored but is no hash of ours, or would cost more than an isolate has, opens nothing", async () => {
  const hash = givenHash();
  const good = await hash.hash("the same password");
  const hostile = [
    "",
    "plain",
    good.replace("argon2id", "argon2i"),
    good.replace("v=19", "v=16"),
    good.replace("m=64", "m=4194304"),
    good.replace("t=1", "t=999"),
    good.replace("p=1", "p=0"),
    good.replace("m=64", "m=1"),
    good.slice(0, -1),
    `${good}A`,
  ];
  for (const stored of hostile) {
    expect(await hash.verify("the same password", stored), stored).toMatchObject({ matches: false });
  }
  expect((await hash.verify("the same password", null)).matches).toBe(false);
});

test("of many at once as many are served as may wait, each after a rest of the loop; the rest are told when to come again", async () => {
  const gate = createHashGate({ now: createClock().now });
  let running = 0;
  let most = 0;
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setTimeout(count, 0);
  };
  setTimeout(count, 0);
  const seen: number[] = [];
  const asked = Array.from({ length: waitingMax + 25 }, () =>
    gate.pass(() => {
      running += 1;
      most = Math.max(most, running);
      seen.push(turns);
      running -= 1;
      return "hashed";
    }),
  );
  const answers = await Promise.allSettled(asked);
  counting = false;
  const served = answers.filter(({ status }) => status === "fulfilled");
  const refused = answers.filter((one) => one.status === "rejected");
  expect(most).toBe(1);
  expect(served).toHaveLength(waitingMax);
  expect(refused.map(({ reason }) => [reason.code, reason.retryAfterSeconds])).toEqual(
    Array.from({ length: 25 }, () => ["unavailable", 2]),
  );
  // Another task of the isolate ran between any two hashes.
  expect(new Set(seen).size).toBe(seen.length);
});

test("places of requests that were cut off are free again", async () => {
  const clock = createClock();
  const gate = createHashGate({ now: clock.now });
  const cutOff = Array.from({ length: waitingMax }, () => gate.pass(() => "hashed"));
  await expect(gate.pass(() => "one too many")).rejects.toMatchObject({ code: "unavailable" });
  clock.advance(6000);
  await expect(gate.pass(() => "hashed after all")).resolves.toBe("hashed after all");
  await Promise.allSettled(cutOff);
});

test("a hash that throws gives its place back", async () => {
  const gate = createHashGate({ now: createClock().now });
  const broken = () => {
    throw new Error("broken");
  };
  for (let time = 0; time < waitingMax + 1; time += 1)
    await expect(gate.pass(broken)).rejects.toThrow("broken");
  expect(await gate.pass(() => "well")).toBe("well");
});

test("one network that sends many at once leaves most places to all others", async () => {
  const gate = createHashGate({ now: createClock().now });
  const flood = Array.from({ length: waitingMax }, () => gate.pass(() => "flood", "192.0.2.1"));
  const others = Array.from({ length: waitingMax - waitingMaxOfOne }, (_, index) =>
    gate.pass(() => "other", `198.51.100.${index}`),
  );
  const [fates, served] = await Promise.all([Promise.allSettled(flood), Promise.all(others)]);
  expect(served).toEqual(others.map(() => "other"));
  expect(fates.filter(({ status }) => status === "fulfilled")).toHaveLength(waitingMaxOfOne);
  for (const fate of fates) if (fate.status === "rejected") expect(fate.reason.code).toBe("unavailable");
  // Whoever waited and was served has their places back.
  expect(await gate.pass(() => "again", "192.0.2.1")).toBe("again");
});
