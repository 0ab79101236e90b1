import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { familiesOf, givenFamily, notesOf } from "../support/given-families.ts";
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

test("a recovery sets the new password, ends every session and everything issued before, and tells the owner", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const families = [await givenFamily(isolate, account.id), await givenFamily(isolate, account.id)];
  const stranger = await givenPerson(isolate);
  const untouched = await givenFamily(isolate, stranger.account.id);

  await accounts.requestRecovery(email, askedFrom(isolate));
  const { url, link } = await linkTo(isolate, email);
  expect(url.pathname).toBe("/recover");
  isolate.clock.advance(5000);
  const answer = await accounts.recover(link, otherPassword, asOperator(isolate));
  expect(answer).toMatchObject({
    ok: true,
    purpose: "recover",
    account: { id: account.id, version: account.version + 1, revokedBefore: new Date(isolate.clock.now()) },
    reach: { announced: true },
  });
  expect((await familiesOf(isolate, account.id)).map(({ ended }) => ended)).toEqual([
    "by_recovery",
    "by_recovery",
  ]);
  expect((await familiesOf(isolate, stranger.account.id))[0]).toMatchObject({
    id: untouched.id,
    ended: null,
  });
  const noted = await notesOf(isolate, [account.id, ...families.map(({ sessionId }) => sessionId)]);
  // In which order the sessions are noted nobody promised.
  expect(noted.sort()).toEqual([
    ...families.map(({ sessionId }) => `session:${sessionId}`).sort(),
    `subject:${account.id}`,
  ]);
  expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(false);
  expect((await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).ok).toBe(true);
  const subjects = (await mailsTo(isolate, email)).map(({ subject }) => subject);
  expect(subjects[0]).toBe("Your password for auth.gatehouse.test was changed");
  const events = await isolate.rooms.audit.list({ subjectId: account.id, limit: 5 });
  expect(events.map(({ type, reason }) => [type, reason])).toEqual(
    expect.arrayContaining([
      ["account.recovery_requested", null],
      ["account.password_changed", "by_recovery"],
    ]),
  );
});

test("of twenty recoveries with one link at the same time exactly one succeeds, and its password is the password", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  const passwords = Array.from({ length: 20 }, (_, index) => `seven green kettles sing ${index}`);
  const answers = await Promise.all(
    passwords.map((password) => accounts.recover(link, password, asOperator(isolate))),
  );
  const won = passwords.filter((_, index) => answers[index]?.ok);
  expect(won).toHaveLength(1);
  expect(await accounts.verifyPassword(email, won[0], signInFrom(isolate))).toMatchObject({ ok: true });
}, 60_000);

test("a refused password leaves the link alive; then it is used, and dead", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  for (const password of ["short", "passwordpassword", `${email.split("@")[0]}`.repeat(2)])
    await expect(accounts.recover(link, password, asOperator(isolate))).rejects.toMatchObject({
      code: "password_refused",
    });
  expect((await accounts.recover(link, otherPassword, asOperator(isolate))).ok).toBe(true);
  expect(await accounts.recover(link, goodPassword, asOperator(isolate))).toEqual({ ok: false });
});

test("a link dies with a newer one, with its half hour, with a changed password and with the account's end", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const killers: ((person: Awaited<ReturnType<typeof givenPerson>>) => Promise<unknown>)[] = [
    async ({ email }) => {
      isolate.clock.advance(1000);
      await accounts.requestRecovery(email, askedFrom(isolate));
    },
    async () => isolate.clock.advance(30 * 60_000),
    ({ account }) =>
      accounts.changePassword(
        account.id,
        { current: goodPassword, next: otherPassword },
        null,
        asOperator(isolate),
      ),
    ({ account }) => accounts.disable(account.id, asOperator(isolate)),
    ({ account }) => accounts.remove(account.id, null, asOperator(isolate)),
  ];
  for (const kill of killers) {
    const person = await givenPerson(isolate);
    await accounts.requestRecovery(person.email, askedFrom(isolate));
    const { link } = await linkTo(isolate, person.email);
    await kill(person);
    expect(await accounts.recover(link, "a heron reads the tides", asOperator(isolate))).toEqual({
      ok: false,
    });
  }
});

test("a link that was sent to the old address is dead once the account has moved to another", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  const moved = freshAddress();
  await accounts.changeAddress(account.id, goodPassword, moved, asOperator(isolate));
  const confirmation = await linkTo(isolate, moved);
  expect(await accounts.confirm(confirmation.link, asOperator(isolate))).toMatchObject({ ok: true });
  expect(await accounts.recover(link, otherPassword, asOperator(isolate))).toEqual({ ok: false });
});

test("a link for one thing does nothing else", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const recovery = await linkTo(isolate, email);
  const newcomer = freshAddress();
  await accounts.register(newcomer, goodPassword, askedFrom(isolate));
  const registration = await linkTo(isolate, newcomer);
  expect(await accounts.confirm(recovery.link, asOperator(isolate))).toEqual({ ok: false });
  expect(await accounts.recover(registration.link, otherPassword, asOperator(isolate))).toEqual({
    ok: false,
  });
  expect((await accounts.recover(recovery.link, otherPassword, asOperator(isolate))).ok).toBe(true);
  expect((await accounts.confirm(registration.link, asOperator(isolate))).ok).toBe(true);
});

test("unknown, disabled and deleted addresses are sent nothing; each question is the same work, and what is over is swept", async () => {
  const isolate = await givenIsolate();
  const { accounts, database } = isolate.rooms;
  const disabled = await givenPerson(isolate);
  await accounts.disable(disabled.account.id, asOperator(isolate));
  const known = await givenPerson(isolate);
  const unknown = freshAddress();
  for (const [email, eventWrites] of [
    [unknown, 0],
    [disabled.email, 0],
    [known.email, 1],
  ] as const) {
    await isolate.forgetCalls();
    await expect(accounts.requestRecovery(email, askedFrom(isolate))).resolves.toEqual({ degraded: [] });
    await isolate.settle();
    // The event of a known one is written behind the answer.
    expect(await isolate.calls()).toMatchObject({ postgres: 1 + eventWrites, redis: 1 });
  }
  expect(await mailsTo(isolate, unknown)).toEqual([]);
  expect(await mailsTo(isolate, disabled.email)).toEqual([]);
  expect(await mailsTo(isolate, known.email)).toHaveLength(1);

  const rowsFor = async (email: string) =>
    (await database.execute(sql`select 1 from mail_links where email_canonical = ${email}`)).rows.length;
  expect([await rowsFor(unknown), await rowsFor(known.email)]).toEqual([1, 1]);
  isolate.clock.advance(1);
  await accounts.sweep();
  expect([await rowsFor(unknown), await rowsFor(known.email)]).toEqual([0, 1]);
});

test("Postgres down: a recovery changes nothing, says so, and the link works when it is back", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const family = await givenFamily(isolate, account.id);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  await isolate.postgresFault([{ kind: "status", status: 500 }]);
  await expect(accounts.recover(link, otherPassword, asOperator(isolate))).rejects.toMatchObject({
    code: "unavailable",
  });
  await isolate.postgresFault([]);
  expect(await familiesOf(isolate, account.id)).toMatchObject([{ id: family.id, ended: null }]);
  expect((await accounts.recover(link, otherPassword, asOperator(isolate))).ok).toBe(true);
});

test("Redis down: a recovery is done all the same, and its answer names the later time by which all know", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  await isolate.redisFault([{ kind: "status", status: 500 }]);
  const answer = await accounts.recover(link, otherPassword, asOperator(isolate));
  expect(answer).toMatchObject({ ok: true, reach: { announced: false } });
  expect(await notesOf(isolate, [account.id])).toEqual([`subject:${account.id}`]);
});
