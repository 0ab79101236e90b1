import { expect, test } from "vitest";
import { givenSignInIsolate } from "../support/given-browser.ts";
import {
  codeOf,
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import { assertAlone, givenPasskeyHolder, signInBy } from "../support/given-passkey-holder.ts";
import type { Tokens } from "../support/given-sessions.ts";
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
