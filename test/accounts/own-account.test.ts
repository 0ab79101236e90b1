import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { beginFamily, familiesOf, givenFamily, notesOf } from "../support/given-families.ts";
import {
  asOperator,
  asPerson,
  freshAddress,
  givenPerson,
  goodPassword,
  linkTo,
  mailsTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

test("a changed password ends every other session and keeps this one; the owner is told", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const here = await givenFamily(isolate, account.id);
  const there = await givenFamily(isolate, account.id);
  const answer = await accounts.changePassword(
    account.id,
    { current: goodPassword, next: otherPassword },
    here.sessionId,
    asPerson(isolate, account.id),
  );
  expect(answer).toMatchObject({ ok: true, reach: { announced: true } });
  const ends = Object.fromEntries(
    (await familiesOf(isolate, account.id)).map(({ id, ended }) => [id, ended]),
  );
  expect(ends).toEqual({ [here.id]: null, [there.id]: "password_changed" });
  expect(await notesOf(isolate, [account.id, here.sessionId, there.sessionId])).toEqual([
    `session:${there.sessionId}`,
  ]);
  expect(await accounts.get(account.id)).toMatchObject({ version: account.version + 1, revokedBefore: null });
  expect((await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).ok).toBe(true);
  expect((await mailsTo(isolate, email)).map(({ subject }) => subject)).toEqual([
    "Your password for auth.gatehouse.test was changed",
  ]);
});

test("of several changes of one password at the same time one happens", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account } = await givenPerson(isolate);
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, index) =>
      accounts.changePassword(
        account.id,
        { current: goodPassword, next: `an otter counts to ${index} slowly` },
        null,
        asPerson(isolate, account.id),
      ),
    ),
  );
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await accounts.get(account.id)).toMatchObject({ version: account.version + 1 });
});

test("a stolen session alone changes nothing: each change wants the password, and guesses are few", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const thief = asPerson(isolate, account.id);
  const wrong = { ok: false, reason: "wrong_password" };
  expect(
    await accounts.changePassword(account.id, { current: "guess", next: otherPassword }, null, thief),
  ).toEqual(wrong);
  expect(await accounts.changeAddress(account.id, "guess", freshAddress(), thief)).toEqual(wrong);
  expect(await accounts.remove(account.id, "guess", thief)).toEqual(wrong);
  expect(await accounts.remove(account.id, undefined, thief)).toEqual(wrong);
  expect(await accounts.remove(account.id, "", thief)).toEqual(wrong);
  expect(await accounts.remove(account.id, goodPassword, thief)).toMatchObject({ reason: "over_limit" });
  // The thief's guesses are not the owner's: signing in is as free as before.
  expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(true);
  expect(await accounts.get(account.id)).toEqual(account);
});

test("a new address changes nothing before its own mail is confirmed; then every session ends and the old address is told", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await givenFamily(isolate, account.id);
  const moved = freshAddress();
  expect(
    await accounts.changeAddress(account.id, goodPassword, moved, asPerson(isolate, account.id)),
  ).toEqual({ ok: true, reach: null });
  expect(await accounts.get(account.id)).toEqual(account);
  const { url, link } = await linkTo(isolate, moved);
  expect(url.pathname).toBe("/verify-email");
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => accounts.confirm(link, asOperator(isolate))),
  );
  expect(answers.filter(({ ok }) => ok)).toMatchObject([
    {
      purpose: "change-address",
      account: { id: account.id, email: moved },
      reach: { effectiveEverywhereBy: expect.any(Date) },
    },
  ]);
  expect((await familiesOf(isolate, account.id)).map(({ ended }) => ended)).toEqual(["address_changed"]);
  expect(await notesOf(isolate, [account.id])).toEqual([`subject:${account.id}`]);
  const [told] = await mailsTo(isolate, email);
  expect(told?.subject).toBe("Your address for auth.gatehouse.test was changed");
  expect(told?.text).not.toContain(moved);
  expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(false);
  expect((await accounts.verifyPassword(moved, goodPassword, signInFrom(isolate))).ok).toBe(true);
});

test("an address that somebody has, or takes meanwhile, is never moved to, and its owner learns of the attempt", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account } = await givenPerson(isolate);
  const other = await givenPerson(isolate);
  const answer = await accounts.changeAddress(
    account.id,
    goodPassword,
    other.email,
    asPerson(isolate, account.id),
  );
  expect(answer).toEqual({ ok: true, reach: null });
  const [told] = await mailsTo(isolate, other.email);
  expect(told?.subject).toBe("You have an account at auth.gatehouse.test already");
  expect(told?.text).not.toContain("link=");

  const wanted = freshAddress();
  await accounts.changeAddress(account.id, goodPassword, wanted, asPerson(isolate, account.id));
  const { link } = await linkTo(isolate, wanted);
  await givenPerson(isolate, { email: wanted });
  expect(await accounts.confirm(link, asOperator(isolate))).toEqual({ ok: false });
  expect(await accounts.get(account.id)).toEqual(account);
});

test("a deleted account is gone: address, password and links wiped, sessions ended, the address free again", async () => {
  const isolate = await givenIsolate();
  const { accounts, database } = isolate.rooms;
  const { account, email } = await givenPerson(isolate, { scopes: ["orders:read"] });
  await givenFamily(isolate, account.id);
  await accounts.changeAddress(account.id, goodPassword, freshAddress(), asPerson(isolate, account.id));
  expect(await accounts.remove(account.id, goodPassword, asPerson(isolate, account.id))).toMatchObject({
    ok: true,
    reach: { announced: true },
  });
  const { rows } = await database.execute(sql`select * from accounts where id = ${account.id}`);
  expect(rows[0]).toMatchObject({
    email: "",
    email_canonical: `deleted:${account.id}`,
    password_hash: null,
    scopes: [],
    state: "deleted",
  });
  const links = await database.execute(sql`select 1 from mail_links where account_id = ${account.id}`);
  expect(links.rows).toEqual([]);
  expect((await familiesOf(isolate, account.id)).map(({ ended }) => ended)).toEqual(["by_person"]);
  expect(await notesOf(isolate, [account.id])).toEqual([`subject:${account.id}`, `person:${account.id}`]);
  expect((await mailsTo(isolate, email))[0]?.subject).toBe("Your account at auth.gatehouse.test was deleted");
  expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(false);
  await expect(accounts.remove(account.id, null, asOperator(isolate))).rejects.toMatchObject({
    code: "not_found",
  });
  const again = await givenPerson(isolate, { email });
  expect(again.account.id).not.toBe(account.id);
});

test("a session that begins while its account is disabled or given another password is ended, or never begins", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  for (let round = 0; round < 6; round += 1) {
    const { account, email } = await givenPerson(isolate);
    const begins = Array.from({ length: 8 }, () => beginFamily(isolate, account));
    if (round % 2 === 0) await Promise.all([...begins, accounts.disable(account.id, asOperator(isolate))]);
    else {
      const given = { current: goodPassword, next: otherPassword };
      await Promise.all([
        ...begins,
        accounts.changePassword(account.id, given, null, asPerson(isolate, account.id)),
      ]);
    }
    await beginFamily(isolate, account);
    const families = await familiesOf(isolate, account.id);
    expect(families.filter(({ ended }) => ended === null)).toEqual([]);
    expect((await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).ok).toBe(false);
  }
}, 60_000);

test("an owner of whom only the id is known is told by mail; the deleted and the unknown are not", async () => {
  const isolate = await givenIsolate();
  const { accounts, tellOwner } = isolate.rooms;
  const done = { at: new Date(isolate.clock.now()), address: "192.0.2.7", country: "DE" };
  const here = await givenPerson(isolate);
  const gone = await givenPerson(isolate);
  await accounts.remove(gone.account.id, null, asOperator(isolate));
  for (const id of [here.account.id, gone.account.id, "usr_unknown"])
    tellOwner(id, { template: "sign-in-replayed", done }, isolate.background);
  expect((await mailsTo(isolate, here.email)).map(({ subject }) => subject)).toEqual([
    "A session at auth.gatehouse.test was ended",
  ]);
  expect((await mailsTo(isolate, gone.email)).map(({ subject }) => subject)).toEqual([
    "Your account at auth.gatehouse.test was deleted",
  ]);
});

test("a session that was recognised before a change and begins after it finds another version", async () => {
  const isolate = await givenIsolate();
  const { accounts, database } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  const known = await accounts.verifyPassword(email, goodPassword, signInFrom(isolate));
  await accounts.disable(account.id, asOperator(isolate));
  await accounts.enable(account.id, asOperator(isolate));
  const version = known.ok ? known.account.version : 0;
  const begun = await database.execute(
    sql`update accounts set last_signed_in_at = now() where id = ${account.id} and version = ${version} returning id`,
  );
  expect(begun.rows).toEqual([]);
});
