import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import {
  codeOf,
  type FactorDue,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import {
  assertAfter,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { asPerson, givenPerson, mailsTo } from "../support/given-people.ts";
import { bearerOf, givenDevice, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

const givenStrict = (policy: string, from?: Isolate): Promise<Isolate> =>
  givenSignInIsolate({ environment: { LEVEL_POLICY: policy }, ...(from ? { clock: from.clock } : {}) });

const login = (isolate: Isolate, { email, password }: { email: string; password: string }) =>
  isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));

const sessionsOf = async (isolate: Isolate, accountId: string): Promise<number> =>
  (await isolate.rooms.sessions.list(accountId)).length;

const levelIn = async (answer: Response): Promise<unknown> => {
  expect(answer.status).toBe(200);
  return decodeJwt(((await answer.json()) as Tokens).access_token)["acr"];
};

async function beginTotp(isolate: Isolate, { mfa_token }: FactorDue) {
  const begun = await isolate.fetch("/auth/mfa/totp", json({ mfa_token }));
  expect(begun.status).toBe(201);
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  return { mfa_token, id, code: codeOf(isolate, secret) };
}

test("everyone=two-factor: a password alone begins nothing, and its step opens neither an account nor a proof but what sets a factor up", async () => {
  const isolate = await givenStrict("everyone=two-factor");
  const person = await givenPerson(isolate);
  const answer = await login(isolate, person);
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
  const body = (await answer.json()) as FactorDue;
  expect(body).toEqual({
    mfa_required: true,
    mfa_token: expect.any(String),
    factors: [],
    enrolment_required: true,
  });
  const { mfa_token } = body;
  expect((await isolate.fetch("/auth/sessions", { headers: bearerOf(mfa_token) })).status).toBe(401);
  const guess = { mfa_token, factor: "totp", code: "000000" };
  await expectProblem(await proveBy(isolate, guess), 401, "mfa_token_invalid");
  const asked = await isolate.fetch("/auth/mfa/passkey/challenge", json({ mfa_token }));
  await expectProblem(asked, 401, "mfa_token_invalid");
  expect(await sessionsOf(isolate, person.account.id)).toBe(0);
  const confirm = await beginTotp(isolate, body);
  expect(await levelIn(await isolate.fetch("/auth/mfa/totp/confirm", json(confirm)))).toBe("two-factor");
  expect(await sessionsOf(isolate, person.account.id)).toBe(1);
});

test("everyone=two-factor: of two steps of one password, the one that sets a factor up second sets up nothing", async () => {
  const isolate = await givenStrict("everyone=two-factor");
  const person = await givenPerson(isolate);
  const [owners, thiefs] = [await givenStep(isolate, person), await givenStep(isolate, person)];
  const confirm = await beginTotp(isolate, owners);
  expect((await isolate.fetch("/auth/mfa/totp/confirm", json(confirm))).status).toBe(200);
  await isolate.settle();
  const { mfa_token } = thiefs;
  for (const path of ["/auth/mfa/totp", "/auth/mfa/passkeys/challenge"])
    await expectProblem(await isolate.fetch(path, json({ mfa_token })), 401, "mfa_token_invalid");
  expect(await sessionsOf(isolate, person.account.id)).toBe(1);
});

test("account-scope:S=two-factor binds the accounts that hold S, from their next sign-in on, and no other", async () => {
  const isolate = await givenStrict("account-scope:billing.write=two-factor");
  const holder = await givenPerson(isolate, { scopes: ["orders.read", "billing.write"] });
  const other = await givenPerson(isolate, { scopes: ["orders.read", "billing.writer"] });
  expect(await givenStep(isolate, holder)).toMatchObject({ factors: [], enrolment_required: true });
  expect(await levelIn(await login(isolate, other))).toBe("one-factor");
  const operator = {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  } as const;
  await isolate.rooms.accounts.setScopes(other.account.id, ["billing.write"], operator);
  expect(await givenStep(isolate, other)).toMatchObject({ enrolment_required: true });
  await isolate.rooms.accounts.setScopes(holder.account.id, [], operator);
  expect(await levelIn(await login(isolate, holder))).toBe("one-factor");
});

test("of everyone= and account-scope: the stronger binds", async () => {
  const policy = "everyone=two-factor,account-scope:admin=phishing-resistant,account-scope:weak=one-factor";
  const open = await givenSignInIsolate();
  const scopes = [["admin"], ["weak"]];
  const [admin, weak] = await Promise.all(
    scopes.map(async (held) =>
      givenPasskeyHolder(open, { isUserVerified: false }, await givenPerson(open, { scopes: held })),
    ),
  );
  const strict = await givenStrict(policy, open);
  for (const holder of [admin, weak]) {
    if (!holder) throw new Error("nobody");
    const touched = await assertAlone(strict, holder.authenticator, { isUserVerified: false });
    await expectProblem(await signInBy(strict, touched), 401, "invalid_passkey");
    expect(await levelIn(await signInBy(strict, await assertAlone(strict, holder.authenticator)))).toBe(
      "phishing-resistant",
    );
  }
});

test("account-scope:S=two-factor: a passkey that only proves presence signs in alone nowhere; after the password it does", async () => {
  const isolate = await givenStrict("account-scope:billing.write=two-factor");
  const open = await givenSignInIsolate({ clock: isolate.clock });
  const touched = { isUserVerified: false };
  const free = await givenPasskeyHolder(open, touched);
  const bound = await givenPasskeyHolder(
    open,
    touched,
    await givenPerson(open, { scopes: ["billing.write"] }),
  );
  const before = await sessionsOf(isolate, bound.account.id);
  const alone = (holder: typeof free) => assertAlone(isolate, holder.authenticator, touched);
  for (const holder of [free, bound])
    await expectProblem(await signInBy(isolate, await alone(holder)), 401, "invalid_passkey");
  expect(await sessionsOf(isolate, bound.account.id)).toBe(before);
  const { mfa_token } = await givenStep(isolate, bound);
  const credential = await assertAfter(isolate, bound.authenticator, mfa_token, touched);
  expect(await levelIn(await proveBy(isolate, { mfa_token, factor: "passkey", credential }))).toBe(
    "phishing-resistant",
  );
});

test("a passkey that only proves presence is set up where two factors are demanded: with the password before it, it is the second", async () => {
  const isolate = await givenStrict("everyone=phishing-resistant");
  const person = await givenPerson(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token }));
  const { public_key } = (await asked.json()) as {
    public_key: Parameters<ReturnType<typeof ownAuthenticator>["register"]>[0];
  };
  const credential = await ownAuthenticator().register(public_key, { isUserVerified: false });
  const answer = await isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential }));
  expect(await levelIn(answer)).toBe("phishing-resistant");
});

const passkeyRequired = { level_required: "phishing-resistant" };

/** Sets a passkey up in a sign-in. */
async function enrolPasskey(isolate: Isolate, mfa_token: string): Promise<Response> {
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token }));
  expect(asked.status).toBe(200);
  const { public_key } = (await asked.json()) as { public_key: PasskeyCreationOptions };
  const credential = await ownAuthenticator().register(public_key);
  return await isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential }));
}

test("phishing-resistant demanded of an account that has only an app: the app or a recovery code begins nothing, and leads to a passkey with which the session begins", async () => {
  const open = await givenSignInIsolate();
  const strict = await givenStrict("everyone=phishing-resistant", open);
  const route = await givenTokenRoute(strict, { level: "phishing-resistant" });
  for (const factor of ["totp", "recovery-codes"] as const) {
    const person = await givenTotp(open);
    const [recovery = ""] = await givenRecoveryCodes(open, await givenTwoFactorTokens(open, person));
    const before = await sessionsOf(strict, person.account.id);
    const due = await givenStep(strict, person);
    const ways = { factors: [], enrolment_factors: ["totp", "recovery-codes"] };
    expect(due).toEqual({ mfa_required: true, mfa_token: expect.any(String), ...ways, ...passkeyRequired });
    const code = factor === "totp" ? codeOf(strict, person.secret) : recovery;
    const [led, late] = await Promise.all(
      [0, 1].map(() => proveBy(strict, { mfa_token: due.mfa_token, factor, code })),
    );
    const [ok, no] = led?.status === 200 ? [led, late] : [late, led];
    // Of two at once one leads on: the proof is used up though nothing begins by it.
    await expectProblem(no as Response, 401, "invalid_code");
    await expectProblem(
      await proveBy(strict, { mfa_token: due.mfa_token, factor, code }),
      401,
      "invalid_code",
    );
    expect(ok?.headers.getSetCookie()).toEqual([]);
    const next = (await ok?.json()) as FactorDue;
    const setUp = {
      mfa_required: true,
      mfa_token: expect.any(String),
      factors: [],
      enrolment_required: true,
    };
    expect(next).toEqual({ ...setUp, ...passkeyRequired });
    expect(await sessionsOf(strict, person.account.id)).toBe(before);
    const answer = await enrolPasskey(strict, next.mfa_token);
    expect(answer.status).toBe(200);
    const { access_token } = (await answer.json()) as Tokens;
    const shown = factor === "totp" ? ["pwd", "otp"] : ["pwd"];
    expect(decodeJwt(access_token)).toMatchObject({
      acr: "phishing-resistant",
      amr: [...shown, "pop", "user", "mfa"],
    });
    expect((await route.call(access_token)).status).toBe(200);
    const subjects = (await mailsTo(strict, person.email)).map(({ subject }) => subject);
    expect(subjects).toContainEqual(expect.stringContaining("A passkey was added"));
    expect(subjects.some((one) => one.includes("A recovery code was used"))).toBe(
      factor === "recovery-codes",
    );
    // What led here is worth nothing any more.
    await expectProblem(
      await strict.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token: next.mfa_token })),
      401,
      "mfa_token_invalid",
    );
  }
});

test("phishing-resistant demanded: neither the password alone, nor an app set up on the way, nor a step of before a change comes nearer to a session", async () => {
  const open = await givenSignInIsolate();
  const person = await givenTotp(open);
  const strict = await givenStrict("everyone=phishing-resistant", open);
  const before = await sessionsOf(strict, person.account.id);
  const headers = bearerOf((await givenTwoFactorTokens(open, person)).access_token);
  const pending = (await (await open.fetch("/auth/mfa/totp", json({}, headers))).json()) as {
    id: string;
    secret: string;
  };
  const { mfa_token } = await givenStep(strict, person);
  const paths = ["/auth/mfa/totp", "/auth/mfa/passkeys/challenge"];
  for (const path of paths)
    await expectProblem(await strict.fetch(path, json({ mfa_token })), 401, "mfa_token_invalid");
  const proof = { mfa_token, factor: "totp", code: codeOf(strict, person.secret) };
  const { mfa_token: next } = (await (await proveBy(strict, proof)).json()) as FactorDue;
  await expectProblem(await strict.fetch("/auth/mfa/totp", json({ mfa_token: next })), 409, "conflict");
  const confirm = { mfa_token: next, id: pending.id, code: codeOf(strict, pending.secret) };
  await expectProblem(await strict.fetch("/auth/mfa/totp/confirm", json(confirm)), 409, "conflict");
  // It sets up, and shows nothing any more.
  await expectProblem(await proveBy(strict, { ...proof, mfa_token: next }), 401, "mfa_token_invalid");
  await expectProblem(
    await strict.fetch("/auth/mfa/passkey/challenge", json({ mfa_token: next })),
    401,
    "mfa_token_invalid",
  );
  const { mfa_token: _, ...confirmed } = confirm;
  expect((await open.fetch("/auth/mfa/totp/confirm", json(confirmed, headers))).status).toBe(204);
  for (const path of paths)
    await expectProblem(await strict.fetch(path, json({ mfa_token: next })), 401, "mfa_token_invalid");
  expect(await sessionsOf(strict, person.account.id)).toBe(before + 1);
});

test("phishing-resistant demanded of an account that has a passkey beside an app: the passkey is asked for, and the app leads to another one", async () => {
  const open = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(open, {}, await givenPerson(open, { scopes: ["admin"] }));
  const headers = bearerOf(holder.tokens.access_token);
  const raise = (await (await open.fetch("/auth/mfa/step-up", json({}, headers))).json()) as FactorDue;
  const again = await assertAfter(open, holder.authenticator, raise.mfa_token);
  const raised = await proveBy(open, { mfa_token: raise.mfa_token, factor: "passkey", credential: again });
  const fresh = bearerOf(((await raised.json()) as Tokens).access_token);
  const app = (await (await open.fetch("/auth/mfa/totp", json({}, fresh))).json()) as {
    id: string;
    secret: string;
  };
  const confirm = { id: app.id, code: codeOf(open, app.secret) };
  expect((await open.fetch("/auth/mfa/totp/confirm", json(confirm, fresh))).status).toBe(204);
  open.clock.advance(60_000);
  const strict = await givenStrict("account-scope:admin=phishing-resistant", open);
  const due = await givenStep(strict, holder);
  expect(due).toMatchObject({
    factors: ["passkey"],
    enrolment_factors: ["totp", "recovery-codes"],
    ...passkeyRequired,
  });
  const { mfa_token } = due;
  const lost = await proveBy(strict, { mfa_token, factor: "totp", code: codeOf(strict, app.secret) });
  expect(await lost.clone().json()).toMatchObject({ enrolment_required: true });
  const credential = await assertAfter(strict, holder.authenticator, mfa_token);
  expect(await levelIn(await proveBy(strict, { mfa_token, factor: "passkey", credential }))).toBe(
    "phishing-resistant",
  );
  const other = await enrolPasskey(strict, ((await lost.json()) as FactorDue).mfa_token);
  expect(await levelIn(other)).toBe("phishing-resistant");
});

test("phishing-resistant demanded of an account that has nothing: only a passkey may be set up, and an app is refused", async () => {
  const isolate = await givenStrict("everyone=phishing-resistant");
  const due = await givenStep(isolate, await givenPerson(isolate));
  expect(due).toMatchObject({ factors: [], enrolment_required: true, ...passkeyRequired });
  const { mfa_token } = due;
  await expectProblem(await isolate.fetch("/auth/mfa/totp", json({ mfa_token })), 409, "conflict");
  expect(await levelIn(await enrolPasskey(isolate, mfa_token))).toBe("phishing-resistant");
});

test("a policy that becomes phishing-resistant while an app is set up in a sign-in: the app is there, and a passkey is asked for before the session", async () => {
  const mild = await givenStrict("everyone=two-factor");
  const person = await givenPerson(mild);
  const begun = await beginTotp(mild, await givenStep(mild, person));
  const { steps } = mild.rooms.mfa;
  const step = await steps.read(begun.mfa_token, "enrolment", asPerson(mild, person.account.id));
  if (!step) throw new Error("no step");
  const strict = await givenStrict("everyone=phishing-resistant", mild);
  const holder = { accountId: person.account.id, email: person.email, version: person.account.version };
  expect(
    await mild.rooms.mfa.confirmTotp(begun.id, begun.code, holder, asPerson(mild, person.account.id)),
  ).toBe(true);
  const visitor = {
    network: "given",
    origin: asPerson(mild, "").origin,
    device: givenDevice,
    background: mild.background,
  };
  const carried = { sessionCookie: null, deviceCookie: null };
  const outcome = await strict.rooms.login.enrolled(
    step,
    { kind: "totp", isUserVerified: false },
    carried,
    visitor,
  );
  expect(outcome).toMatchObject({
    ok: false,
    code: "factor_due",
    due: { mustEnrol: true, isPasskeyNeeded: true },
  });
  expect(await sessionsOf(strict, person.account.id)).toBe(0);
  const next = "due" in outcome ? outcome.due.mfaToken : "";
  expect(await levelIn(await enrolPasskey(strict, next))).toBe("phishing-resistant");
});

test("a session from before goes on and is raised by the app that there is: phishing-resistant binds who signs in", async () => {
  const open = await givenSignInIsolate();
  const person = await givenTotp(open);
  const strict = await givenStrict("everyone=phishing-resistant", open);
  const headers = bearerOf(person.tokens.access_token);
  const asked = await strict.fetch("/auth/mfa/step-up", json({}, headers));
  const due = (await asked.json()) as FactorDue;
  expect(due).toEqual({
    mfa_required: true,
    mfa_token: expect.any(String),
    factors: ["totp", "recovery-codes"],
  });
  const proof = { mfa_token: due.mfa_token, factor: "totp", code: codeOf(strict, person.secret) };
  expect(await levelIn(await proveBy(strict, proof))).toBe("two-factor");
});

test("a session from before a policy goes on: it binds who signs in", async () => {
  const open = await givenSignInIsolate();
  const person = await givenPerson(open);
  const { access_token, refresh_token } = await givenTokens(open, person);
  const strict = await givenStrict("everyone=two-factor", open);
  expect((await strict.fetch("/auth/sessions", { headers: bearerOf(access_token) })).status).toBe(200);
  expect(await levelIn(await strict.fetch("/auth/refresh", json({ refresh_token })))).toBe("one-factor");
});
