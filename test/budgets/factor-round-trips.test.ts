import { expect, test } from "vitest";
import { type Isolate, json } from "../support/given.ts";
import { givenBrowser, givenSignInIsolate } from "../support/given-browser.ts";
import {
  codeOf,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import {
  assertAfter,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { asPerson, freshAddress, linkTo } from "../support/given-people.ts";
import { givenRemembering, rememberedCookie } from "../support/given-remembered.ts";
import { givenPhone, givenSmsIsolate, givenTexted, sendCode } from "../support/given-sms.ts";
import { givenPasskeyOnly, passkeyFor, registerWithout } from "../support/given-without-password.ts";

/** Completing a second factor: two trips to Postgres, one after the other, and none to Redis. A code is counted as it is read. */
const factorBudget = ["WITH", "WITH"];
const passkeyBudget = ["SELECT", "WITH"];

async function callsBefore(isolate: Isolate, ask: () => Promise<Response>): Promise<string[]> {
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await ask();
  const { summaries } = await isolate.calls();
  expect(answer.status).toBe(200);
  await isolate.settle();
  // What is written behind the answer may have been counted already: the event, and the mail to a device not seen before.
  return summaries.flat().filter((word) => word !== "INSERT" && word !== "EVALSHA");
}

test("completing a second factor by an app or a recovery code: the guess and what it is checked against, then the session", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const [recovery = ""] = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  const first = await givenStep(isolate, person);
  const byApp = { mfa_token: first.mfa_token, factor: "totp", code: codeOf(isolate, person.secret) };
  expect(await callsBefore(isolate, () => proveBy(isolate, byApp))).toEqual(factorBudget);
  const second = await givenStep(isolate, person);
  const byRecovery = { mfa_token: second.mfa_token, factor: "recovery-codes", code: recovery };
  const seen = await callsBefore(isolate, () => proveBy(isolate, byRecovery));
  // The owner's address is looked up behind the answer, for the mail.
  expect(seen.filter((word) => word === "WITH")).toEqual(factorBudget);
});

test("completing a second factor by a passkey, or signing in by one alone: two trips; its challenge costs none", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  await isolate.settle();
  await isolate.forgetCalls();
  const challenge = await isolate.fetch("/auth/mfa/passkey/challenge", json({}));
  expect([challenge.status, (await isolate.calls()).summaries.flat()]).toEqual([200, []]);
  const alone = await assertAlone(isolate, holder.authenticator);
  expect(await callsBefore(isolate, () => signInBy(isolate, alone))).toEqual(passkeyBudget);
  const { mfa_token } = await givenStep(isolate, holder);
  const credential = await assertAfter(isolate, holder.authenticator, mfa_token);
  const after = { mfa_token, factor: "passkey", credential };
  expect(await callsBefore(isolate, () => proveBy(isolate, after))).toEqual(passkeyBudget);
});

test("a code by text message: sent in three trips, each to another store than the last; and what it opens costs two, as every factor", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const { mfa_token } = await givenStep(isolate, holder);
  await isolate.settle();
  await isolate.forgetCalls();
  const sent = await sendCode(isolate, mfa_token);
  const { summaries } = await isolate.calls();
  // Whose number, the limits, and then the code: what is left besides is the event behind the answer.
  expect([
    sent.status,
    summaries
      .flat()
      .filter((word) => word !== "INSERT")
      .sort(),
  ]).toEqual([202, ["EVALSHA", "SELECT", "UPDATE"]]);
  isolate.clock.advance(1000);
  const shown = await givenTexted(isolate, holder);
  expect(await callsBefore(isolate, () => proveBy(isolate, shown))).toEqual(factorBudget);
});

test("the password of who has a second factor costs one trip: nothing is begun before it", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { email, password } = person;
  // Once before: the copy of the signing keys, which the clock made old, is in hand again.
  await givenStep(isolate, person);
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await isolate.fetch("/auth/login", json({ email, password }));
  expect(await answer.json()).toMatchObject({ mfa_required: true });
  const { summaries } = await isolate.calls();
  // The second call to Redis, if it was counted already, gives the guess back behind the answer.
  expect([
    ["SELECT", "EVALSHA"],
    ["SELECT", "EVALSHA", "EVALSHA"],
  ]).toContainEqual(summaries.flat());
});

test("a remembered device costs no trip: it is checked, touched and written in the statements that begin sessions; one that was forgotten costs one", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const browser = givenBrowser(isolate);
  const { email, password } = person;
  const login = () => browser.send("/auth/login", json({ email, password }));
  const { mfa_token } = (await (await login()).json()) as { mfa_token: string };
  const proof = { mfa_token, factor: "totp", code: codeOf(isolate, person.secret), remember_device: true };
  const remember = () => browser.send("/auth/mfa/verify", json(proof));
  // The owner's address is looked up behind the answer, for the mail.
  const toRemember = (await callsBefore(isolate, remember)).filter((word) => word === "WITH");
  expect(toRemember).toEqual(factorBudget);
  expect(browser.cookies.has(rememberedCookie)).toBe(true);
  expect(await callsBefore(isolate, login)).toEqual(["SELECT", "WITH"]);
  await isolate.rooms.mfa.remembered.forgetAll(person.account.id, asPerson(isolate, person.account.id));
  expect(await callsBefore(isolate, login)).toEqual(["SELECT", "WITH"]);
  expect(await callsBefore(isolate, login)).toEqual(["SELECT"]);
});

test("a proof that leads to a passkey is counted, read and used up in two trips, like one that begins a session", async () => {
  const open = await givenSignInIsolate();
  const person = await givenTotp(open);
  const environment = { LEVEL_POLICY: "everyone=phishing-resistant" };
  const isolate = await givenSignInIsolate({ environment, clock: open.clock });
  const { mfa_token } = await givenStep(isolate, person);
  const proof = { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) };
  expect(await callsBefore(isolate, () => proveBy(isolate, proof))).toEqual(factorBudget);
});

test("without a password: registering is one statement beside the limits, its link one, the passkey a look-up, a list, its change and the session", async () => {
  const isolate = await givenSignInIsolate();
  // Once before: the signing keys are in hand.
  await givenPasskeyOnly(isolate);
  const seen = async (ask: () => Promise<Response>) => {
    await isolate.settle();
    await isolate.forgetCalls();
    const answer = await ask();
    await isolate.settle();
    return { answer, words: (await isolate.calls()).summaries.flat().toSorted() };
  };
  const email = freshAddress();
  const registered = await seen(() => registerWithout(isolate, email));
  expect(registered.words).toEqual(["EVALSHA", "EVALSHA", "WITH"]);
  const { link } = await linkTo(isolate, email);
  const used = await seen(() => isolate.fetch("/auth/verify-email", json({ link, refresh_in_body: true })));
  // Behind the answer: the event.
  expect(used.words).toEqual(["INSERT", "WITH"]);
  const { mfa_token } = (await used.answer.json()) as { mfa_token: string };
  const { credential } = await passkeyFor(isolate, mfa_token, ownAuthenticator());
  const enrolled = await seen(() => isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential })));
  expect(enrolled.answer.status).toBe(200);
  // The account, its factors, lock and change in one transaction, the account again, the session; behind it the owner's
  // address for the mail, and two events.
  const change = ["SELECT", "UPDATE", "WITH"];
  const behind = ["INSERT", "INSERT", "SELECT"];
  expect(enrolled.words).toEqual(["SELECT", "SELECT", "SELECT", "WITH", ...change, ...behind].toSorted());
});

test("a forged step costs no call at all", async () => {
  const forever = new Promise<void>(() => undefined);
  const isolate = await givenSignInIsolate({ waitForRefusals: () => forever });
  await isolate.forgetCalls();
  const answer = await proveBy(isolate, { mfa_token: "gm_1.AAAA.BBBB", factor: "totp", code: "123456" });
  expect([answer.status, (await isolate.calls()).summaries.flat()]).toEqual([401, []]);
});
