import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedFrom,
  asOperator,
  givenPerson,
  goodPassword,
  linkTo,
  mailsTo,
  otherPassword,
} from "../support/given-people.ts";

const recoveriesTo = async (...[isolate, email]: Parameters<typeof mailsTo>) =>
  (await mailsTo(isolate, email)).filter(({ subject }) => subject.startsWith("A new password")).length;

test("no stranger can keep an owner from recovering: other mails do not count, and there is a link that works at any time", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  for (let time = 0; time < 6; time += 1) await accounts.register(email, goodPassword, askedFrom(isolate));
  for (let time = 0; time < 6; time += 1) {
    isolate.clock.advance(1);
    await accounts.requestRecovery(email, askedFrom(isolate));
  }
  expect(await recoveriesTo(isolate, email)).toBe(3);

  // Just before the last link is over the owner is sent another one.
  isolate.clock.advance(29 * 60_000);
  await accounts.requestRecovery(email, askedFrom(isolate));
  expect(await recoveriesTo(isolate, email)).toBe(4);
  const { link } = await linkTo(isolate, email);
  expect((await accounts.recover(link, otherPassword, asOperator(isolate))).ok).toBe(true);
});
