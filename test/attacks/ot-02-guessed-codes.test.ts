import { expect, test } from "vitest";
import { attemptsMax } from "../../src/mfa/attempts.ts";
import { createClock } from "../support/clock.ts";
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
import { mailsTo } from "../support/given-people.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("OT-02: of fifty guesses at once, on two isolates and in two sign-ins, no more than five are looked at", async () => {
  const clock = createClock();
  const one = await givenSignInIsolate({ clock });
  const other = await givenSignInIsolate({ clock });
  const person = await givenTotp(one);
  const steps = [await givenStep(one, person), await givenStep(other, person)];
  const code = wrongCodeOf(one, person.secret);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      proveBy(index % 2 === 0 ? one : other, {
        mfa_token: steps[index % 2]?.mfa_token ?? "",
        factor: "totp",
        code,
      }),
    ),
  );
  const looked = answers.filter(({ status }) => status === 401);
  expect(looked).toHaveLength(5);
  for (const answer of answers.filter((each) => !looked.includes(each))) {
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  const subjects = (await mailsTo(one, person.email)).map(({ subject }) => subject);
  expect(subjects.filter((subject) => subject.includes("Wrong codes"))).toHaveLength(1);
});

test("OT-02: a right code while others must wait is not looked at either; after the wait it opens, and the count begins anew", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const guess = () =>
    proveBy(isolate, { mfa_token, factor: "totp", code: wrongCodeOf(isolate, person.secret) });
  const right = async (token = mfa_token) =>
    proveBy(isolate, { mfa_token: token, factor: "totp", code: codeOf(isolate, person.secret) });
  for (let time = 0; time < 5; time += 1) await expectProblem(await guess(), 401, "invalid_code");
  const early = await right();
  await expectProblem(early, 429, "rate_limited");
  expect(Number(early.headers.get("retry-after"))).toBe(30);
  isolate.clock.advance(31_000);
  expect((await right()).status).toBe(200);
  isolate.clock.advance(60_000);
  const again = await givenStep(isolate, person);
  const wrong = { mfa_token: again.mfa_token, factor: "totp", code: wrongCodeOf(isolate, person.secret) };
  for (let time = 0; time < 4; time += 1)
    await expectProblem(await proveBy(isolate, wrong), 401, "invalid_code");
  expect((await right(again.mfa_token)).status).toBe(200);
});

test("OT-02: the hundredth wrong code in a row closes the app until it is set up anew; a recovery code still opens", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const [recovery = ""] = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  const guess = async () => {
    const { mfa_token } = await givenStep(isolate, person);
    const code = wrongCodeOf(isolate, person.secret);
    await expectProblem(await proveBy(isolate, { mfa_token, factor: "totp", code }), 401, "invalid_code");
    await isolate.settle();
    isolate.clock.advance(31 * 60_000);
  };
  await guess();
  // Two days of waits, which nobody wants to sit through.
  await isolate.rooms.database.execute(
    `update factor_attempts set failed = ${attemptsMax - 2} where account_id = '${person.account.id}'`,
  );
  await guess();
  await guess();
  const right = async () => {
    const { mfa_token } = await givenStep(isolate, person);
    return await proveBy(isolate, { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) });
  };
  await expectProblem(await right(), 403, "factor_closed");
  const { mfa_token } = await givenStep(isolate, person);
  const opened = await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: recovery });
  expect(opened.status).toBe(200);
  // It is closed still: only setting the app up anew opens it.
  await expectProblem(await right(), 403, "factor_closed");
  const { access_token } = (await opened.json()) as { access_token: string };
  const headers = bearerOf(access_token);
  const begun = (await (await isolate.fetch("/auth/mfa/totp", json({}, headers))).json()) as {
    id: string;
    secret: string;
  };
  const confirm = { id: begun.id, code: codeOf(isolate, begun.secret) };
  expect((await isolate.fetch("/auth/mfa/totp/confirm", json(confirm, headers))).status).toBe(204);
  isolate.clock.advance(60_000);
  const step = await givenStep(isolate, person);
  const fresh = { mfa_token: step.mfa_token, factor: "totp", code: codeOf(isolate, begun.secret) };
  expect((await proveBy(isolate, fresh)).status).toBe(200);
});

test("OT-02: who knows the password and guesses at the code makes nobody wait who signed in from this device before", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { email, password } = person;
  const browser = async (cookie?: string) =>
    await isolate.fetch("/auth/login", json({ email, password }, cookie ? { cookie } : {}));
  const first = (await (await browser()).json()) as { mfa_token: string };
  const signedIn = await proveBy(isolate, {
    mfa_token: first.mfa_token,
    factor: "totp",
    code: codeOf(isolate, person.secret),
  });
  const device = signedIn.headers.getSetCookie().find((line) => line.includes("gatehouse-device=")) ?? "";
  expect(device).not.toBe("");
  isolate.clock.advance(60_000);
  const stranger = await givenStep(isolate, person);
  for (let time = 0; time < 6; time += 1)
    await proveBy(isolate, {
      mfa_token: stranger.mfa_token,
      factor: "totp",
      code: wrongCodeOf(isolate, person.secret),
    });
  const other = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  await expectProblem(
    await proveBy(isolate, { mfa_token: other.mfa_token, factor: "totp", code }),
    429,
    "rate_limited",
  );
  const known = (await (await browser(device.split(";")[0])).json()) as { mfa_token: string };
  expect((await proveBy(isolate, { mfa_token: known.mfa_token, factor: "totp", code })).status).toBe(200);
});
