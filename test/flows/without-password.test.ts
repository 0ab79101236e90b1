import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenRecoveryCodes, givenStep, givenTotp, proveBy } from "../support/given-factors.ts";
import {
  addPasskey,
  assertAfter,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import {
  freshAddress,
  givenPerson,
  goodPassword,
  linkTo,
  mailsTo,
  otherPassword,
} from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { addPhone, codeTo, givenSmsIsolate, sendCode } from "../support/given-sms.ts";
import {
  enrolBy,
  givenConfirmed,
  givenPasskeyOnly,
  hashesIn,
  passkeyFor,
  recoverByMail,
  registerWithout,
  useLink,
} from "../support/given-without-password.ts";
import { expectProblem } from "../support/problem.ts";

const enrolmentOnly = {
  mfa_required: true,
  mfa_token: expect.any(String),
  factors: [],
  enrolment_required: true,
};
/** A token outlives the ten minutes for which its proof is fresh. */
const longTokens = { environment: { ACCESS_TOKEN_SECONDS: "900" } };
const remove = (headers: Record<string, string>, body: object = {}) => ({
  ...json(body, headers),
  method: "DELETE",
});

test("from registration to a session no password is hashed: the mail's link, a passkey, and the session resists phishing", async () => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  const authenticator = ownAuthenticator();
  const hashes = await hashesIn(isolate, async () => {
    const registered = await registerWithout(isolate, email);
    expect([registered.status, await registered.json()]).toEqual([202, { status: "accepted" }]);
    const [mail] = await mailsTo(isolate, email);
    expect(mail?.text).toContain("without a password");
    const due = await useLink(isolate, email, "/auth/verify-email");
    expect(due).toEqual(enrolmentOnly);
    const { options, credential } = await passkeyFor(isolate, due.mfa_token, authenticator);
    expect(options.authenticatorSelection).toEqual({
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    });
    const { mfa_token } = due;
    const answer = await isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential }));
    expect(answer.status).toBe(200);
    const { access_token } = (await answer.json()) as Tokens;
    expect(decodeJwt(access_token)).toMatchObject({
      acr: "phishing-resistant",
      amr: ["pop", "user", "mfa"],
    });
    const again = await signInBy(isolate, await assertAlone(isolate, authenticator));
    expect(again.status).toBe(200);
    // No password was ever chosen: what cannot be shown is not asked for.
    expect((await isolate.fetch("/auth/account", remove(bearerOf(access_token)))).status).toBe(204);
  });
  expect(hashes).toBe(0);
});

test("a known address is answered alike and changes nothing; its owner is told how to get back in", async () => {
  const isolate = await givenSignInIsolate();
  const answers: unknown[] = [];
  const { email, account } = await givenPerson(isolate);
  for (const given of [email, freshAddress()]) {
    await isolate.settle();
    await isolate.forgetCalls();
    const answer = await registerWithout(isolate, given);
    await isolate.settle();
    const { summaries } = await isolate.calls();
    answers.push([answer.status, await answer.text(), [...answer.headers.keys()].toSorted(), summaries]);
  }
  expect(answers[0]).toEqual(answers[1]);
  const mails = await mailsTo(isolate, email);
  expect(mails.map(({ subject }) => subject)).toEqual(["You have an account at auth.gatehouse.test already"]);
  expect(await isolate.rooms.accounts.get(account.id)).toEqual(account);
});

test("a password for an account without one costs the hash of a wrong password and gets its answer", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenPasskeyOnly(isolate);
  const { email: other } = await givenPerson(isolate);
  const answers: unknown[] = [];
  for (const given of [email, other, freshAddress()]) {
    const hashes = await hashesIn(isolate, async () => {
      const answer = await isolate.fetch("/auth/login", json({ email: given, password: otherPassword }));
      const { request_id: _, ...problem } = (await answer.clone().json()) as Record<string, unknown>;
      await expectProblem(answer, 401, "invalid_credentials");
      answers.push([[...answer.headers.keys()].toSorted(), problem]);
    });
    expect(hashes).toBe(1);
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
});

test("the step after the link takes a passkey that verified its user and nothing else; it is no session and no proof", async () => {
  const isolate = await givenSignInIsolate();
  const { email, due } = await givenConfirmed(isolate);
  const { mfa_token } = due;
  await expectProblem(await isolate.fetch("/auth/mfa/totp", json({ mfa_token })), 409, "conflict");
  const confirm = { mfa_token, id: `fct_${"A".repeat(22)}`, code: "000000" };
  await expectProblem(await isolate.fetch("/auth/mfa/totp/confirm", json(confirm)), 409, "conflict");
  await expectProblem(
    await proveBy(isolate, { mfa_token, factor: "totp", code: "000000" }),
    401,
    "mfa_token_invalid",
  );
  expect((await isolate.fetch("/auth/sessions", { headers: bearerOf(mfa_token) })).status).toBe(401);
  const touched = await enrolBy(isolate, mfa_token, ownAuthenticator(), { isUserVerified: false });
  await expectProblem(touched, 400, "passkey_refused");
  const [account] = await isolate.rooms.accounts.list({ email, limit: 1 });
  expect(await isolate.rooms.mfa.list(account?.id ?? "")).toEqual([]);
  expect(await isolate.rooms.sessions.list(account?.id ?? "")).toEqual([]);
  expect((await enrolBy(isolate, mfa_token, ownAuthenticator())).status).toBe(200);
});

test("a link works once, replayed or twenty times at once, and of ten passkeys for one step exactly one is bound", async () => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  await registerWithout(isolate, email);
  const { link } = await linkTo(isolate, email);
  const used = await Promise.all(
    Array.from({ length: 20 }, () => isolate.fetch("/auth/verify-email", json({ link }))),
  );
  const won = used.filter(({ status }) => status === 200);
  expect([won.length, used.filter(({ status }) => status === 400).length]).toEqual([1, 19]);
  await expectProblem(await isolate.fetch("/auth/verify-email", json({ link })), 400, "link_invalid");
  const { mfa_token } = (await (won[0] as Response).json()) as { mfa_token: string };
  const made = await Promise.all(
    Array.from({ length: 10 }, () => passkeyFor(isolate, mfa_token, ownAuthenticator())),
  );
  const answers = await Promise.all(
    made.map(({ credential }) => isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential }))),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const [account] = await isolate.rooms.accounts.list({ email, limit: 1 });
  const id = account?.id ?? "";
  expect((await isolate.rooms.mfa.list(id)).map(({ kind }) => kind)).toEqual(["passkey"]);
  expect(await isolate.rooms.sessions.list(id)).toHaveLength(1);
  // The step that was used, and one that is too old.
  const replayed = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token }));
  await expectProblem(replayed, 401, "mfa_token_invalid");
  const { due } = await givenConfirmed(isolate);
  isolate.clock.advance(300_001);
  const late = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token: due.mfa_token }));
  await expectProblem(late, 401, "mfa_token_invalid");
});

test("who let the step go by asks for a new link, and registering again leads there too", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenConfirmed(isolate);
  isolate.clock.advance(600_000);
  await registerWithout(isolate, email);
  expect((await mailsTo(isolate, email))[0]?.text).toContain("https://auth.gatehouse.test/recover");
  const due = await recoverByMail(isolate, email);
  expect(due).toEqual(enrolmentOnly);
  expect((await enrolBy(isolate, due.mfa_token, ownAuthenticator())).status).toBe(200);
});

test("lost passkeys are replaced by mail: sessions end, the new passkey signs in, the old one until it is removed, and the owner is told", async () => {
  const isolate = await givenSignInIsolate();
  const { email, account, authenticator, tokens } = await givenPasskeyOnly(isolate);
  const requested = await isolate.fetch("/auth/password/recover", json({ email }));
  expect(requested.status).toBe(202);
  const { url } = await linkTo(isolate, email);
  expect(url.pathname).toBe("/recover/passkey");
  isolate.clock.advance(1000);
  const due = await useLink(isolate, email, "/auth/mfa/recover");
  expect(due).toEqual(enrolmentOnly);
  await isolate.settle();
  expect((await isolate.fetch("/auth/sessions", { headers: bearerOf(tokens.access_token) })).status).toBe(
    401,
  );
  expect(await isolate.rooms.sessions.list(account.id)).toEqual([]);
  const found = ownAuthenticator();
  expect((await enrolBy(isolate, due.mfa_token, found)).status).toBe(200);
  const subjects = (await mailsTo(isolate, email)).map(({ subject }) => subject);
  expect(subjects).toContain("A passkey was added: auth.gatehouse.test");
  expect(subjects).toContain("A new sign-in at auth.gatehouse.test");
  for (const one of [authenticator, found])
    expect((await signInBy(isolate, await assertAlone(isolate, one))).status).toBe(200);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId: account.id, limit: 10 });
  expect(events.map(({ type, reason }) => [type, reason])).toContainEqual([
    "account.opened_by_mail",
    "by_recovery",
  ]);
});

test("a recovery's link works once of twenty times at once, and opens no account that has a password", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenPasskeyOnly(isolate);
  await isolate.fetch("/auth/password/recover", json({ email }));
  const { link } = await linkTo(isolate, email);
  const used = await Promise.all(
    Array.from({ length: 20 }, () => isolate.fetch("/auth/mfa/recover", json({ link }))),
  );
  expect(used.filter(({ status }) => status === 200)).toHaveLength(1);
  const holder = await givenPasskeyHolder(isolate);
  await isolate.fetch("/auth/password/recover", json({ email: holder.email }));
  const theirs = await linkTo(isolate, holder.email);
  expect(theirs.url.pathname).toBe("/recover");
  const opened = await isolate.fetch("/auth/mfa/recover", json({ link: theirs.link }));
  await expectProblem(opened, 400, "link_invalid");
  // It was not used up by that, and does what it is for.
  const reset = { link: theirs.link, new_password: otherPassword };
  expect((await isolate.fetch("/auth/password/reset", json(reset))).status).toBe(204);
});

test("another factor is asked for after the mail, is used up by it, and only then a passkey is set up", async () => {
  const isolate = await givenSignInIsolate();
  const { email, account, authenticator, tokens } = await givenPasskeyOnly(isolate);
  const codes = await givenRecoveryCodes(isolate, tokens);
  const due = await recoverByMail(isolate, email);
  expect(due).toEqual({ mfa_required: true, mfa_token: expect.any(String), factors: ["recovery-codes"] });
  const { mfa_token } = due;
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token }));
  await expectProblem(asked, 401, "mfa_token_invalid");
  const wrong = { mfa_token, factor: "recovery-codes", code: "aaaa-aaaa-aaaa-aaaa" };
  await expectProblem(await proveBy(isolate, wrong), 401, "invalid_code");
  // A passkey that is at hand signs in by itself; beside a mail it proves nothing more.
  const credential = await assertAfter(isolate, authenticator, mfa_token);
  const shown = await proveBy(isolate, { mfa_token, factor: "passkey", credential });
  await expectProblem(shown, 401, "mfa_token_invalid");
  const right = { mfa_token, factor: "recovery-codes", code: codes[0] };
  const answers = await Promise.all(Array.from({ length: 5 }, () => proveBy(isolate, right)));
  const won = answers.filter(({ status }) => status === 200);
  expect(won).toHaveLength(1);
  const next = (await (won[0] as Response).json()) as { mfa_token: string };
  expect(next).toEqual(enrolmentOnly);
  expect(await isolate.rooms.sessions.list(account.id)).toEqual([]);
  expect((await mailsTo(isolate, email))[0]?.subject).toContain("A recovery code was used");
  const answer = await enrolBy(isolate, next.mfa_token, ownAuthenticator());
  expect(decodeJwt(((await answer.json()) as Tokens).access_token)).toMatchObject({
    acr: "phishing-resistant",
  });
});

test("where policy demands two factors a mail alone replaces no passkey: a recovery code does, or an operator's reset", async () => {
  const open = await givenSignInIsolate();
  const environment = { LEVEL_POLICY: "everyone=two-factor" };
  const strict = await givenSignInIsolate({ environment, clock: open.clock });
  const { email, account } = await givenPasskeyOnly(strict);
  await strict.fetch("/auth/password/recover", json({ email }));
  const { link } = await linkTo(strict, email);
  const refused = await strict.fetch("/auth/mfa/recover", json({ link }));
  await expectProblem(refused, 403, "recovery_refused");
  const operator = {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: strict.background,
  } as const;
  await strict.rooms.mfa.removeAll(account.id, operator);
  strict.clock.advance(1000);
  const due = await recoverByMail(strict, email);
  expect(due).toEqual(enrolmentOnly);
  expect((await enrolBy(strict, due.mfa_token, ownAuthenticator())).status).toBe(200);
});

test("a password set by the mail's reader gets them past no passkey", async () => {
  const isolate = await givenSignInIsolate();
  const { email, account } = await givenPasskeyOnly(isolate);
  await isolate.fetch("/auth/password/recover", json({ email }));
  const { link } = await linkTo(isolate, email);
  const reset = { link, new_password: otherPassword };
  expect((await isolate.fetch("/auth/password/reset", json(reset))).status).toBe(204);
  const due = await givenStep(isolate, { email, password: otherPassword });
  expect([due.factors, due.enrolment_required]).toEqual([["passkey", "recovery-codes"], undefined]);
  expect(await isolate.rooms.sessions.list(account.id)).toEqual([]);
});

test("the last passkey that opens an account without a password stays, also when two are taken away at once", async () => {
  const isolate = await givenSignInIsolate();
  const { account, tokens } = await givenPasskeyOnly(isolate);
  const headers = bearerOf(tokens.access_token);
  const [only] = await isolate.rooms.mfa.list(account.id);
  const path = (id: string | undefined) => `/auth/mfa/factors/${id}`;
  await expectProblem(await isolate.fetch(path(only?.id), remove(headers)), 409, "conflict");
  const touched = await addPasskey(isolate, tokens, ownAuthenticator(), { isUserVerified: false });
  expect(touched.status).toBe(201);
  await expectProblem(await isolate.fetch(path(only?.id), remove(headers)), 409, "conflict");
  expect((await addPasskey(isolate, tokens, ownAuthenticator())).status).toBe(201);
  const held = await isolate.rooms.mfa.list(account.id);
  const verified = held.filter(({ isUserVerified }) => isUserVerified);
  const answers = await Promise.all(verified.map(({ id }) => isolate.fetch(path(id), remove(headers))));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409]);
});

test("a password is added after a fresh proof, once, and is one factor: it ends nothing and opens nothing alone", async () => {
  const isolate = await givenSignInIsolate(longTokens);
  const { email, account, authenticator, tokens } = await givenPasskeyOnly(isolate);
  const body = { new_password: goodPassword };
  const add = (held: Pick<Tokens, "access_token">, given: object = body) =>
    isolate.fetch("/auth/password/add", json(given, bearerOf(held.access_token)));
  await expectProblem(await add(tokens, { new_password: "short" }), 400, "password_refused");
  isolate.clock.advance(599_000);
  const fresh = (await (await signInBy(isolate, await assertAlone(isolate, authenticator))).json()) as Tokens;
  isolate.clock.advance(2000);
  await expectProblem(await add(tokens), 401, "insufficient_user_authentication");
  const answers = await Promise.all([add(fresh), add(fresh)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409]);
  await isolate.settle();
  expect(await isolate.rooms.sessions.list(account.id)).toHaveLength(2);
  expect((await mailsTo(isolate, email)).map(({ subject }) => subject)).toContain(
    "Your account at auth.gatehouse.test has a password now",
  );
  expect(await givenStep(isolate, { email, password: goodPassword })).toMatchObject({
    factors: ["passkey", "recovery-codes"],
  });
  await expectProblem(await add(fresh), 409, "conflict");
});

test("a password goes only by a fresh passkey, and while something stands that a mail's reader has not; other sessions end", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const go = (held: Pick<Tokens, "access_token">) =>
    isolate.fetch("/auth/password/remove", json({}, bearerOf(held.access_token)));
  await expectProblem(await go(holder.tokens), 401, "insufficient_user_authentication");
  const strong = (await (
    await signInBy(isolate, await assertAlone(isolate, holder.authenticator))
  ).json()) as Tokens;
  await expectProblem(await go(strong), 409, "conflict");
  await givenRecoveryCodes(isolate, strong);
  expect((await go(strong)).status).toBe(204);
  await isolate.settle();
  expect(await isolate.rooms.accounts.get(holder.account.id)).toMatchObject({
    hasPassword: false,
    passwordChangedAt: null,
  });
  const live = await isolate.rooms.sessions.list(holder.account.id);
  expect(live.map(({ acr }) => acr)).toEqual(["phishing-resistant"]);
  const login = { email: holder.email, password: holder.password };
  await expectProblem(await isolate.fetch("/auth/login", json(login)), 401, "invalid_credentials");
  expect((await mailsTo(isolate, holder.email))[0]?.subject).toContain("no password any more");
  await expectProblem(await go(strong), 409, "conflict");
  expect((await signInBy(isolate, await assertAlone(isolate, holder.authenticator))).status).toBe(200);
});

test("a key that is merely touched, or an app alone, lets no password go", async () => {
  const isolate = await givenSignInIsolate();
  const touched = { isUserVerified: false };
  const holder = await givenPasskeyHolder(isolate, touched);
  const { mfa_token } = await givenStep(isolate, holder);
  const credential = await assertAfter(isolate, holder.authenticator, mfa_token, touched);
  const strong = (await (
    await proveBy(isolate, { mfa_token, factor: "passkey", credential })
  ).json()) as Tokens;
  expect(decodeJwt(strong.access_token)).toMatchObject({ acr: "phishing-resistant" });
  await givenRecoveryCodes(isolate, strong);
  const go = (held: Tokens) => isolate.fetch("/auth/password/remove", json({}, bearerOf(held.access_token)));
  await expectProblem(await go(strong), 409, "conflict");
  const person = await givenTotp(isolate);
  const due = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  const two = await proveBy(isolate, { mfa_token: due.mfa_token, factor: "totp", code });
  await expectProblem(await go((await two.json()) as Tokens), 401, "insufficient_user_authentication");
  expect((await isolate.rooms.accounts.get(person.account.id)).hasPassword).toBe(true);
});

test("without a password the address is changed and the account deleted by a fresh passkey alone; with one it is still wanted", async () => {
  const isolate = await givenSignInIsolate(longTokens);
  const { account, authenticator, tokens } = await givenPasskeyOnly(isolate);
  const email = freshAddress();
  const move = (held: Tokens) =>
    isolate.fetch("/auth/email/change", json({ email }, bearerOf(held.access_token)));
  isolate.clock.advance(600_001);
  await expectProblem(await move(tokens), 401, "insufficient_user_authentication");
  await expectProblem(
    await isolate.fetch("/auth/account", remove(bearerOf(tokens.access_token))),
    401,
    "insufficient_user_authentication",
  );
  const sign = async () =>
    (await (await signInBy(isolate, await assertAlone(isolate, authenticator))).json()) as Tokens;
  expect((await move(await sign())).status).toBe(202);
  const { link } = await linkTo(isolate, email);
  expect((await isolate.fetch("/auth/verify-email", json({ link }))).status).toBe(204);
  expect(await isolate.rooms.accounts.get(account.id)).toMatchObject({ email, hasPassword: false });
  const gone = await isolate.fetch("/auth/account", remove(bearerOf((await sign()).access_token)));
  expect(gone.status).toBe(204);
  const theirs = await givenTokens(isolate, await givenPerson(isolate));
  for (const body of [{}, { password: null }])
    await expectProblem(
      await isolate.fetch("/auth/account", remove(bearerOf(theirs.access_token), body)),
      400,
      "invalid_request",
    );
});

test("a telephone is no way back to an account without a password: beside passkeys alone the mail is refused, beside recovery codes it is not taken", async () => {
  const isolate = await givenSmsIsolate();
  const bare = await givenPasskeyOnly(isolate);
  await addPhone(isolate, bare.tokens);
  await isolate.fetch("/auth/password/recover", json({ email: bare.email }));
  const { link } = await linkTo(isolate, bare.email);
  await expectProblem(await isolate.fetch("/auth/mfa/recover", json({ link })), 403, "recovery_refused");

  const coded = await givenPasskeyOnly(isolate);
  const number = await addPhone(isolate, coded.tokens);
  const [recovery = ""] = await givenRecoveryCodes(isolate, coded.tokens);
  const { mfa_token, factors } = await recoverByMail(isolate, coded.email);
  expect(factors).toEqual(["recovery-codes"]);
  await sendCode(isolate, mfa_token);
  const texted = { mfa_token, factor: "sms", code: await codeTo(isolate, number) };
  await expectProblem(await proveBy(isolate, texted), 401, "mfa_token_invalid");
  const shown = await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: recovery });
  expect([shown.status, await shown.json()]).toEqual([200, expect.objectContaining({ factors: [] })]);
});
