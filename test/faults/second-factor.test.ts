import { expect, test } from "vitest";
import type { FaultRule } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import {
  codeOf,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import {
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { asOperator, givenPerson, mailFault } from "../support/given-people.ts";
import type { Tokens } from "../support/given-sessions.ts";
import {
  beginPhone,
  freshNumber,
  givenPhone,
  givenSmsIsolate,
  givenTexted,
  sendCode,
  textsTo,
} from "../support/given-sms.ts";
import { expectProblem } from "../support/problem.ts";

const kinds = ["refuse", "status", "garble"] as const;

for (const kind of kinds) {
  test(`Postgres at fault (${kind}) between password and code: 503, nothing begun, nothing used up, and then it goes on`, async () => {
    const isolate = await givenSignInIsolate();
    const person = await givenTotp(isolate);
    const { mfa_token } = await givenStep(isolate, person);
    const shown = { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) };
    await isolate.postgresFault([kind === "status" ? { kind, status: 500 } : { kind }]);
    const failed = await proveBy(isolate, shown);
    await isolate.postgresFault([]);
    await expectProblem(failed, 503, "unavailable");
    expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
    expect((await proveBy(isolate, shown)).status).toBe(200);
  });
}

test("Redis lost between password and code: the second factor needs none, and goes on", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  await isolate.redisFault([{ kind: "refuse" }]);
  const answer = await proveBy(isolate, { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) });
  await isolate.redisFault([]);
  expect(answer.status).toBe(200);
});

test("Redis lost between challenge and answer of a passkey: it signs in, and its answer is spent all the same", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const credential = await assertAlone(isolate, holder.authenticator);
  await isolate.redisFault([{ kind: "hang" }]);
  const answer = await signInBy(isolate, credential);
  await isolate.redisFault([]);
  expect(answer.status).toBe(200);
  await expectProblem(await signInBy(isolate, credential), 401, "invalid_passkey");
});

test("an answer lost after the session began: the code is used up, the next one opens, and the lost session is seen and ended", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const [recovery = ""] = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  const before = (await isolate.rooms.sessions.list(person.account.id)).length;
  const { mfa_token } = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  await isolate.postgresFault([{ kind: "drop-after", match: "refresh_families" }]);
  const lost = await proveBy(isolate, { mfa_token, factor: "totp", code });
  await isolate.postgresFault([]);
  await expectProblem(lost, 503, "unavailable");
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(before + 1);
  await expectProblem(await proveBy(isolate, { mfa_token, factor: "totp", code }), 401, "invalid_code");
  const opened = await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: recovery });
  expect(opened.status).toBe(200);
  const { access_token } = (await opened.json()) as Tokens;
  const ended = await isolate.fetch("/auth/sessions/end-others", {
    method: "POST",
    headers: { authorization: `Bearer ${access_token}` },
  });
  expect(ended.status).toBe(204);
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
});

test("the SMS provider refusing, failing or hanging: said within its deadline, no guess counted, and what was sent before still opens", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const { rooms } = isolate;
  const kept = async () => {
    const { rows } = await rooms.database.execute<{ kept: string }>(
      `select string_agg(row_to_json(f)::text, '' order by id) || (
         select coalesce(sum(failed), 0)::text from factor_attempts where account_id = '${holder.account.id}') as kept
       from factors f where account_id = '${holder.account.id}'`,
    );
    return rows[0]?.kept;
  };
  const shown = await givenTexted(isolate, holder);
  const before = await kept();
  const number = freshNumber();
  const faults = [
    { kind: "status", status: 500 },
    { kind: "status", status: 401 },
    { kind: "refuse" },
    { kind: "hang" },
  ];
  for (const fault of faults as FaultRule[]) {
    await mailFault(isolate, [{ ...fault, match: "/Messages.json" }]);
    const began = performance.now();
    const failed = await (fault.kind === "refuse"
      ? beginPhone(isolate, holder.strong, number)
      : sendCode(isolate, shown.mfa_token));
    await mailFault(isolate, []);
    expect(failed.headers.get("retry-after")).toBe("1");
    await expectProblem(failed, 503, "unavailable");
    expect(performance.now() - began).toBeLessThan(6000);
    expect(await kept()).toBe(before);
  }
  await mailFault(isolate, [{ kind: "status", status: 400, match: "/Messages.json" }]);
  await expectProblem(await beginPhone(isolate, holder.strong, number), 400, "invalid_request");
  await mailFault(isolate, []);
  expect([await kept(), await textsTo(isolate, number)]).toEqual([before, []]);
  const failures = await rooms.audit.list({
    type: "message.failed",
    from: new Date(isolate.clock.now() - 1),
    limit: 50,
  });
  const reasons = new Set(failures.map(({ reason }) => reason));
  expect([reasons.has("sources_unavailable"), reasons.has("malformed")]).toEqual([true, true]);
  expect((await proveBy(isolate, shown)).status).toBe(200);
});

test("Postgres lost once the text was sent: 503, and the code of that text opens nothing", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const shown = await givenTexted(isolate, holder);
  await isolate.postgresFault([{ kind: "refuse", match: "jsonb_set" }]);
  await expectProblem(await sendCode(isolate, shown.mfa_token), 503, "unavailable");
  await isolate.postgresFault([]);
  const [newest = ""] = await textsTo(isolate, holder.number);
  const late = { ...shown, code: newest.slice(0, 6) };
  if (late.code !== shown.code) await expectProblem(await proveBy(isolate, late), 401, "invalid_code");
  expect((await proveBy(isolate, shown)).status).toBe(200);
});

test("Postgres lost just after an account was deleted: what it had set up is gone within the minute, and nobody else's", async () => {
  const isolate = await givenSignInIsolate();
  const [gone, other] = [await givenTotp(isolate), await givenTotp(isolate)];
  for (const person of [gone, other]) {
    const { mfa_token } = await givenStep(isolate, person);
    await proveBy(isolate, { mfa_token, factor: "totp", code: "000000" });
  }
  const left = async (accountId: string) => {
    const of = async (table: string) =>
      (await isolate.rooms.database.execute(`select 1 from ${table} where account_id = '${accountId}'`)).rows
        .length;
    return [await of("factors"), await of("factor_attempts")];
  };
  const notes = async () => (await isolate.rooms.accounts.get(gone.account.id)).factorKinds;
  await isolate.postgresFault([{ kind: "status", status: 500, match: "factor_attempts" }]);
  expect(await isolate.rooms.accounts.remove(gone.account.id, null, asOperator(isolate))).toMatchObject({
    ok: true,
  });
  await isolate.settle();
  await isolate.postgresFault([]);
  expect([await left(gone.account.id), await notes()]).toEqual([[1, 1], []]);
  await isolate.rooms.mfa.sweep();
  expect([await left(gone.account.id), await left(other.account.id)]).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test("what is set up at the very moment in which its account is deleted comes to nothing", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const holder = { accountId: person.account.id, email: person.email, version: person.account.version };
  const operator = asOperator(isolate);
  const { mfa } = isolate.rooms;
  const { id, secret } = await mfa.beginTotp(holder);
  const device = ownAuthenticator();
  const creation = await mfa.passkeyCreation(holder, "given");
  await isolate.rooms.accounts.remove(person.account.id, null, operator);
  const response = await device.register(creation);
  expect(await mfa.addPasskey(response, { ...holder, binding: "given", name: "" }, operator)).toBeNull();
  await expect(mfa.makeRecoveryCodes(holder, operator)).rejects.toMatchObject({ code: "conflict" });
  await expect(mfa.confirmTotp(id, codeOf(isolate, secret), holder, operator)).rejects.toMatchObject({
    code: "not_found",
  });
  await mfa.beginTotp(holder);
  await isolate.settle();
  const { rows } = await isolate.rooms.database.execute(
    `select 1 from factors where account_id = '${person.account.id}'`,
  );
  expect(rows).toEqual([]);
});
