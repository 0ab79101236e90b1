import { expect, test } from "vitest";
import { givenIsolate, unique } from "../support/given.ts";
import {
  asOperator,
  freshAddress,
  givenPerson,
  goodPassword,
  mailsTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

test("the right password recognises the account; a wrong one, an unknown address and no address are refused alike", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate, { scopes: ["orders:read"] });
  const known = await accounts.verifyPassword(email.toUpperCase(), goodPassword, signInFrom(isolate));
  expect(known).toMatchObject({ ok: true, account, degraded: [] });
  expect(known).toMatchObject({ addressHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(JSON.stringify(known)).not.toContain("argon2");
  const wrong = [
    [email, otherPassword, "wrong_password"],
    [email, "", "wrong_password"],
    [email, undefined, "wrong_password"],
    [email, "x".repeat(100_000), "wrong_password"],
    [email, "\uD800".repeat(20), "wrong_password"],
    [freshAddress(), goodPassword, "unknown_account"],
    ["nobody", goodPassword, "unknown_account"],
    [[email], goodPassword, "unknown_account"],
  ] as const;
  for (const [asEmail, password, reason] of wrong)
    expect(await accounts.verifyPassword(asEmail, password, signInFrom(isolate))).toEqual({
      ok: false,
      reason,
      degraded: [],
    });
});

test("a sign-in is one trip to each store at the same time, whether it succeeds or not", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  for (const [asEmail, password] of [
    [email, otherPassword],
    [freshAddress(), goodPassword],
  ] as const) {
    await isolate.forgetCalls();
    expect((await accounts.verifyPassword(asEmail, password, signInFrom(isolate))).ok).toBe(false);
    expect(await isolate.calls()).toMatchObject({ postgres: 1, redis: 1 });
    await isolate.settle();
  }
});

test("only who gives the right password learns that the account is disabled", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await accounts.disable(account.id, asOperator(isolate));
  expect(await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).toMatchObject({
    reason: "wrong_password",
  });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
    reason: "account_disabled",
  });
  await accounts.enable(account.id, asOperator(isolate));
  expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(true);
});

test("an account without a password is opened by none", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate, { password: null });
  for (const password of ["", goodPassword, null, undefined, "\u0000"])
    expect(await isolate.rooms.accounts.verifyPassword(email, password, signInFrom(isolate))).toMatchObject({
      ok: false,
      reason: "wrong_password",
    });
});

test("six guesses in a burst are one too many; the delay is said, rises with the guesses, and the right password waits as well", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  const guess = (password: string) => accounts.verifyPassword(email, password, signInFrom(isolate));
  for (let time = 0; time < 5; time += 1)
    expect(await guess(otherPassword)).toMatchObject({ reason: "wrong_password" });
  const sixth = await guess(goodPassword);
  expect(sixth).toMatchObject({ ok: false, reason: "over_limit" });
  expect("retryAfterSeconds" in sixth && sixth.retryAfterSeconds).toBeLessThanOrEqual(32);

  isolate.clock.advance(33_000);
  for (let time = 0; time < 5; time += 1) await guess(otherPassword);
  isolate.clock.advance(33_000);
  const eleventh = await guess(goodPassword);
  expect(eleventh).toMatchObject({ ok: false, reason: "over_limit" });
  expect("retryAfterSeconds" in eleventh && eleventh.retryAfterSeconds).toBeGreaterThan(100);

  isolate.clock.advance(320_000);
  expect(await guess(goodPassword)).toMatchObject({ ok: true });
});

test("fifty guesses a day are all that strangers have at one address, however many networks they ask from", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  let judged = 0;
  for (let minute = 0; minute < 22 * 60; minute += 20) {
    for (let time = 0; time < 6; time += 1) {
      const answer = await accounts.verifyPassword(email, otherPassword, signInFrom(isolate));
      if (!answer.ok && answer.reason === "wrong_password") judged += 1;
      else break;
    }
    if (judged >= 50) break;
    isolate.clock.advance(20 * 60_000);
  }
  expect(judged).toBe(50);
  expect(await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).toMatchObject({
    reason: "over_limit",
  });
}, 60_000);

test("a sign-in that succeeds gives back what it took: thirty in a row from one network are no guesses", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  const network = unique("network");
  for (let time = 0; time < 30; time += 1) {
    expect(
      await isolate.rooms.accounts.verifyPassword(email, goodPassword, signInFrom(isolate, null, network)),
    ).toMatchObject({ ok: true });
    await isolate.settle();
  }
}, 60_000);

test("without Redis guesses are counted in the isolate, the answer says so, and a success gives back there too", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  await isolate.redisFault([{ kind: "status", status: 500 }]);
  for (let time = 0; time < 7; time += 1) {
    const good = await accounts.verifyPassword(email, goodPassword, signInFrom(isolate));
    expect(good).toMatchObject({ ok: true, degraded: expect.arrayContaining(["sign-in-burst=local"]) });
    await isolate.settle();
  }
  for (let time = 0; time < 5; time += 1)
    expect(await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).toMatchObject({
      reason: "wrong_password",
    });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
    reason: "over_limit",
    degraded: expect.arrayContaining(["sign-in-network=local"]),
  });
});

test("without Postgres nobody is recognised and nobody is refused: it cannot be decided", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  await isolate.postgresFault([{ kind: "status", status: 500 }]);
  await expect(
    isolate.rooms.accounts.verifyPassword(email, goodPassword, signInFrom(isolate)),
  ).rejects.toMatchObject({ code: "unavailable" });
});

test("when too many passwords are being checked a sign-in is told to come again, and it has cost no guess", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  const answers = await Promise.all(
    Array.from({ length: 60 }, () =>
      accounts.verifyPassword(freshAddress(), otherPassword, signInFrom(isolate)),
    ),
  );
  const busy = answers.filter((one) => !one.ok && one.reason === "busy");
  expect(busy.length).toBeGreaterThan(0);
  for (const one of busy)
    expect(one).toEqual({ ok: false, reason: "busy", retryAfterSeconds: 2, degraded: [] });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({ ok: true });
}, 60_000);

test("a password of an older pepper is kept under the newest one at the next sign-in, behind the answer", async () => {
  const secret = (fill: string) =>
    Array.from({ length: 43 }, (_, index) => "ABCDEFGHIJKLMNOP"[(index + fill.length) % 16]).join("");
  const before = await givenIsolate({ environment: { PASSWORD_PEPPERS: `1:${secret("a")}` } });
  const { account, email } = await givenPerson(before);
  const after = await givenIsolate({
    clock: before.clock,
    environment: { PASSWORD_PEPPERS: `2:${secret("bb")},1:${secret("a")}` },
  });
  const signIn = (isolate: typeof before) =>
    isolate.rooms.accounts.verifyPassword(email, goodPassword, signInFrom(isolate));
  expect(await signIn(after)).toMatchObject({ ok: true });
  await after.settle();
  const events = await after.rooms.audit.list({ subjectId: account.id, limit: 5 });
  expect(events.map(({ type }) => type)).toContain("account.password_upgraded");
  // The old pepper may go now, and the version that sessions hang on has not moved.
  const alone = await givenIsolate({
    clock: before.clock,
    environment: { PASSWORD_PEPPERS: `2:${secret("bb")}` },
  });
  expect(await signIn(alone)).toMatchObject({ ok: true, account: { version: account.version } });
  await expect(signIn(before)).rejects.toMatchObject({ code: "unavailable" });
});

test("what is refused is on record with its reason, and names neither the address nor the password", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const asked = signInFrom(isolate);
  const requestId = unique("request");
  await accounts.verifyPassword(email, otherPassword, { ...asked, origin: { ...asked.origin, requestId } });
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ requestId, limit: 5 });
  expect(events.map(({ type, reason, subject }) => [type, reason, subject?.id])).toEqual([
    ["sign_in.refused", "wrong_password", account.id],
  ]);
  expect(JSON.stringify(events)).not.toContain(email);
  expect(await mailsTo(isolate, email)).toEqual([]);
});
