import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedFrom,
  asOperator,
  freshAddress,
  givenPerson,
  goodPassword,
  linkTo,
  mailsTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

test("a person registers, confirms the address by the mail's link and is recognised by the password", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, goodPassword, askedFrom(isolate));
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
    ok: false,
    reason: "unknown_account",
  });

  const { url, link } = await linkTo(isolate, email);
  expect(url.href.startsWith("https://auth.gatehouse.test/verify-email?link=")).toBe(true);
  const confirmed = await accounts.confirm(link, asOperator(isolate));
  expect(confirmed).toMatchObject({
    ok: true,
    purpose: "register",
    account: { email, scopes: [], state: "active" },
  });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
    ok: true,
    account: { email },
  });
  await isolate.settle();
  const subjectId = confirmed.ok ? confirmed.account.id : "";
  const events = await isolate.rooms.audit.list({ subjectId, limit: 5 });
  expect(events.map(({ type, reason }) => [type, reason])).toEqual([["account.created", "by_person"]]);
});

test("of twenty who use one link at the same time exactly one succeeds, and there is one account", async () => {
  const isolate = await givenIsolate();
  const { accounts, database } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, goodPassword, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => accounts.confirm(link, asOperator(isolate))),
  );
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  const { rows } = await database.execute(sql`select id from accounts where email_canonical = ${email}`);
  expect(rows).toHaveLength(1);
});

test("a newer link kills the older one, whichever of them is opened first", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, goodPassword, askedFrom(isolate));
  const older = await linkTo(isolate, email);
  isolate.clock.advance(1000);
  await accounts.register(email, otherPassword, askedFrom(isolate));
  const newer = await linkTo(isolate, email);
  expect(newer.link).not.toBe(older.link);
  expect(await accounts.confirm(older.link, asOperator(isolate))).toEqual({ ok: false });
  expect(await accounts.confirm(newer.link, asOperator(isolate))).toMatchObject({ ok: true });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
    ok: false,
  });
  expect(await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).toMatchObject({
    ok: true,
  });
});

test("of links that were made in the same instant only one lives", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await Promise.all(
    Array.from({ length: 4 }, () => accounts.register(email, goodPassword, askedFrom(isolate))),
  );
  const mails = await mailsTo(isolate, email);
  const links = mails.map(({ text }) => /link=(\S+)/.exec(text)?.[1]);
  expect(new Set(links).size).toBe(4);
  let confirmed = 0;
  for (const link of links) confirmed += (await accounts.confirm(link, asOperator(isolate))).ok ? 1 : 0;
  expect(confirmed).toBe(1);
});

test("a link is dead after its time, and so is what was never a link", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, goodPassword, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  isolate.clock.advance(24 * 3_600_000);
  await isolate.forgetCalls();
  for (const wrong of [link, link.slice(1), `${link}x`, "", null, undefined, 7, [link], "x".repeat(100_000)])
    expect(await accounts.confirm(wrong, asOperator(isolate))).toEqual({ ok: false });
  // Only the first has the shape of a link and is looked for.
  expect((await isolate.calls()).postgres).toBe(2);
});

test("who registers a known address changes nothing, and its owner is told", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await accounts.register(email, otherPassword, askedFrom(isolate));
  const mails = await mailsTo(isolate, email);
  expect(mails.map(({ subject }) => subject)).toEqual(["You have an account at auth.gatehouse.test already"]);
  expect(mails[0]?.text).not.toContain("link=");
  expect(await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).toMatchObject({
    ok: false,
  });
  expect(await accounts.get(account.id)).toEqual(account);
});

test("a link of before an operator made the account opens nothing", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, otherPassword, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  const { account } = await givenPerson(isolate, { email });
  expect(await accounts.confirm(link, asOperator(isolate))).toEqual({ ok: false });
  expect(await accounts.get(account.id)).toEqual(account);
});

test("the sixth mail that strangers ask for one address in an hour is not sent, the link in the fifth still lives, and the answer is the same", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  for (let time = 0; time < 8; time += 1) {
    isolate.clock.advance(1000);
    await expect(accounts.register(email, goodPassword, askedFrom(isolate))).resolves.toEqual({
      degraded: [],
    });
  }
  expect(await mailsTo(isolate, email)).toHaveLength(5);
  const { link } = await linkTo(isolate, email);
  expect(await accounts.confirm(link, asOperator(isolate))).toMatchObject({ ok: true });
});

test("one network registers two hundred times an hour, then is told to wait", async () => {
  const isolate = await givenIsolate();
  const { accounts, rateLimits } = isolate.rooms;
  const asked = askedFrom(isolate);
  const trip = rateLimits.openTrip();
  const taking = rateLimits.take(trip, [
    rateLimits.demandOf("registerNetwork", `network:${asked.network}`, 199),
  ]);
  await trip.send();
  expect((await taking).ok).toBe(true);
  await accounts.register(freshAddress(), goodPassword, asked);
  const email = freshAddress();
  await expect(accounts.register(email, goodPassword, asked)).rejects.toMatchObject({
    code: "rate_limited",
    retryAfterSeconds: expect.any(Number),
  });
  expect(await mailsTo(isolate, email)).toEqual([]);
});

test("a malformed address or a refused password is refused before anything is asked of a store", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  await isolate.forgetCalls();
  for (const email of ["nobody", ["a@example.com"], "a@example.com\r\nBcc: b@example.com", undefined])
    await expect(accounts.register(email, goodPassword, askedFrom(isolate))).rejects.toMatchObject({
      code: "invalid_request",
    });
  for (const password of ["short", "passwordpassword", undefined, ["a".repeat(20)], "x".repeat(257)])
    await expect(accounts.register(freshAddress(), password, askedFrom(isolate))).rejects.toMatchObject({
      code: "password_refused",
    });
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
});

test("without a mail provider nobody can register, and that is said", async () => {
  const isolate = await givenIsolate({ environment: { MAIL_API_URL: "", MAIL_API_KEY: "" } });
  await expect(
    isolate.rooms.accounts.register(freshAddress(), goodPassword, askedFrom(isolate)),
  ).rejects.toMatchObject({ code: "unavailable", detail: expect.stringContaining("mail") });
});
