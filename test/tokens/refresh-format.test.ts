import fc from "fast-check";
import { expect, test } from "vitest";
import { createRefreshFormat, newFamilyId } from "../../src/tokens/refresh-format.ts";
import { givenSecret } from "../support/given-tokens.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

test("a token says its family and generation", async () => {
  const format = await createRefreshFormat([givenSecret(1)]);
  const familyId = newFamilyId();
  const token = await format.make(familyId);
  expect(token).toMatch(/^gr_[0-9A-Za-z]{22}_0_[0-9A-Za-z]{55}$/);
  expect(await format.parse(token)).toEqual({ ok: true, familyId, generation: 0 });
});

test("the successor is the same each time, of the next generation, and another for another version", async () => {
  const format = await createRefreshFormat([givenSecret(2), givenSecret(1)]);
  const familyId = newFamilyId();
  const token = await format.make(familyId);
  const parsed = { familyId, generation: 0 };
  const [young, again, old, unknown] = await Promise.all(
    [2, 2, 1, 3].map((version) => format.successorOf(token, parsed, version)),
  );
  expect(again).toBe(young);
  expect(old).not.toBe(young);
  expect(unknown).toBeNull();
  for (const successor of [young, old]) {
    expect(await format.parse(successor ?? "")).toEqual({ ok: true, familyId, generation: 1 });
  }
});

test("a secret that is rotated out takes its tokens along; one that is not known yet is told from a forgery", async () => {
  const [first, second] = [givenSecret(1), givenSecret(2)];
  const before = await createRefreshFormat([first]);
  const during = await createRefreshFormat([second, first]);
  const after = await createRefreshFormat([second]);
  const old = await before.make(newFamilyId());
  const young = await during.make(newFamilyId());
  expect(await during.parse(old)).toMatchObject({ ok: true });
  expect(await after.parse(young)).toMatchObject({ ok: true });
  expect(await after.parse(old)).toEqual({ ok: false, reason: "forged" });
  expect(await before.parse(young)).toEqual({ ok: false, reason: "too_new" });
});

test("versions that share their digit are told apart by the tag", async () => {
  const far = { ...givenSecret(5), version: 63 };
  const both = await createRefreshFormat([far, givenSecret(1)]);
  for (const secret of [far, givenSecret(1)]) {
    const token = await (await createRefreshFormat([secret])).make(newFamilyId());
    expect(await both.parse(token)).toMatchObject({ ok: true });
  }
});

test("no token with one character changed, added or missing is taken", async () => {
  const format = await createRefreshFormat([givenSecret(1)]);
  const token = await format.make(newFamilyId());
  const character = fc.constantFrom(...alphabet, "_", "-", " ", "\n", "é");
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length), character, fc.nat(2), async (at, other, how) => {
      const spoilt = [
        token.slice(0, at) + other + token.slice(at + 1),
        token.slice(0, at) + other + token.slice(at),
        token.slice(0, at) + token.slice(at + 1),
      ][how];
      fc.pre(spoilt !== undefined && spoilt !== token);
      expect(await format.parse(spoilt ?? "")).toMatchObject({ ok: false });
    }),
    { numRuns: 300 },
  );
});
