import { expect, test } from "vitest";
import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenStep, givenTotp, proveBy } from "../support/given-factors.ts";
import { ownAuthenticator } from "../support/given-passkey-holder.ts";
import { asOperator, givenPerson } from "../support/given-people.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("OT-06: what the password alone opened is no token, sets no cookie and reaches nothing of the account", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { email, password } = person;
  const answer = await isolate.fetch("/auth/login", json({ email, password }));
  expect(answer.headers.getSetCookie()).toEqual([]);
  const due = (await answer.json()) as Record<string, unknown>;
  expect(Object.keys(due).sort()).toEqual(["factors", "mfa_required", "mfa_token"]);
  const token = String(due["mfa_token"]);
  for (const path of ["/auth/sessions", "/auth/account", "/auth/mfa/factors"])
    await expectProblem(await isolate.fetch(path, { headers: bearerOf(token) }), 401, "invalid_token");
  await expectProblem(
    await isolate.fetch("/auth/refresh", json({ refresh_token: token.slice(0, 500) })),
    401,
    "invalid_grant",
  );
});

test("OT-06: who has a factor cannot set up another before having shown it", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const early = await givenStep(isolate, person);
  // A step from before the first factor, kept by whoever also knows the password.
  const begun = (await (
    await isolate.fetch("/auth/mfa/totp", json({ mfa_token: early.mfa_token }))
  ).json()) as {
    id: string;
    secret: string;
  };
  const confirm = { mfa_token: early.mfa_token, id: begun.id, code: codeOf(isolate, begun.secret) };
  expect((await isolate.fetch("/auth/mfa/totp/confirm", json(confirm))).status).toBe(200);
  const late = await givenStep(isolate, person);
  expect(late.factors).toContain("totp");
  for (const mfa_token of [early.mfa_token, late.mfa_token]) {
    for (const path of ["/auth/mfa/totp", "/auth/mfa/passkeys/challenge"])
      await expectProblem(await isolate.fetch(path, json({ mfa_token })), 401, "mfa_token_invalid");
  }
});

test("OT-06: a step is worth nothing altered, five minutes later, or after the password was changed", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const shown = (token: string) => ({
    mfa_token: token,
    factor: "totp",
    code: codeOf(isolate, person.secret),
  });
  const middle = Math.floor(mfa_token.length / 2);
  const swapped = mfa_token[middle] === "A" ? "B" : "A";
  for (const bad of [`${mfa_token.slice(0, middle)}${swapped}${mfa_token.slice(middle + 1)}`, "gm_1.a.b", ""])
    await expectProblem(await proveBy(isolate, shown(bad)), 401, "mfa_token_invalid");
  const kept = await givenStep(isolate, person);
  await isolate.rooms.sessions.endAll(person.account.id, "by_operator", {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  });
  await expectProblem(await proveBy(isolate, shown(kept.mfa_token)), 401, "mfa_token_invalid");
  const old = await givenStep(isolate, person);
  isolate.clock.advance(5 * 60_000 + 1);
  await expectProblem(await proveBy(isolate, shown(old.mfa_token)), 401, "mfa_token_invalid");
});

test("OT-06: of an app and a passkey set up at the same moment by who only gave the password, one is there; the other must be proved against", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const [mine, theirs] = [await givenStep(isolate, person), await givenStep(isolate, person)];
  const begun = await isolate.fetch("/auth/mfa/totp", json({ mfa_token: mine.mfa_token }));
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token: theirs.mfa_token }));
  const { public_key } = (await asked.json()) as { public_key: PasskeyCreationOptions };
  const credential = await ownAuthenticator().register(public_key);
  const confirm = { mfa_token: mine.mfa_token, id, code: codeOf(isolate, secret) };
  const answers = await Promise.all([
    isolate.fetch("/auth/mfa/totp/confirm", json(confirm)),
    isolate.fetch("/auth/mfa/totp/confirm", json(confirm)),
    isolate.fetch("/auth/mfa/passkeys", json({ mfa_token: theirs.mfa_token, credential })),
  ]);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  for (const { status } of answers) expect([200, 400, 401, 404]).toContain(status);
  expect(await isolate.rooms.mfa.list(person.account.id)).toHaveLength(1);
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
});

test("OT-06: what was let in before the account changed sets up nothing after it", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const { mfa, accounts, sessions } = isolate.rooms;
  const account = await accounts.get(person.account.id);
  const holder = { accountId: account.id, email: account.email, version: account.version };
  const operator = asOperator(isolate);
  const { id, secret } = await mfa.beginTotp(holder);
  const response = await ownAuthenticator().register(await mfa.passkeyCreation(holder, "given"));
  await sessions.endAll(account.id, "signed_out_everywhere", operator);
  await expect(mfa.confirmTotp(id, codeOf(isolate, secret), holder, operator)).rejects.toMatchObject({
    code: "not_found",
  });
  expect(await mfa.addPasskey(response, { ...holder, binding: "given", name: "" }, operator)).toBeNull();
  expect(await mfa.list(account.id)).toEqual([]);
  // Nothing was set up, so nothing that was proved meanwhile is undone by it.
  expect((await accounts.get(account.id)).version).toBe(account.version + 1);
});
