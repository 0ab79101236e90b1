import { expect, test } from "vitest";
import type { EventReason } from "../../src/audit/events.ts";
import { limits } from "../../src/rate-limits/limits.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenSignedIn, givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenStep, givenTotp, type Person, proveBy, wrongCodeOf } from "../support/given-factors.ts";
import {
  addPasskey,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { asOperator, givenPerson } from "../support/given-people.ts";
import { bearerOf, givenTokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

/** What this isolate's refusals said since it began: reason, actor, subject; in the order in which they happened. */
async function refusalsOf(isolate: Isolate, type: "factor.refused" | "access.refused" | "sign_in.refused") {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type, limit: 10_000 });
  return events
    .filter(({ outcome, origin }) => outcome === "refused" && origin.address === isolate.address)
    .map(({ reason, actor, subject, count }) => ({
      reason,
      by: actor.type,
      about: subject?.id ?? null,
      count,
    }));
}
type Refusal = Awaited<ReturnType<typeof refusalsOf>>[number];
const by =
  (actor: "stranger" | "user", about: string | null) =>
  (reason: EventReason, count = 1): Refusal => ({ reason, by: actor, about, count });
const expectEach = (found: readonly Refusal[], expected: readonly Refusal[]) => {
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(expect.arrayContaining([...expected]));
};

test("a waiting sign-in that is not ours, is over, waits for something else, or whose account changed is refused with an event; a flood of them is counted", async () => {
  const waiting = Promise.withResolvers<void>();
  const isolate = await givenSignInIsolate({ waitForRefusals: () => waiting.promise });
  const person = await givenTotp(isolate);
  const shown = (mfa_token: string) => ({ mfa_token, factor: "totp", code: "000000" });
  const refuse = async (answer: Promise<Response>) =>
    await expectProblem(await answer, 401, "mfa_token_invalid");
  await Promise.all(Array.from({ length: 20 }, () => refuse(proveBy(isolate, shown("gm_none")))));
  await refuse(proveBy(isolate, shown("gm_1.AAAAAAAAAAAAAAAA.AAAA")));
  const old = await givenStep(isolate, person);
  await refuse(isolate.fetch("/auth/mfa/totp", json({ mfa_token: old.mfa_token })));
  isolate.clock.advance(300_001);
  await refuse(proveBy(isolate, shown(old.mfa_token)));
  await refuse(isolate.fetch("/auth/mfa/passkey/challenge", json({ mfa_token: old.mfa_token })));
  const changed = await givenStep(isolate, person);
  await isolate.rooms.sessions.endAll(person.account.id, "by_operator", asOperator(isolate));
  await refuse(proveBy(isolate, shown(changed.mfa_token)));
  const ofNobody = by("stranger", null);
  const ofOwner = by("stranger", person.account.id);
  waiting.resolve();
  expectEach(await refusalsOf(isolate, "factor.refused"), [
    ofNobody("malformed", 20),
    ofNobody("forged"),
    ofOwner("wrong_type"),
    ofOwner("expired", 2),
    by("user", person.account.id)("superseded"),
  ]);
});

test("a proof that lost the race, or comes a second time, is refused with an event: code and passkey alike", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const code = codeOf(isolate, person.secret);
  const steps = [await givenStep(isolate, person), await givenStep(isolate, person)];
  const answers = await Promise.all(
    steps.map(({ mfa_token }) => proveBy(isolate, { mfa_token, factor: "totp", code })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
  const holder = await givenPasskeyHolder(isolate);
  const credential = await assertAlone(isolate, holder.authenticator);
  expect((await signInBy(isolate, credential)).status).toBe(200);
  await expectProblem(await signInBy(isolate, credential), 401, "invalid_passkey");
  expectEach(await refusalsOf(isolate, "factor.refused"), [
    by("user", person.account.id)("replayed"),
    by("user", holder.account.id)("replayed"),
  ]);
});

test("a passkey that proves too little, came too late or is nobody's is refused with an event", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate, { isUserVerified: false });
  const touched = await assertAlone(isolate, holder.authenticator, { isUserVerified: false });
  await expectProblem(await signInBy(isolate, touched), 401, "invalid_passkey");
  const late = await assertAlone(isolate, holder.authenticator);
  isolate.clock.advance(300_001);
  await expectProblem(await signInBy(isolate, late), 401, "invalid_passkey");
  const credential = { ...late, id: "AAAA", rawId: "AAAA" };
  await expectProblem(await signInBy(isolate, credential), 401, "invalid_passkey");
  const ofHolder = by("stranger", holder.account.id);
  expectEach(await refusalsOf(isolate, "factor.refused"), [
    ofHolder("insufficient_user_authentication"),
    ofHolder("expired"),
    by("stranger", null)("unknown"),
  ]);
});

test("what is refused while a factor is set up is an event: a wrong first code, a passkey made elsewhere, one sent twice", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const tokens = await givenTokens(isolate, person);
  const headers = bearerOf(tokens.access_token);
  const begun = await isolate.fetch("/auth/mfa/totp", json({}, headers));
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  const wrong = json({ id, code: wrongCodeOf(isolate, secret) }, headers);
  await expectProblem(await isolate.fetch("/auth/mfa/totp/confirm", wrong), 401, "invalid_code");
  const elsewhere = await addPasskey(isolate, tokens, ownAuthenticator(), { origin: "https://evil.example" });
  await expectProblem(elsewhere, 400, "passkey_refused");
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({}, headers));
  const { public_key } = (await asked.json()) as {
    public_key: Parameters<ReturnType<typeof ownAuthenticator>["register"]>[0];
  };
  const credential = await ownAuthenticator().register(public_key);
  const other = await ownAuthenticator().register(public_key);
  const add = (sent: object) => isolate.fetch("/auth/mfa/passkeys", json({ credential: sent }, headers));
  expect((await add(credential)).status).toBe(201);
  // The session was one factor, and there is a factor now: prove more first.
  await expectProblem(await add(other), 401, "insufficient_user_authentication");
  await isolate.rooms.mfa.removeAll(person.account.id, asOperator(isolate));
  await expectProblem(await add(other), 400, "passkey_refused");
  const ofOwner = by("user", person.account.id);
  expectEach(await refusalsOf(isolate, "factor.refused"), [
    ofOwner("wrong_code"),
    ofOwner("wrong_passkey"),
    ofOwner("replayed"),
  ]);
});

test("what a session is too weak for is an event: at factors, password, address and account, by call and by page", async () => {
  const isolate = await givenSignInIsolate();
  const person: Person = await givenPerson(isolate);
  const { browser } = await givenSignedIn(isolate, person);
  const shown = await browser.open("/account/security");
  const form = shown.forms.find(({ names }) => names.includes("new_password"));
  const { tokens, id } = await givenTotp(isolate, person);
  const headers = bearerOf(tokens.access_token);
  const calls: [string, RequestInit][] = [
    ["/auth/mfa/totp", json({}, headers)],
    [`/auth/mfa/factors/${id}`, { method: "DELETE", headers }],
    ["/auth/password/change", json({}, headers)],
    ["/auth/email/change", json({}, headers)],
    ["/auth/account", { ...json({}, headers), method: "DELETE" }],
  ];
  for (const [path, init] of calls)
    await expectProblem(await isolate.fetch(path, init), 401, "insufficient_user_authentication");
  const fields = { ...form?.hidden, password: person.password, new_password: "another fine password here" };
  const { answer } = await browser.post("/account/security", fields);
  expect([answer.status, answer.headers.get("location")]).toEqual([
    303,
    "/login/again?return_to=%2Faccount%2Fsecurity",
  ]);
  expect((await browser.open("/account/security/app")).answer.status).toBe(303);
  const told = (await refusalsOf(isolate, "access.refused")).filter(({ about }) => about === "own-account");
  expect(
    told.every(({ reason, by: who }) => reason === "insufficient_user_authentication" && who === "user"),
  ).toBe(true);
  expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(calls.length + 1);
});

test("who is refused again and again is braked without a call to a store, and that is an event too", async () => {
  const waiting = Promise.withResolvers<void>();
  const isolate = await givenSignInIsolate({ waitForRefusals: () => waiting.promise });
  const authenticator = ownAuthenticator();
  await authenticator.register(await isolate.rooms.mfa.passkeyCreation({ accountId: "none", email: "" }, ""));
  const credential = await assertAlone(isolate, authenticator);
  for (let time = 0; time < limits.refusedFactors.permits; time += 1)
    expect((await signInBy(isolate, credential)).status).toBe(401);
  await isolate.forgetCalls();
  const braked = await signInBy(isolate, credential);
  await expectProblem(braked, 429, "rate_limited");
  expect(Number(braked.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await isolate.calls()).postgres).toBe(0);
  waiting.resolve();
  expectEach(await refusalsOf(isolate, "factor.refused"), [
    by("stranger", null)("unknown", limits.refusedFactors.permits),
    by("stranger", null)("guessing"),
  ]);
});
