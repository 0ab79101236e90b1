import { expect, test } from "vitest";
import type { Account } from "../../src/accounts/account.ts";
import { givenIsolate } from "../support/given.ts";
import { familiesOf, givenFamily, notesOf } from "../support/given-families.ts";
import {
  askedFrom,
  asOperator,
  freshAddress,
  givenPerson,
  goodPassword,
  linkTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

test("an operator makes an account; a second one with the same address, however written, is a conflict", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  const [one, other] = await Promise.allSettled([
    accounts.create({ email, password: goodPassword, scopes: [] }, asOperator(isolate)),
    accounts.create({ email: ` ${email.toUpperCase()}. `, scopes: [] }, asOperator(isolate)),
  ]);
  const made = [one, other].filter(({ status }) => status === "fulfilled");
  expect(made).toHaveLength(1);
  const lost = [one, other].find((each) => each.status === "rejected");
  expect(lost?.status === "rejected" && lost.reason).toMatchObject({ code: "conflict" });
  expect((await accounts.list({ email: email.toUpperCase(), limit: 5 })).length).toBe(1);
});

test("an account without a password is opened by a recovery", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email, account } = await givenPerson(isolate, { password: null });
  expect(account.passwordChangedAt).toBeNull();
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  expect((await accounts.recover(link, otherPassword, asOperator(isolate))).ok).toBe(true);
  expect((await accounts.verifyPassword(email, otherPassword, signInFrom(isolate))).ok).toBe(true);
});

test("a disabled account's sessions end at once, with all that was issued before; disabling twice is a conflict", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account } = await givenPerson(isolate);
  await givenFamily(isolate, account.id);
  const answers = await Promise.allSettled(
    Array.from({ length: 3 }, () => accounts.disable(account.id, asOperator(isolate))),
  );
  expect(answers.filter(({ status }) => status === "fulfilled")).toMatchObject([
    { value: { account: { state: "disabled", version: account.version + 1 }, reach: { announced: true } } },
  ]);
  expect((await familiesOf(isolate, account.id)).map(({ ended }) => ended)).toEqual(["account_disabled"]);
  expect(await notesOf(isolate, [account.id])).toEqual([`subject:${account.id}`, `person:${account.id}`]);
  expect(await accounts.enable(account.id, asOperator(isolate))).toMatchObject({
    account: { state: "active" },
    reach: { announced: true },
  });
  expect((await notesOf(isolate, [account.id])).at(-1)).toBe(`person:${account.id}`);
  expect((await familiesOf(isolate, account.id)).map(({ ended }) => ended)).toEqual(["account_disabled"]);
  await expect(accounts.enable(account.id, asOperator(isolate))).rejects.toMatchObject({ code: "conflict" });
});

test("scopes that are taken away leave living tokens and families; those that are given end nothing", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account } = await givenPerson(isolate, { scopes: ["a", "b"] });
  const own = await givenFamily(isolate, account.id, { scopes: ["a", "b"] });
  const application = await givenFamily(isolate, account.id, { clientId: "client_x", scopes: ["b"] });
  const more = await accounts.setScopes(account.id, ["a", "b", "c", "c"], asOperator(isolate));
  expect(more.account.scopes).toEqual(["a", "b", "c"]);
  expect(await notesOf(isolate, [account.id])).toEqual([]);
  const byId = async () =>
    Object.fromEntries((await familiesOf(isolate, account.id)).map((one) => [one.id, one]));
  let families = await byId();
  expect(families[own.id]).toMatchObject({ ended: null, scopes: ["a", "b", "c"], tokensFrom: null });
  expect(families[application.id]).toMatchObject({ ended: null, scopes: ["b"], tokensFrom: null });

  const fewer = await accounts.setScopes(account.id, ["a"], asOperator(isolate));
  expect(fewer).toMatchObject({ account: { scopes: ["a"] }, reach: { announced: true } });
  expect(await notesOf(isolate, [account.id])).toEqual([`subject:${account.id}`]);
  families = await byId();
  expect(families[own.id]).toMatchObject({ ended: null, scopes: ["a"] });
  expect(families[application.id]).toMatchObject({ ended: null, scopes: [] });
  expect(families[own.id]?.tokensFrom).not.toBeNull();
});

test("accounts are listed newest first, page by page, by state and by address; the deleted only when asked for", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const made: Account[] = [];
  for (let index = 0; index < 3; index += 1) {
    isolate.clock.advance(1);
    made.push((await givenPerson(isolate, { password: null })).account);
  }
  const [first, second, third] = made;
  if (!first || !second || !third) throw new Error("three were made");
  await accounts.disable(second.id, asOperator(isolate));
  await accounts.remove(third.id, null, asOperator(isolate));
  const after = { createdAt: new Date(isolate.clock.now() + 1), id: "" };
  const ids = (await accounts.list({ after, limit: 2 })).map(({ id }) => id);
  expect(ids).toEqual([second.id, first.id]);
  expect((await accounts.list({ state: "disabled", after, limit: 1 })).map(({ id }) => id)).toEqual([
    second.id,
  ]);
  expect((await accounts.list({ state: "deleted", after, limit: 1 })).map(({ id }) => id)).toEqual([
    third.id,
  ]);
  expect((await accounts.list({ email: first.email, limit: 9 })).map(({ id }) => id)).toEqual([first.id]);
  expect(await accounts.list({ email: "no address", limit: 9 })).toEqual([]);
  await expect(accounts.get("usr_unknown")).rejects.toMatchObject({ code: "not_found" });
  expect(await accounts.find("usr_unknown")).toBeNull();
});
