import { expect, test } from "vitest";
import { hex } from "../../src/crypto/bytes.ts";
import { createChallenges } from "../../src/mfa/challenges.ts";
import { createClock } from "../support/clock.ts";

const secret = (version: number, fill: number) => ({
  version,
  secret: new Uint8Array(32).map((_, at) => (at * 7 + fill) % 256),
});
const refused = { ok: false, reason: "wrong_passkey" };

async function given(secrets = [secret(1, 3)]) {
  const clock = createClock();
  return { clock, challenges: await createChallenges({ secrets, now: clock.now }) };
}

test("a challenge is good for its own binding and for no other", async () => {
  const { clock, challenges } = await given();
  const made = clock.now();
  const challenge = await challenges.make("register:account-1");
  expect(challenge).toMatch(/^[A-Za-z0-9_-]{72}$/);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(challenge));
  expect(await challenges.check(challenge, "register:account-1")).toEqual({
    ok: true,
    onceKey: hex(new Uint8Array(digest)),
    expiresAt: new Date(made + 300_000),
  });
  for (const other of ["", "register:account-2", "sign-in:account-1", "register:account-1 "]) {
    expect(await challenges.check(challenge, other)).toEqual(refused);
  }
});

test("it lives 300 seconds and not a millisecond more", async () => {
  const { clock, challenges } = await given();
  const challenge = await challenges.make("b");
  clock.advance(299_999);
  expect(await challenges.check(challenge, "b")).toMatchObject({ ok: true });
  clock.advance(1);
  expect(await challenges.check(challenge, "b")).toEqual({ ok: false, reason: "expired" });
  // Who else it is shown to learns nothing of it, not even its age.
  expect(await challenges.check(challenge, "c")).toEqual(refused);
});

test("no two are alike, nor are their once keys, made in the same millisecond for the same use", async () => {
  const { challenges } = await given();
  const made = await Promise.all(Array.from({ length: 200 }, () => challenges.make("b")));
  const keys = await Promise.all(made.map((one) => challenges.check(one, "b")));
  expect(new Set(made).size).toBe(200);
  expect(new Set(keys.map((key) => (key.ok ? key.onceKey : ""))).size).toBe(200);
});

test("any bit changed makes it worthless, its expiry included, and no other spelling of it is taken", async () => {
  const { challenges } = await given();
  const challenge = await challenges.make("b");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (let at = 0; at < challenge.length; at += 1) {
    for (let bit = 0; bit < 6; bit += 1) {
      const other = alphabet[alphabet.indexOf(challenge.charAt(at)) ^ (1 << bit)] ?? "";
      const changed = challenge.slice(0, at) + other + challenge.slice(at + 1);
      expect(await challenges.check(changed, "b")).toEqual(refused);
    }
  }
  const others = [
    `${challenge}=`,
    `${challenge}\n`,
    ` ${challenge}`,
    challenge.slice(1),
    `${challenge}AAAA`,
    "",
  ];
  const twin = (await challengeWithDash(challenges)).replaceAll("-", "+").replaceAll("_", "/");
  for (const other of [...others, twin, "A".repeat(72), "A".repeat(1_000_000)]) {
    expect(await challenges.check(other, "b")).toEqual(refused);
  }
});

async function challengeWithDash(challenges: { make(binding: string): Promise<string> }): Promise<string> {
  for (;;) {
    const challenge = await challenges.make("b");
    if (/[-_]/.test(challenge)) return challenge;
  }
}

test("a new secret makes challenges, the old one is taken until it is dropped", async () => {
  const [before, during, after] = [
    await given(),
    await given([secret(2, 5), secret(1, 3)]),
    await given([secret(2, 5)]),
  ];
  const old = await before.challenges.make("b");
  const fresh = await during.challenges.make("b");
  expect(await during.challenges.check(old, "b")).toMatchObject({ ok: true });
  expect(await after.challenges.check(fresh, "b")).toMatchObject({ ok: true });
  expect(await after.challenges.check(old, "b")).toEqual(refused);
  expect(await before.challenges.check(fresh, "b")).toEqual(refused);
});

test("without a secret none can be made", async () => {
  await expect(createChallenges({ secrets: [], now: () => 0 })).rejects.toThrow("at least one secret");
});
