import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import {
  givenRecoveryCodes,
  givenStep,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
} from "../support/given-factors.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("RC-01: of twenty parallel uses of one recovery code, on two isolates, exactly one opens", async () => {
  const clock = createClock();
  const one = await givenSignInIsolate({ clock });
  const other = await givenSignInIsolate({ clock });
  const person = await givenTotp(one);
  const [code = ""] = await givenRecoveryCodes(one, await givenTwoFactorTokens(one, person));
  const { mfa_token } = await givenStep(one, person);
  const shown = { mfa_token, factor: "recovery-codes", code };
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => proveBy(index % 2 === 0 ? one : other, shown)),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  clock.advance(31 * 60_000);
  const again = await givenStep(one, person);
  await expectProblem(await proveBy(one, { ...shown, mfa_token: again.mfa_token }), 401, "invalid_code");
});

test("RC-01: a new set makes the old one worthless, and another person's codes never were worth anything", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, person);
  const [old = ""] = await givenRecoveryCodes(isolate, tokens);
  const [fresh = ""] = await givenRecoveryCodes(isolate, tokens);
  const stranger = await givenTotp(isolate);
  const [foreign = ""] = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, stranger));
  const { mfa_token } = await givenStep(isolate, person);
  for (const code of [old, foreign, "0000-0000-0000-0000", ""])
    await expectProblem(
      await proveBy(isolate, { mfa_token, factor: "recovery-codes", code }),
      401,
      "invalid_code",
    );
  expect((await proveBy(isolate, { mfa_token, factor: "recovery-codes", code: fresh })).status).toBe(200);
});

test("RC-01: a thousand guesses at once are throttled as codes of an app are", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const statuses: number[] = [];
  for (let batch = 0; batch < 20; batch += 1) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        proveBy(isolate, { mfa_token, factor: "recovery-codes", code: "0123-4567-89ab-cdef" }),
      ),
    );
    statuses.push(...answers.map(({ status }) => status));
  }
  expect(statuses.filter((status) => status === 401)).toHaveLength(5);
  expect(statuses.filter((status) => status === 429)).toHaveLength(995);
});

test("RC-02: without a fresh, strong proof no factor is removed, renamed or added, and no codes are made", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const weak = person.tokens;
  const strong = await givenTwoFactorTokens(isolate, person);
  isolate.clock.advance(9 * 60_000);
  const asked = (access_token: string) => {
    const headers = bearerOf(access_token);
    const one = `/auth/mfa/factors/${person.id}`;
    return [
      isolate.fetch("/auth/mfa/recovery-codes", json({}, headers)),
      isolate.fetch("/auth/mfa/totp", json({}, headers)),
      isolate.fetch("/auth/mfa/passkeys/challenge", json({}, headers)),
      isolate.fetch(one, { ...json({ name: "x" }, headers), method: "PATCH" }),
      isolate.fetch(one, { method: "DELETE", headers }),
    ];
  };
  // Access tokens live ten minutes: refreshed ones say when the person proved it, not when they were issued.
  const refreshed = async (token: string) =>
    (await (await isolate.fetch("/auth/refresh", json({ refresh_token: token }))).json()) as {
      access_token: string;
    };
  const stale = await refreshed(strong.refresh_token);
  isolate.clock.advance(60_001);
  const lately = await refreshed(weak.refresh_token);
  for (const { access_token } of [stale, lately]) {
    for (const answer of await Promise.all(asked(access_token)))
      await expectProblem(answer, 401, "insufficient_user_authentication");
  }
  const listed = await isolate.fetch("/auth/mfa/factors", { headers: bearerOf(stale.access_token) });
  expect(((await listed.json()) as { data: unknown[] }).data).toHaveLength(1);
});
