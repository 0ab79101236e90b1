import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenStep, givenTotp, proveBy } from "../support/given-factors.ts";
import { expectProblem } from "../support/problem.ts";

test("OT-04: what is no code is refused, whatever its type, and never opens anything", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  for (const odd of [Number(code), [code], { code }, null, true, "9".repeat(65)])
    await expectProblem(
      await proveBy(isolate, { mfa_token, factor: "totp", code: odd }),
      400,
      "invalid_request",
    );
  await expectProblem(await proveBy(isolate, { mfa_token, factor: "totp" }), 400, "invalid_request");
  for (const odd of ["", code.slice(1), `${code}0`, "٠٥٠٤٧١"]) {
    isolate.clock.advance(0);
    const answer = await proveBy(isolate, { mfa_token, factor: "totp", code: odd });
    await expectProblem(answer, 401, "invalid_code");
  }
  // As it is often shown, in two groups, it is the code: four wrong ones made nobody wait.
  const grouped = `${code.slice(0, 3)} ${code.slice(3)}`;
  expect((await proveBy(isolate, { mfa_token, factor: "totp", code: grouped })).status).toBe(200);
});

test("OT-04: an unknown factor, two at once and members that nobody knows are refused", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenTotp(isolate);
  const { mfa_token } = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  for (const body of [
    { mfa_token, factor: "sms", code },
    { mfa_token, factor: ["totp", "recovery-codes"], code },
    { mfa_token, factor: "totp", code, credential: {} },
    { mfa_token: [mfa_token], factor: "totp", code },
  ])
    await expectProblem(await isolate.fetch("/auth/mfa/verify", json(body)), 400, "invalid_request");
});
