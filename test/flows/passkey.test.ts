import { decodeJwt } from "jose";
import { expect, test } from "vitest";
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
import { givenPerson, mailsTo } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("a passkey that verifies its user signs in without a password, as two factors that resist phishing", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  expect((await mailsTo(isolate, holder.email))[0]?.subject).toContain("A passkey was added");
  const answer = await signInBy(isolate, await assertAlone(isolate, holder.authenticator));
  expect(answer.status).toBe(200);
  const tokens = (await answer.json()) as Tokens;
  expect(decodeJwt(tokens.access_token)).toMatchObject({
    sub: holder.account.id,
    acr: "phishing-resistant",
    amr: ["pop", "user", "mfa"],
  });
  expect((await isolate.fetch("/auth/sessions", { headers: bearerOf(tokens.access_token) })).status).toBe(
    200,
  );
});

test("a passkey that was merely touched opens nothing alone, and after a password it is two factors", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate, { isUserVerified: false });
  const touched = { isUserVerified: false };
  const alone = await signInBy(isolate, await assertAlone(isolate, holder.authenticator, touched));
  await expectProblem(alone, 401, "invalid_passkey");
  const due = await givenStep(isolate, holder);
  expect(due.factors).toEqual(["passkey", "recovery-codes"]);
  const credential = await assertAfter(isolate, holder.authenticator, due.mfa_token, touched);
  const answer = await proveBy(isolate, { mfa_token: due.mfa_token, factor: "passkey", credential });
  expect(answer.status).toBe(200);
  expect(decodeJwt(((await answer.json()) as Tokens).access_token)).toMatchObject({
    acr: "phishing-resistant",
    amr: ["pwd", "pop", "user", "mfa"],
  });
});

test("ten sign-ins by password and passkey in a row make nobody wait: a passkey is no guess", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  for (let time = 0; time < 10; time += 1) {
    const { mfa_token } = await givenStep(isolate, holder);
    const credential = await assertAfter(isolate, holder.authenticator, mfa_token);
    expect((await proveBy(isolate, { mfa_token, factor: "passkey", credential })).status).toBe(200);
    await isolate.settle();
    isolate.clock.advance(61_000);
  }
});

test("a sign-in by somebody's passkey from a device that knows another address is told to its owner", async () => {
  const isolate = await givenSignInIsolate();
  const thief = await givenPerson(isolate);
  const { email, password } = thief;
  const own = await isolate.fetch("/auth/login", json({ email, password }));
  const device = own.headers.getSetCookie().find((line) => line.includes("gatehouse-device=")) ?? "";
  const holder = await givenPasskeyHolder(isolate);
  const before = (await mailsTo(isolate, holder.email)).length;
  const credential = await assertAlone(isolate, holder.authenticator);
  const cookie = device.split(";")[0] ?? "";
  const answer = await isolate.fetch("/auth/mfa/passkey/sign-in", json({ credential }, { cookie }));
  expect(answer.status).toBe(200);
  const mails = await mailsTo(isolate, holder.email);
  expect(mails.length).toBe(before + 1);
  expect(mails[0]?.subject).toContain("new sign-in");
});

test("an answer signs in once: replayed, in a row or twenty times at once, it is refused", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const credential = await assertAlone(isolate, holder.authenticator);
  const answers = await Promise.all(Array.from({ length: 20 }, () => signInBy(isolate, credential)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(19);
  await expectProblem(await signInBy(isolate, credential), 401, "invalid_passkey");
});

test("an answer older than five minutes, for another purpose, or of another sign-in is refused", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const old = await assertAlone(isolate, holder.authenticator);
  isolate.clock.advance(300_001);
  await expectProblem(await signInBy(isolate, old), 401, "invalid_passkey");
  const first = await givenStep(isolate, holder);
  const second = await givenStep(isolate, holder);
  const forFirst = await assertAfter(isolate, holder.authenticator, first.mfa_token);
  const asSecond = { mfa_token: second.mfa_token, factor: "passkey", credential: forFirst };
  await expectProblem(await proveBy(isolate, asSecond), 401, "invalid_passkey");
  await expectProblem(await signInBy(isolate, forFirst), 401, "invalid_passkey");
  const alone = await assertAlone(isolate, holder.authenticator);
  const asStep = { mfa_token: first.mfa_token, factor: "passkey", credential: alone };
  await expectProblem(await proveBy(isolate, asStep), 401, "invalid_passkey");
});

test("WA-04: a passkey of somebody else is no second factor, and a credential is bound to one account", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const thief = await givenPasskeyHolder(isolate);
  const { mfa_token } = await givenStep(isolate, holder);
  const foreign = await assertAfter(isolate, holder.authenticator, mfa_token);
  const theirs = await thief.authenticator.assert({
    challenge: JSON.parse(atob(foreign.response.clientDataJSON.replaceAll("-", "+").replaceAll("_", "/")))
      .challenge,
    rpId: "auth.gatehouse.test",
    allowCredentials: [],
    userVerification: "preferred",
    timeout: 300_000,
  });
  const answer = await proveBy(isolate, { mfa_token, factor: "passkey", credential: theirs });
  await expectProblem(answer, 401, "invalid_passkey");
  // The same credential id, made by another device, for another person.
  const other = await givenPerson(isolate);
  const taken = Uint8Array.from(
    atob((holder.authenticator.credentialIds()[0] ?? "").replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  const bound = await addPasskey(isolate, await givenTokens(isolate, other), ownAuthenticator(), {
    credentialId: taken,
  });
  await expectProblem(bound, 400, "passkey_refused");
});

test("WA-05: a counter that stands still is refused for a device-bound key, and a synced key has none", async () => {
  const isolate = await givenSignInIsolate();
  const bound = await givenPasskeyHolder(isolate, {
    isBackupEligible: false,
    isBackedUp: false,
    signCount: 7,
  });
  const flags = { isBackupEligible: false, isBackedUp: false };
  const next = await assertAlone(isolate, bound.authenticator, { ...flags, signCount: 8 });
  expect((await signInBy(isolate, next)).status).toBe(200);
  for (const signCount of [8, 3]) {
    const copied = await assertAlone(isolate, bound.authenticator, { ...flags, signCount });
    await expectProblem(await signInBy(isolate, copied), 401, "invalid_passkey");
  }
  const synced = await givenPasskeyHolder(isolate);
  for (let time = 0; time < 2; time += 1)
    expect((await signInBy(isolate, await assertAlone(isolate, synced.authenticator))).status).toBe(200);
});

test("a passkey is named, listed, renamed and removed, and then signs in no more", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const strong = (await (
    await signInBy(isolate, await assertAlone(isolate, holder.authenticator))
  ).json()) as Tokens;
  const headers = bearerOf(strong.access_token);
  const path = `/auth/mfa/factors/${holder.passkeyId}`;
  const rename = (name: string) => isolate.fetch(path, { ...json({ name }, headers), method: "PATCH" });
  expect((await rename("Ada's phone")).status).toBe(204);
  await expectProblem(await rename(" "), 400, "invalid_request");
  await expectProblem(await rename("a\u202eb"), 400, "invalid_request");
  const { data } = (await (await isolate.fetch("/auth/mfa/factors", { headers })).json()) as {
    data: object[];
  };
  expect(data).toEqual([
    expect.objectContaining({
      id: holder.passkeyId,
      kind: "passkey",
      name: "Ada's phone",
      user_verified: true,
      backed_up: true,
    }),
  ]);
  const stranger = await givenTokens(isolate, await givenPerson(isolate));
  const foreign = await isolate.fetch(path, { method: "DELETE", headers: bearerOf(stranger.access_token) });
  await expectProblem(foreign, 404, "not_found");
  expect((await isolate.fetch(path, { method: "DELETE", headers })).status).toBe(204);
  await expectProblem(
    await signInBy(isolate, await assertAlone(isolate, holder.authenticator)),
    401,
    "invalid_passkey",
  );
});

test("a passkey of a disabled or deleted account signs in no more", async () => {
  const isolate = await givenSignInIsolate();
  const operator = {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  } as const;
  const disabled = await givenPasskeyHolder(isolate);
  await isolate.rooms.accounts.disable(disabled.account.id, operator);
  const deleted = await givenPasskeyHolder(isolate);
  await isolate.rooms.accounts.remove(deleted.account.id, null, operator);
  await isolate.settle();
  for (const { authenticator } of [disabled, deleted])
    await expectProblem(
      await signInBy(isolate, await assertAlone(isolate, authenticator)),
      401,
      "invalid_passkey",
    );
  expect(await isolate.rooms.mfa.list(deleted.account.id)).toEqual([]);
});
