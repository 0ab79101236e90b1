import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenStep, givenTotp, proveBy } from "../support/given-factors.ts";
import { expectProblem } from "../support/problem.ts";

test("OT-01: of fifty parallel uses of one code, on two isolates, exactly one begins a session", async () => {
  const clock = createClock();
  const one = await givenSignInIsolate({ clock });
  const other = await givenSignInIsolate({ clock });
  const person = await givenTotp(one);
  const { mfa_token } = await givenStep(one, person);
  const shown = { mfa_token, factor: "totp", code: codeOf(one, person.secret) };
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => proveBy(index % 2 === 0 ? one : other, shown)),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  for (const status of statuses) expect([200, 401, 429]).toContain(status);
  const began = await one.rooms.sessions.list(person.account.id);
  // The one of the sign-in that set the app up, and one more.
  expect(began).toHaveLength(2);
});

test("OT-01: a code that was accepted is refused in a new sign-in, and so is an older one after it", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const first = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  expect((await proveBy(isolate, { mfa_token: first.mfa_token, factor: "totp", code })).status).toBe(200);
  const second = await givenStep(isolate, person);
  for (const used of [code, codeOf(isolate, person.secret, -1)]) {
    const answer = await proveBy(isolate, { mfa_token: second.mfa_token, factor: "totp", code: used });
    await expectProblem(answer, 401, "invalid_code");
  }
});

test("OT-01: the code that confirmed an app does not sign in as well", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  isolate.clock.advance(-60_000);
  const { mfa_token } = await givenStep(isolate, person);
  const answer = await proveBy(isolate, { mfa_token, factor: "totp", code: codeOf(isolate, person.secret) });
  await expectProblem(answer, 401, "invalid_code");
});
