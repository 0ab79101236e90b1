import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedFrom,
  asOperator,
  freshAddress,
  givenPerson,
  goodPassword,
  mailsTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

/** UN-02, ASVS V1.5.3: what looks like somebody's address is their account or no account. */
test("no spelling of a taken address makes a second account, and none takes the first one over by a recovery", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const [local = "", host = ""] = freshAddress().split("@");
  const email = `mike.k${local}@${host}`;
  const { account } = await givenPerson(isolate, { email });
  const spellings = [
    email.toUpperCase(),
    email.replace("mike", "ｍｉｋｅ"),
    email.replace("mike", "mi\u212Ae"),
    email.replace("mike", "mi\u200Bke"),
    email.replace("mike", "\u2060mike"),
    email.replace("@", "＠"),
    `${email}.`,
    email.replace(".com", "。com"),
    email.replace("example", "ｅｘａｍｐｌｅ"),
  ];
  for (const spelling of spellings) {
    expect(spelling).not.toBe(email);
    await expect(
      accounts.create({ email: spelling, password: otherPassword, scopes: [] }, asOperator(isolate)),
    ).rejects.toMatchObject({ code: "conflict" });
    expect(await accounts.verifyPassword(spelling, goodPassword, signInFrom(isolate))).toMatchObject({
      ok: true,
      account: { id: account.id, email },
    });
    await isolate.settle();
  }
  for (const spelling of spellings.slice(0, 3)) await accounts.requestRecovery(spelling, askedFrom(isolate));
  const sent = await mailsTo(isolate, email);
  expect(sent.filter(({ subject }) => subject.startsWith("A new password"))).toHaveLength(3);
  for (const spelling of spellings) expect(await mailsTo(isolate, spelling)).toEqual([]);
});

test("a dotless i, a Cyrillic letter and a combining accent make no account at all", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  for (const local of ["m\u0131ke", "mіke", "mi\u0301ke", "ﬁ\u0131"]) {
    const email = `${local}@example.com`;
    await expect(accounts.register(email, goodPassword, askedFrom(isolate))).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({
      ok: false,
    });
  }
});
