import { expect, inject, test } from "vitest";
import { createBreachedPasswords } from "../../src/accounts/breached-passwords.client.ts";
import { policyFor, readPassword, requireAcceptable } from "../../src/accounts/password-policy.ts";
import { givenIsolate } from "../support/given.ts";
import { askedFrom, freshAddress, goodPassword, mailsTo } from "../support/given-people.ts";

const alone = policyFor("https://auth.acme-cloud.example", false);
const beside = policyFor("https://auth.acme-cloud.example", true);
const judge = (password: unknown, policy = alone, email = "ana.lopez@mailhouse.example"): string => {
  try {
    requireAcceptable(readPassword(password), policy, email);
    return "accepted";
  } catch (error) {
    return (error as { detail: string }).detail;
  }
};

test("fifteen characters while a password stands alone, eight beside a second factor, 256 at most, counted as people count", () => {
  expect(judge("kettles sing 7")).toContain("at least 15");
  expect(judge("kettles sing 77")).toBe("accepted");
  expect(judge("kettle7", beside)).toContain("at least 8");
  expect(judge("kettle 7", beside)).toBe("accepted");
  expect(judge("👩‍🚀 écran et fenêtre")).toBe("accepted");
  const long = Array.from({ length: 256 }, (_, index) => String.fromCodePoint(0x1f600 + (index % 50))).join(
    "",
  );
  expect(judge(long)).toBe("accepted");
  expect(judge(`${long}x`)).toContain("at most 256");
  expect(judge("x y".repeat(1_000_000))).toContain("at most 256");
});

test("every character is allowed and none is required: spaces, emoji, every script, one case (NFC counts: RFC 8265 §4.2.2)", () => {
  for (const password of [
    "                a",
    "correct horse battery staple",
    "ばなな と りんご を たべました",
    "🥝🍋🍎🍇🍉🍊🍓🫐🍒🍑🥭🍍🥥🥑🌽",
    "UPPER CASE ALONE WITHOUT DIGITS",
    "38105729461038572",
    "a\u0000b control characters too",
  ])
    expect([password, judge(password)]).toEqual([password, "accepted"]);
  expect(readPassword("e\u0301".repeat(15))).toBe("é".repeat(15));
});

test("what is guessed first is refused: common ones, two of them together, repetitions, rows of keys", () => {
  for (const password of ["password", "Football", "1234567890", "trustno1"])
    expect([password, judge(password, beside) === "accepted"]).toEqual([password, false]);
  for (const password of [
    "password12345678",
    "footballsunshine",
    "PASSWORDpassword",
    "aaaaaaaaaaaaaaaa",
    "abcabcabcabcabcabc",
    "abcdefghijklmnopq",
    "zyxwvutsrqponmlkj",
    "0123456789012345",
    "qwertyuiopasdfghjkl",
  ])
    expect([password, judge(password) === "accepted"]).toEqual([password, false]);
});

test("the address and the name of this service are no password, nor most of one", () => {
  for (const password of [
    "gatehousegatehouse",
    "gatehouse-gatehouse",
    "AnaLopezAnaLopez",
    "lopez.mailhouse!",
    "acme cloud acme cloud",
    "Mailhouse2026!!",
  ])
    expect([password, judge(password) === "accepted"]).toEqual([password, false]);
  expect(judge("lopez and the seven kettles")).toBe("accepted");
});

test("what is no text, or cannot be written as UTF-8, is no password", () => {
  for (const password of [
    null,
    undefined,
    7,
    ["a".repeat(20)],
    { length: 20 },
    "\uD800 lone surrogate and more",
  ])
    expect(judge(password)).toContain("text");
});

test("a password known from a breach is recognised by five digits of its SHA-1, and padding is not believed", async () => {
  const breached = createBreachedPasswords(`${inject("stores").upstream}/breached/well/`);
  expect(await breached.isBreached("a leaked passphrase of old")).toBe(true);
  expect(await breached.isBreached("a padded passphrase of old")).toBe(false);
  expect(await breached.isBreached(goodPassword)).toBe(false);
});

test("a service of breached passwords that fails, hangs, floods or leads elsewhere keeps nobody out, and not for long", async () => {
  for (const mode of ["hang", "huge", "error", "moved"]) {
    const breached = createBreachedPasswords(`${inject("stores").upstream}/breached/${mode}`);
    const began = performance.now();
    expect([mode, await breached.isBreached("a leaked passphrase of old")]).toEqual([mode, false]);
    expect(performance.now() - began).toBeLessThan(3000);
  }
  expect(await createBreachedPasswords("http://127.0.0.1:1").isBreached(goodPassword)).toBe(false);
});

test("nobody registers with a breached password, known address or not", async () => {
  const url = `${inject("stores").upstream}/breached/well`;
  const isolate = await givenIsolate({ environment: { BREACHED_PASSWORDS_URL: url } });
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await expect(
    accounts.register(email, "a leaked passphrase of old", askedFrom(isolate)),
  ).rejects.toMatchObject({ code: "password_refused", detail: expect.stringContaining("breach") });
  expect(await mailsTo(isolate, email)).toEqual([]);
  await accounts.register(email, goodPassword, askedFrom(isolate));
  expect(await mailsTo(isolate, email)).toHaveLength(1);
});
