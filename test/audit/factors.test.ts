import { expect, test } from "vitest";
import { attemptsMax } from "../../src/mfa/attempts.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import {
  codeOf,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
  wrongCodeOf,
} from "../support/given-factors.ts";
import { assertAlone, givenPasskeyHolder, signInBy } from "../support/given-passkey-holder.ts";
import { givenRemembered, givenRemembering } from "../support/given-remembered.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { reasonsOfFactors } from "./reasons-of-factors.ts";

test("what a factor was refused for is an event about its owner: a wrong code, one of a closed or unreadable app, a wrong passkey", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { id } = person.account;
  const show = async (code: string) => {
    const { mfa_token } = await givenStep(isolate, person);
    await proveBy(isolate, { mfa_token, factor: "totp", code });
    await isolate.settle();
  };
  await show(wrongCodeOf(isolate, person.secret));
  const set = (statement: string) =>
    isolate.rooms.database.execute(`${statement} where account_id = '${id}'`);
  await set(`update factor_attempts set failed = ${attemptsMax}`);
  await show(codeOf(isolate, person.secret));
  await set("update factor_attempts set failed = 0");
  await set("update factors set secret = '99.AAAA.BBBB'");
  await show(codeOf(isolate, person.secret));
  const holder = await givenPasskeyHolder(isolate);
  const elsewhere = await assertAlone(isolate, holder.authenticator, { origin: "https://evil.example" });
  await signInBy(isolate, elsewhere);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "factor.refused", limit: 10_000 });
  const reasonsOf = (subjectId: string) =>
    events.filter(({ subject }) => subject?.id === subjectId).map(({ reason }) => reason);
  expect(reasonsOf(id).sort()).toEqual(["factor_closed", "unreadable", "wrong_code"]);
  expect(reasonsOf(holder.account.id)).toEqual(["wrong_passkey"]);
  expect(new Set([...reasonsOf(id), ...reasonsOf(holder.account.id)])).toEqual(new Set(reasonsOfFactors));
});

test("a device that is remembered, and one that is forgotten, are events about the account, by its owner", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const { tokens } = await givenRemembered(isolate, person);
  const headers = bearerOf(tokens.access_token);
  for (const _ of ["what is there", "nothing any more"])
    await isolate.fetch("/auth/mfa/devices", { method: "DELETE", headers });
  await isolate.settle();
  const subject = { type: "user", id: person.account.id };
  const events = await isolate.rooms.audit.list({ subjectId: person.account.id, limit: 50 });
  const order = (one: { type: string }, other: { type: string }) => one.type.localeCompare(other.type);
  const told = events.filter(({ type }) => type.startsWith("factor.device"));
  const done = { outcome: "done", actor: subject, subject };
  expect(
    told.toSorted(order).map(({ type, reason, outcome, actor, subject: of }) => ({
      type,
      reason,
      outcome,
      actor,
      subject: of,
    })),
  ).toEqual([
    { type: "factor.device_forgotten", reason: "by_person", ...done },
    { type: "factor.device_remembered", reason: null, ...done },
  ]);
});

test("a factor set up, a recovery code used and a factor removed are events about the account, by its owner", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const [recovery = ""] = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  const { mfa_token } = await givenStep(isolate, person);
  const answer = await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: recovery });
  const { access_token } = (await answer.json()) as { access_token: string };
  const headers = bearerOf(access_token);
  const removed = await isolate.fetch(`/auth/mfa/factors/${person.id}`, { method: "DELETE", headers });
  expect(removed.status).toBe(204);
  await isolate.settle();
  const actor = { type: "user", id: person.account.id };
  const told = async (type: "factor.added" | "factor.removed" | "factor.recovery_code_used") =>
    (await isolate.rooms.audit.list({ type, limit: 10_000 }))
      .filter(({ subject }) => subject?.id === person.account.id)
      .map(({ outcome, actor: by }) => ({ outcome, actor: by }));
  const done = { outcome: "done", actor };
  expect(await told("factor.added")).toEqual([done, done]);
  expect(await told("factor.recovery_code_used")).toEqual([done]);
  expect(await told("factor.removed")).toEqual([done]);
});
