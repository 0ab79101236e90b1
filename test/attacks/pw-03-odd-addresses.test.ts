import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { askedFrom, freshAddress, givenPerson, mailsTo } from "../support/given-people.ts";

/** PW-03, ASVS V1.3.11, V6.3.8: one question, one address; the mail goes to the account's own. */
test("an address as a list, with a second recipient, with a header or an escape in it is refused, and nobody is sent anything", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  const attacker = freshAddress();
  const attempts: unknown[] = [
    [email, attacker],
    [email],
    { 0: email, 1: attacker },
    `${email},${attacker}`,
    `${email}, ${attacker}`,
    `${email};${attacker}`,
    `${email} ${attacker}`,
    `${email}\r\nBcc: ${attacker}`,
    `${email}\nCc:${attacker}`,
    `${email}%0d%0aBcc:${attacker}`,
    `${email}%00${attacker}`,
    `${email}\u0000${attacker}`,
    `<${email}>`,
    `"${attacker}" <${email}>`,
    `${email.replace("@", "%40")}@${attacker.split("@")[1]}`,
    `${email}|${attacker}`,
    `${email}&email=${attacker}`,
  ];
  await isolate.forgetCalls();
  for (const attempt of attempts)
    await expect(accounts.requestRecovery(attempt, askedFrom(isolate))).rejects.toMatchObject({
      code: "invalid_request",
    });
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
  expect(await mailsTo(isolate, email)).toEqual([]);
  expect(await mailsTo(isolate, attacker)).toEqual([]);
});

test("another spelling of the address recovers the same account, and the mail goes to the spelling that its owner gave", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const lower = freshAddress();
  const email = `P${lower.slice(1)}`;
  await givenPerson(isolate, { email });
  await accounts.requestRecovery(` ${lower.toUpperCase().replace("@", "＠")}. `, askedFrom(isolate));
  expect(await mailsTo(isolate, email)).toHaveLength(1);
  expect(await mailsTo(isolate, lower)).toEqual([]);
});
