import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import {
  codeOf,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import { givenPasskeyHolder } from "../support/given-passkey-holder.ts";
import { givenPerson, mailsTo } from "../support/given-people.ts";
import { bearerOf, givenTokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator, type OperatorAtWork } from "./operator.ts";

type Page = { data: { kind: string }[]; next_cursor: null };

async function givenAtWork() {
  const operator = await givenOperator();
  await operator.isolate.rooms.signingKeys.ensure(operator.isolate.background);
  return operator;
}

/** Somebody with a passkey, an app and recovery codes, signed in by password and app. */
async function givenEquipped({ isolate }: OperatorAtWork) {
  const passkeyHolder = await givenPasskeyHolder(isolate, {}, await givenPerson(isolate));
  const { account, email, password } = passkeyHolder;
  const due = await isolate.fetch("/auth/mfa/step-up", json({}, bearerOf(passkeyHolder.tokens.access_token)));
  const { mfa_token } = (await due.json()) as { mfa_token: string };
  const asked = await isolate.fetch("/auth/mfa/passkey/challenge", json({ mfa_token }));
  const { public_key } = (await asked.json()) as {
    public_key: Parameters<typeof passkeyHolder.authenticator.assert>[0];
  };
  const credential = await passkeyHolder.authenticator.assert(public_key);
  const raised = await proveBy(isolate, { mfa_token, factor: "passkey", credential });
  const headers = bearerOf(((await raised.json()) as { access_token: string }).access_token);
  isolate.clock.advance(1000);
  const begun = await isolate.fetch("/auth/mfa/totp", json({}, headers));
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  const confirm = json({ id, code: codeOf(isolate, secret) }, headers);
  expect((await isolate.fetch("/auth/mfa/totp/confirm", confirm)).status).toBe(204);
  isolate.clock.advance(60_000);
  const person = { account, email, password, secret };
  const tokens = await givenTwoFactorTokens(isolate, person);
  const codes = await givenRecoveryCodes(isolate, tokens);
  return { ...person, tokens, codes, factorId: id };
}

const eventsOf = async ({ isolate, keyId }: OperatorAtWork, subjectId: string) => {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId, actorId: keyId, limit: 50 });
  return events.map(({ type }) => type);
};

test("an operator sees each factor of a person with every member said aloud, and neither its secret nor a code or a hash", async () => {
  const operator = await givenAtWork();
  const { ask, call, isolate } = operator;
  const person = await givenEquipped(operator);
  const path = `/users/${person.account.id}`;
  const { data, next_cursor } = await ask<Page>(200, "GET", `${path}/factors`);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const shown = { id: expect.stringMatching(/^fct_[0-9A-Za-z]{22}$/), created_at: time };
  const none = { codes_left: null, number_ending: null, backed_up: null, user_verified: null };
  expect([data, next_cursor]).toEqual([
    [
      {
        ...shown,
        ...none,
        kind: "passkey",
        name: "Passkey 1",
        last_used_at: time,
        backed_up: true,
        user_verified: true,
      },
      {
        ...shown,
        ...none,
        id: person.factorId,
        kind: "totp",
        name: "Authenticator app",
        last_used_at: time,
      },
      {
        ...shown,
        ...none,
        kind: "recovery-codes",
        name: "Recovery codes",
        last_used_at: null,
        codes_left: 10,
      },
    ],
    null,
  ]);
  // One view of a factor, whoever looks at it.
  const own = await isolate.fetch("/auth/mfa/factors", { headers: bearerOf(person.tokens.access_token) });
  expect(await own.json()).toEqual({ data, next_cursor: null });
  expect(await ask(200, "GET", path)).toMatchObject({ second_factors: ["passkey", "totp"] });
  const { rows } = await isolate.rooms.database.execute<{ secret: string | null; details: object }>(
    `select secret, details from factors where account_id = '${person.account.id}'`,
  );
  const kept = rows.flatMap(({ secret, details }) => [
    ...(secret === null ? [] : [secret]),
    ...Object.keys((details as { codes?: object }).codes ?? {}),
  ]);
  expect(kept).toHaveLength(11);
  const text = await (await call("GET", `${path}/factors`)).text();
  for (const secret of [person.secret, ...person.codes, ...kept]) expect(text).not.toContain(secret);
});

test("a reset leaves the password alone: nothing is asked for, a sign-in under way proves nothing, no session ends, and the owner and audit are told", async () => {
  const operator = await givenAtWork();
  const { ask, isolate } = operator;
  const person = await givenEquipped(operator);
  const other = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const path = `/users/${person.account.id}`;
  expect(await ask(200, "POST", `${path}/factors/reset`, {})).toEqual({ removed: 3 });
  expect(await ask(200, "GET", `${path}/factors`)).toEqual({ data: [], next_cursor: null });
  expect(await ask(200, "GET", path)).toMatchObject({ second_factors: [] });
  for (const shown of [
    { factor: "totp", code: codeOf(isolate, person.secret) },
    { factor: "recovery-codes", code: person.codes[0] },
  ])
    await expectProblem(await proveBy(isolate, { mfa_token, ...shown }), 401, "mfa_token_invalid");
  expect((await givenTokens(isolate, person)).access_token).toMatch(/^ey/);
  const { tokens } = person;
  const sessions = await isolate.fetch("/auth/sessions", { headers: bearerOf(tokens.access_token) });
  expect(sessions.status).toBe(200);
  const refreshed = await isolate.fetch("/auth/refresh", json({ refresh_token: tokens.refresh_token }));
  expect(refreshed.status).toBe(200);
  expect(await eventsOf(operator, person.account.id)).toEqual(["factor.removed"]);
  const subjects = (await mailsTo(isolate, person.email)).map(({ subject }) => subject);
  expect(subjects).toContainEqual(expect.stringContaining("Your second factors were removed"));
  expect(await ask(200, "GET", `/users/${other.account.id}`)).toMatchObject({ second_factors: ["totp"] });
});

test("of many resets at once one removes, and another later finds nothing: one event, one mail", async () => {
  const operator = await givenAtWork();
  const { ask, call, isolate } = operator;
  const person = await givenTotp(isolate);
  const path = `/users/${person.account.id}/factors/reset`;
  const answers = await Promise.all(Array.from({ length: 4 }, () => call("POST", path, {})));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const removed = await Promise.all(
    answers.map(async (answer) => ((await answer.json()) as { removed: number }).removed),
  );
  expect(removed.sort()).toEqual([0, 0, 0, 1]);
  expect(await ask(200, "POST", path)).toEqual({ removed: 0 });
  expect(await eventsOf(operator, person.account.id)).toEqual(["factor.removed"]);
  const mails = await mailsTo(isolate, person.email);
  expect(mails.filter(({ subject }) => subject.includes("were removed"))).toHaveLength(1);
});

test("an app that waits to be confirmed counts for nothing in a reset, and cannot be confirmed after it", async () => {
  const operator = await givenAtWork();
  const { ask, isolate } = operator;
  const person = await givenPerson(isolate);
  const headers = bearerOf((await givenTokens(isolate, person)).access_token);
  const begun = await isolate.fetch("/auth/mfa/totp", json({}, headers));
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  expect(await ask(200, "POST", `/users/${person.account.id}/factors/reset`)).toEqual({ removed: 0 });
  const confirm = json({ id, code: codeOf(isolate, secret) }, headers);
  await expectProblem(await isolate.fetch("/auth/mfa/totp/confirm", confirm), 404, "not_found");
  expect(await eventsOf(operator, person.account.id)).toEqual([]);
});
