import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenTotp, givenTwoFactorTokens, proveBy } from "../support/given-factors.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("a session that its owner ended is not brought back by a step-up that was begun before", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const headers = bearerOf(person.tokens.access_token);
  const due = (await (await isolate.fetch("/auth/mfa/step-up", json({}, headers))).json()) as {
    mfa_token: string;
  };
  const { refresh_token } = person.tokens;
  expect((await isolate.fetch("/auth/logout", json({ refresh_token }))).status).toBe(204);
  const code = codeOf(isolate, person.secret);
  const answer = await proveBy(isolate, { mfa_token: due.mfa_token, factor: "totp", code });
  await expectProblem(answer, 401, "invalid_code");
  expect(await isolate.rooms.sessions.list(person.account.id)).toEqual([]);
});

test("one step-up takes a session further once, whichever codes follow", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const headers = bearerOf(person.tokens.access_token);
  const due = (await (await isolate.fetch("/auth/mfa/step-up", json({}, headers))).json()) as {
    mfa_token: string;
  };
  const statuses: number[] = [];
  for (let time = 0; time < 3; time += 1) {
    const code = codeOf(isolate, person.secret);
    statuses.push((await proveBy(isolate, { mfa_token: due.mfa_token, factor: "totp", code })).status);
    isolate.clock.advance(30_000);
  }
  expect(statuses).toEqual([200, 401, 401]);
  expect(await isolate.rooms.sessions.list(person.account.id)).toHaveLength(1);
});

test("who has a second factor changes password, address or account by no session that never showed it", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const weak = bearerOf(person.tokens.access_token);
  const { password } = person;
  const asked = (headers: Record<string, string>) =>
    [
      [
        "/auth/password/change",
        "POST",
        { current_password: password, new_password: "a heron counts to eleven" },
        headers,
      ],
      ["/auth/email/change", "POST", { email: "elsewhere@example.com", password }, headers],
      ["/auth/account", "DELETE", { password }, headers],
    ] as const;
  for (const [path, method, body, headers] of asked(weak)) {
    const answer = await isolate.fetch(path, { ...json(body, headers), method });
    await expectProblem(answer, 401, "insufficient_user_authentication");
  }
  const strong = bearerOf((await givenTwoFactorTokens(isolate, person)).access_token);
  const [change] = asked(strong);
  const answer = await isolate.fetch(change[0], json(change[2], strong));
  expect(answer.status).toBe(204);
});

test("the password proves a session of two factors anew only as far as the next question", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const strong = await givenTwoFactorTokens(isolate, person);
  const headers = bearerOf(strong.access_token);
  const { password } = person;
  const answer = await isolate.fetch("/auth/mfa/step-up", json({ password }, headers));
  expect(await answer.json()).toMatchObject({ mfa_required: true, factors: ["totp", "recovery-codes"] });
  expect((await isolate.fetch("/auth/sessions", { headers })).status).toBe(200);
});
