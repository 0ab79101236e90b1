import { expect, test } from "vitest";
import { givenIsolate, unique } from "../support/given.ts";
import {
  askedFrom,
  asOperator,
  givenPerson,
  goodPassword,
  linkTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

/** RL-04, ASVS V6.1.1, NIST SP 800-63B-4 §3.2.2: no stranger locks an owner out of where they are at home. */
async function givenVictim() {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const person = await givenPerson(isolate);
  const first = await accounts.verifyPassword(person.email, goodPassword, signInFrom(isolate));
  await isolate.settle();
  const device = { id: unique("device"), addressHash: first.ok ? first.addressHash : "" };
  for (let time = 0; time < 6; time += 1)
    await accounts.verifyPassword(person.email, otherPassword, signInFrom(isolate));
  expect(await accounts.verifyPassword(person.email, goodPassword, signInFrom(isolate))).toMatchObject({
    reason: "over_limit",
  });
  return { isolate, accounts, person, device };
}

test("while strangers burn the limit of an address its owner signs in from a known device", async () => {
  const { isolate, accounts, person, device } = await givenVictim();
  for (let time = 0; time < 8; time += 1) {
    expect(
      await accounts.verifyPassword(person.email, goodPassword, signInFrom(isolate, device)),
    ).toMatchObject({
      ok: true,
    });
    await isolate.settle();
  }
});

test("a known device that guesses has the same few guesses, and a thief of it no more than a stranger", async () => {
  const { isolate, accounts, person, device } = await givenVictim();
  for (let time = 0; time < 5; time += 1)
    expect(
      await accounts.verifyPassword(person.email, otherPassword, signInFrom(isolate, device)),
    ).toMatchObject({
      reason: "wrong_password",
    });
  expect(
    await accounts.verifyPassword(person.email, goodPassword, signInFrom(isolate, device)),
  ).toMatchObject({
    reason: "over_limit",
  });
});

test("a device that is known to one address is a stranger to every other", async () => {
  const { isolate, accounts, person } = await givenVictim();
  const attacker = await givenPerson(isolate);
  const own = await accounts.verifyPassword(attacker.email, goodPassword, signInFrom(isolate));
  const device = { id: unique("device"), addressHash: own.ok ? own.addressHash : "" };
  expect(
    await accounts.verifyPassword(person.email, goodPassword, signInFrom(isolate, device)),
  ).toMatchObject({
    reason: "over_limit",
  });
});

test("an owner without a known device gets in by a recovery meanwhile", async () => {
  const { isolate, accounts, person } = await givenVictim();
  await accounts.requestRecovery(person.email, askedFrom(isolate));
  const { link } = await linkTo(isolate, person.email);
  expect(await accounts.recover(link, otherPassword, asOperator(isolate))).toMatchObject({
    ok: true,
    account: { id: person.account.id },
  });
});
