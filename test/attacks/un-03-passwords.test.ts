import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { freshAddress, givenPerson, signInFrom } from "../support/given-people.ts";

/** UN-03, NIST SP 800-63B-4 §3.1.1.2: one form for composed and decomposed letters, and every byte counts. */
test("a password that was set in NFC opens in NFD and the other way round", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const composed = "naïve café ångström één".normalize("NFC");
  const decomposed = composed.normalize("NFD");
  expect(composed).not.toBe(decomposed);
  for (const [set, given] of [
    [composed, decomposed],
    [decomposed, composed],
  ] as const) {
    const { email } = await givenPerson(isolate, { password: set });
    expect((await accounts.verifyPassword(email, given, signInFrom(isolate))).ok).toBe(true);
    expect((await accounts.verifyPassword(email, "naive cafe angstrom een", signInFrom(isolate))).ok).toBe(
      false,
    );
  }
});

test("bytes beyond 72 matter, up to the last of 256 characters, also beside a long address", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const [local = ""] = freshAddress().split("@");
  const email = `${local.slice(0, 50).padEnd(64, "z")}@${"b".repeat(60)}.example.com`;
  const words = "seven green kettles sing of otters ";
  const base = words.repeat(8).slice(0, 255);
  const password = `${base}é`;
  expect(new TextEncoder().encode(password).length).toBe(257);
  await givenPerson(isolate, { email, password });
  for (const at of [70, 71, 72, 73, 74, 127, 128, 200, 255]) {
    const wrong = `${password.slice(0, at)}#${password.slice(at + 1)}`;
    expect([at, (await accounts.verifyPassword(email, wrong, signInFrom(isolate))).ok]).toEqual([at, false]);
    isolate.clock.advance(3_600_000);
  }
  expect((await accounts.verifyPassword(email, password.slice(0, 72), signInFrom(isolate))).ok).toBe(false);
  expect((await accounts.verifyPassword(email, password, signInFrom(isolate))).ok).toBe(true);
});
