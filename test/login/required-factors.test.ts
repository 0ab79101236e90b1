import { decodeJwt } from "jose";
import { expect, test } from "vitest";
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
import { givenPerson } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
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

/**
 * Accepted: who has only an app would be locked out, since a passkey is added in a session. What begins says two-factor
 * in its tokens, so a route, scope or client that demands phishing-resistant refuses them.
 */
test("phishing-resistant demanded of an account that has only an app: the app or a recovery code signs in, at two-factor and never above", async () => {
  const open = await givenSignInIsolate();
  const person = await givenTotp(open);
  const codes = await givenRecoveryCodes(open, await givenTwoFactorTokens(open, person));
  const strict = await givenStrict("everyone=phishing-resistant", open);
  const route = await givenTokenRoute(strict, { level: "phishing-resistant" });
  const shown = [
    { factor: "totp", code: codeOf(strict, person.secret) },
    { factor: "recovery-codes", code: codes[0] },
  ];
  for (const one of shown) {
    const due = await givenStep(strict, person);
    expect([due.factors, due.enrolment_required]).toEqual([["totp", "recovery-codes"], undefined]);
    const { mfa_token } = due;
    const answer = await proveBy(strict, { mfa_token, ...one });
    const { access_token } = (await answer.clone().json()) as Tokens;
    expect(await levelIn(answer)).toBe("two-factor");
    await expectProblem(await route.call(access_token), 401, "insufficient_user_authentication");
  }
});

test("phishing-resistant demanded of an account that has nothing: an app may be set up, and gives two-factor", async () => {
  const isolate = await givenStrict("everyone=phishing-resistant");
  const confirm = await beginTotp(isolate, await givenStep(isolate, await givenPerson(isolate)));
  expect(await levelIn(await isolate.fetch("/auth/mfa/totp/confirm", json(confirm)))).toBe("two-factor");
});

test("a session from before a policy goes on: it binds who signs in", async () => {
  const open = await givenSignInIsolate();
  const person = await givenPerson(open);
  const { access_token, refresh_token } = await givenTokens(open, person);
  const strict = await givenStrict("everyone=two-factor", open);
  expect((await strict.fetch("/auth/sessions", { headers: bearerOf(access_token) })).status).toBe(200);
  expect(await levelIn(await strict.fetch("/auth/refresh", json({ refresh_token })))).toBe("one-factor");
});
