import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { json } from "../support/given.ts";
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
import { givenPerson, mailsTo } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("an app that was set up and confirmed is asked for at the next sign-in, and its code gives a two-factor token", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  expect((await mailsTo(isolate, person.email))[0]?.subject).toContain("An authenticator app was added");
  const due = await givenStep(isolate, person);
  expect(due.factors).toEqual(["totp", "recovery-codes"]);
  const before = Math.floor(isolate.clock.now() / 1000);
  const answer = await proveBy(isolate, {
    mfa_token: due.mfa_token,
    factor: "totp",
    code: codeOf(isolate, person.secret),
  });
  expect(answer.status).toBe(200);
  const tokens = (await answer.json()) as Tokens;
  const claims = decodeJwt(tokens.access_token);
  expect(claims).toMatchObject({ acr: "two-factor", amr: ["pwd", "otp", "mfa"], auth_time: before });
  expect((await isolate.fetch("/auth/sessions", { headers: bearerOf(tokens.access_token) })).status).toBe(
    200,
  );
});

test("an app that was never confirmed is not asked for, and a wrong code confirms nothing", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const { access_token } = await givenTokens(isolate, person);
  const headers = bearerOf(access_token);
  const begun = (await (await isolate.fetch("/auth/mfa/totp", json({}, headers))).json()) as {
    id: string;
    secret: string;
  };
  const wrong = { id: begun.id, code: wrongCodeOf(isolate, begun.secret) };
  await expectProblem(
    await isolate.fetch("/auth/mfa/totp/confirm", json(wrong, headers)),
    401,
    "invalid_code",
  );
  const listed = await (await isolate.fetch("/auth/mfa/factors", { headers })).json();
  expect(listed).toEqual({ data: [], next_cursor: null });
  expect((await givenTokens(isolate, person)).access_token).toMatch(/^ey/);
});

test("the secret of an app is nowhere in the database but sealed", async () => {
  const isolate = await givenSignInIsolate();
  const { account, secret } = await givenTotp(isolate);
  const { rows } = await isolate.rooms.database.execute<{ secret: string }>(
    `select secret from factors where account_id = '${account.id}'`,
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]?.secret).toMatch(/^1\./);
  expect(rows[0]?.secret).not.toContain(secret);
});

test("a new app takes the place of the old one", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, person);
  const headers = bearerOf(tokens.access_token);
  const begun = (await (await isolate.fetch("/auth/mfa/totp", json({}, headers))).json()) as {
    id: string;
    secret: string;
  };
  const confirm = { id: begun.id, code: codeOf(isolate, begun.secret) };
  expect((await isolate.fetch("/auth/mfa/totp/confirm", json(confirm, headers))).status).toBe(204);
  isolate.clock.advance(60_000);
  const { mfa_token } = await givenStep(isolate, person);
  const old = { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) };
  await expectProblem(await proveBy(isolate, old), 401, "invalid_code");
  const fresh = { mfa_token, factor: "totp", code: codeOf(isolate, begun.secret) };
  expect((await proveBy(isolate, fresh)).status).toBe(200);
});

test("a recovery code opens once, its owner is told, and the count of the rest is shown", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const codes = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  expect(codes).toHaveLength(10);
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/);
  const { mfa_token } = await givenStep(isolate, person);
  // As somebody copies it by hand.
  const typed = (codes[0] ?? "").toUpperCase().replaceAll("-", " ");
  const answer = await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: typed });
  expect(answer.status).toBe(200);
  const { access_token } = (await answer.json()) as Tokens;
  expect(decodeJwt(access_token)).toMatchObject({ acr: "two-factor", amr: ["pwd", "mfa"] });
  expect((await mailsTo(isolate, person.email)).map(({ subject }) => subject)).toContainEqual(
    expect.stringContaining("A recovery code was used"),
  );
  const { data } = (await (
    await isolate.fetch("/auth/mfa/factors", { headers: bearerOf(access_token) })
  ).json()) as { data: { kind: string; codes_left?: number }[] };
  expect(data.find(({ kind }) => kind === "recovery-codes")?.codes_left).toBe(9);
});

test("the last factor takes the recovery codes along, and the password alone opens the account again", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, person);
  await givenRecoveryCodes(isolate, tokens);
  const headers = bearerOf(tokens.access_token);
  const removed = await isolate.fetch(`/auth/mfa/factors/${person.id}`, { method: "DELETE", headers });
  expect(removed.status).toBe(204);
  expect(await (await isolate.fetch("/auth/mfa/factors", { headers })).json()).toMatchObject({ data: [] });
  expect((await mailsTo(isolate, person.email))[0]?.subject).toContain("authenticator app was removed");
  expect((await givenTokens(isolate, person)).access_token).toMatch(/^ey/);
});

test("a session is raised: a new id, a stronger token, the old session over, its end not put off", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const old = person.tokens;
  const headers = bearerOf(old.access_token);
  const due = (await (await isolate.fetch("/auth/mfa/step-up", json({}, headers))).json()) as {
    mfa_token: string;
  };
  const code = codeOf(isolate, person.secret);
  const answer = await proveBy(isolate, { mfa_token: due.mfa_token, factor: "totp", code });
  expect(answer.status).toBe(200);
  const raised = (await answer.json()) as Tokens;
  expect(raised.session_id).not.toBe(old.session_id);
  expect(decodeJwt(raised.access_token)).toMatchObject({ acr: "two-factor", sid: raised.session_id });
  await isolate.settle();
  await expectProblem(await isolate.fetch("/auth/sessions", { headers }), 401, "invalid_token");
  const { data } = (await (
    await isolate.fetch("/auth/sessions", { headers: bearerOf(raised.access_token) })
  ).json()) as { data: { id: string; expires_at: string }[] };
  expect(data.map(({ id }) => id)).toEqual([raised.session_id]);
  const endsAfter = Date.parse(data[0]?.expires_at ?? "") - isolate.clock.now();
  expect(endsAfter).toBeLessThanOrEqual(30 * 86_400_000 - 60_000);
});

test("who has only a password proves it anew with the password", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const old = await givenTokens(isolate, person);
  isolate.clock.advance(300_000);
  const headers = bearerOf(old.access_token);
  const wrong = await isolate.fetch("/auth/mfa/step-up", json({ password: "not this one, never" }, headers));
  await expectProblem(wrong, 401, "invalid_credentials");
  await expectProblem(await isolate.fetch("/auth/mfa/step-up", json({}, headers)), 400, "invalid_request");
  const answer = await isolate.fetch("/auth/mfa/step-up", json({ password: person.password }, headers));
  expect(answer.status).toBe(200);
  const raised = (await answer.json()) as Tokens;
  expect(decodeJwt(raised.access_token)).toMatchObject({
    acr: "one-factor",
    auth_time: Math.floor(isolate.clock.now() / 1000),
  });
});

test("where a second factor is required, who has none sets one up before anything begins", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const due = await givenStep(isolate, person);
  expect([due.factors, due.enrolment_required]).toEqual([[], true]);
  const { mfa_token } = due;
  const begun = (await (await isolate.fetch("/auth/mfa/totp", json({ mfa_token }))).json()) as {
    id: string;
    secret: string;
  };
  const wrong = { mfa_token, id: begun.id, code: wrongCodeOf(isolate, begun.secret) };
  await expectProblem(await isolate.fetch("/auth/mfa/totp/confirm", json(wrong)), 401, "invalid_code");
  const right = { mfa_token, id: begun.id, code: codeOf(isolate, begun.secret) };
  const answer = await isolate.fetch("/auth/mfa/totp/confirm", json(right));
  expect(answer.status).toBe(200);
  const { access_token } = (await answer.json()) as Tokens;
  expect(decodeJwt(access_token)).toMatchObject({ acr: "two-factor", amr: ["pwd", "otp", "mfa"] });
  await isolate.settle();
  // The same step sets up nothing more.
  await expectProblem(await isolate.fetch("/auth/mfa/totp", json({ mfa_token })), 401, "mfa_token_invalid");
});

test("with a window of 0 a code of the step before neither sets an app up nor signs in", async () => {
  const isolate = await givenSignInIsolate({ environment: { TOTP_WINDOW_STEPS: "0" } });
  const person = await givenPerson(isolate);
  const headers = bearerOf((await givenTokens(isolate, person)).access_token);
  const begun = (await (await isolate.fetch("/auth/mfa/totp", json({}, headers))).json()) as {
    id: string;
    secret: string;
  };
  const confirm = (code: string) =>
    isolate.fetch("/auth/mfa/totp/confirm", json({ id: begun.id, code }, headers));
  await expectProblem(await confirm(codeOf(isolate, begun.secret, -1)), 401, "invalid_code");
  expect((await confirm(codeOf(isolate, begun.secret))).status).toBe(204);
  isolate.clock.advance(60_000);
  const { mfa_token } = await givenStep(isolate, person);
  const show = (code: string) => proveBy(isolate, { mfa_token, factor: "totp", code });
  await expectProblem(await show(codeOf(isolate, begun.secret, -1)), 401, "invalid_code");
  expect((await show(codeOf(isolate, begun.secret))).status).toBe(200);
});
