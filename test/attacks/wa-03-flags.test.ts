import { expect, test } from "vitest";
import { base64url } from "../../src/crypto/bytes.ts";
import { bytesOf, type SentAssertion } from "../support/authenticator.ts";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenStep, proveBy } from "../support/given-factors.ts";
import {
  addPasskey,
  assertAfter,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { givenPerson } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

/** WA-03, WebAuthn L3 §7.1, §7.2: somebody was there, and verified where that is what counts. */
const flagsAt = 32;

/** The same answer with flags that its authenticator did not sign. */
function flagged(sent: SentAssertion, flags: number): SentAssertion {
  const data = bytesOf(sent.response.authenticatorData);
  data[flagsAt] = (data[flagsAt] ?? 0) ^ flags;
  return { ...sent, response: { ...sent.response, authenticatorData: base64url(data) } };
}

const [present, verified, eligible, backedUp] = [1, 4, 8, 16];

test("WA-03: an authenticator that nobody touched makes no passkey and signs nobody in, alone or after a password", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const absent = { isUserPresent: false };
  const made = await addPasskey(isolate, await givenTokens(isolate, person), ownAuthenticator(), absent);
  await expectProblem(made, 400, "passkey_refused");
  expect(await isolate.rooms.mfa.list(person.account.id)).toEqual([]);

  const holder = await givenPasskeyHolder(isolate);
  const alone = await assertAlone(isolate, holder.authenticator, absent);
  await expectProblem(await signInBy(isolate, alone), 401, "invalid_passkey");
  const { mfa_token } = await givenStep(isolate, holder);
  const credential = await assertAfter(isolate, holder.authenticator, mfa_token, absent);
  const after = { mfa_token, factor: "passkey", credential };
  await expectProblem(await proveBy(isolate, after), 401, "invalid_passkey");
  expect(await isolate.rooms.sessions.list(holder.account.id)).toHaveLength(1);
});

test("WA-03: flags that were not signed change nothing: a touch is not made a verification, nor an absence a presence", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const touched = await assertAlone(isolate, holder.authenticator, { isUserVerified: false });
  const absent = await assertAlone(isolate, holder.authenticator, { isUserPresent: false });
  const good = await assertAlone(isolate, holder.authenticator);
  const forged = [
    flagged(touched, verified),
    flagged(absent, present),
    flagged(good, eligible | backedUp),
    flagged(good, backedUp),
    flagged(good, 0x40),
    flagged(good, 0x80),
  ];
  for (const sent of forged) await expectProblem(await signInBy(isolate, sent), 401, "invalid_passkey");
  expect(await isolate.rooms.sessions.list(holder.account.id)).toHaveLength(1);
  // What was refused was not used up: the answer itself is still good, once.
  expect((await signInBy(isolate, good)).status).toBe(200);
});

test("WA-03: a passkey that verified when it was made and is only touched now is one factor: alone it opens nothing, and in a session begun by two it is a fresh proof of both", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const touched = { isUserVerified: false };
  const alone = await assertAlone(isolate, holder.authenticator, touched);
  await expectProblem(await signInBy(isolate, alone), 401, "invalid_passkey");
  expect(await isolate.rooms.sessions.list(holder.account.id)).toHaveLength(1);

  const signedIn = await signInBy(isolate, await assertAlone(isolate, holder.authenticator));
  const headers = bearerOf(((await signedIn.json()) as Tokens).access_token);
  const due = await isolate.fetch("/auth/mfa/step-up", json({}, headers));
  const { mfa_token } = (await due.json()) as { mfa_token: string };
  const credential = await assertAfter(isolate, holder.authenticator, mfa_token, touched);
  const raised = await proveBy(isolate, { mfa_token, factor: "passkey", credential });
  const before = await isolate.rooms.sessions.list(holder.account.id);
  expect([raised.status, before.map(({ acr }) => acr).toSorted()]).toEqual([
    200,
    ["one-factor", "phishing-resistant"],
  ]);
});

test("WA-03: a kind of passkey is for life: one that is bound to its device does not sign as a synced one, nor the other way", async () => {
  const isolate = await givenSignInIsolate();
  const bound = await givenPasskeyHolder(isolate, { isBackupEligible: false, isBackedUp: false });
  const synced = await givenPasskeyHolder(isolate);
  const asSynced = await assertAlone(isolate, bound.authenticator, {
    isBackupEligible: true,
    isBackedUp: true,
  });
  const asBound = await assertAlone(isolate, synced.authenticator, {
    isBackupEligible: false,
    isBackedUp: false,
  });
  const impossible = await assertAlone(isolate, bound.authenticator, {
    isBackupEligible: false,
    isBackedUp: true,
  });
  for (const sent of [asSynced, asBound, impossible])
    await expectProblem(await signInBy(isolate, sent), 401, "invalid_passkey");
});
