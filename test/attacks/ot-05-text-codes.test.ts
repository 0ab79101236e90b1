import { expect, test } from "vitest";
import { AuthError } from "../../src/errors/auth-error.ts";
import { limits } from "../../src/rate-limits/limits.ts";
import { unique } from "../support/given.ts";
import { givenStep, givenTotp, givenTwoFactorTokens, proveBy } from "../support/given-factors.ts";
import {
  beginPhone,
  codeTo,
  confirmPhone,
  freshNumber,
  givenPhone,
  givenSmsIsolate,
  givenTexted,
  sendCode,
  textsTo,
  wrongCodes,
} from "../support/given-sms.ts";
import { expectProblem } from "../support/problem.ts";

test("OT-05: a code from before a newer one, of another sign-in or another person, too old or used already opens nothing", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const first = await givenTexted(isolate, holder);

  // Of another sign-in of the same person, and of somebody else's.
  const elsewhere = await givenStep(isolate, holder);
  const moved = { ...first, mfa_token: elsewhere.mfa_token };
  await expectProblem(await proveBy(isolate, moved), 401, "invalid_code");
  const other = await givenPhone(isolate);
  const { mfa_token: foreign } = await givenStep(isolate, other);
  await expectProblem(await proveBy(isolate, { ...first, mfa_token: foreign }), 401, "invalid_code");

  // After a newer one was sent for the same sign-in.
  expect((await sendCode(isolate, first.mfa_token)).status).toBe(202);
  const newest = { ...first, code: await codeTo(isolate, holder.number) };
  if (newest.code !== first.code) await expectProblem(await proveBy(isolate, first), 401, "invalid_code");

  // Several at once, and then once more: it opens one session.
  const answers = await Promise.all(Array.from({ length: 3 }, () => proveBy(isolate, newest)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  await expectProblem(await proveBy(isolate, newest), 401, "invalid_code");
});

test("OT-05: a code lives five minutes: to the second, and as long as its sign-in", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const shown = await givenTexted(isolate, holder);
  isolate.clock.advance(10 * 60_000);
  await expectProblem(await proveBy(isolate, shown), 401, "mfa_token_invalid");

  // The code alone, were its sign-in to live longer: it ends now, by the clock, though nobody sweeps it.
  const late = await givenTexted(isolate, holder);
  const end = new Date(isolate.clock.now()).toISOString();
  await isolate.rooms.database.execute(
    `update factors set details = jsonb_set(details, '{code,expiresAt}', '"${end}"')
     where kind = 'sms' and account_id = '${holder.account.id}'`,
  );
  await expectProblem(await proveBy(isolate, late), 401, "invalid_code");
  await isolate.settle();
  const events = await isolate.rooms.audit.list({
    type: "factor.refused",
    subjectId: holder.account.id,
    limit: 9,
  });
  // Of the sign-in, and of the code.
  expect(events.map(({ reason }) => reason)).toEqual(["expired", "expired"]);
});

test("OT-05: a number that was not confirmed receives nothing at a sign-in, and cannot be confirmed by guessing, late, or from another session", async () => {
  const isolate = await givenSmsIsolate();
  const person = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, person);
  const number = freshNumber();
  const begun = await beginPhone(isolate, tokens, number);
  const { id } = (await begun.json()) as { id: string };
  const code = await codeTo(isolate, number);

  const { mfa_token, factors } = await givenStep(isolate, person);
  expect(factors).toEqual(["totp", "recovery-codes"]);
  await expectProblem(await sendCode(isolate, mfa_token), 404, "not_found");
  await expectProblem(await proveBy(isolate, { mfa_token, factor: "sms", code }), 401, "invalid_code");
  expect(await textsTo(isolate, number)).toHaveLength(1);

  const other = await givenTwoFactorTokens(isolate, person);
  await expectProblem(await confirmPhone(isolate, other, { id, code }), 401, "invalid_code");

  const guesses = wrongCodes(code, 5);
  const fresh = (await (await beginPhone(isolate, other, number)).json()) as { id: string };
  for (const guess of guesses.slice(0, 4)) {
    const answer = await confirmPhone(isolate, other, { id: fresh.id, code: guess });
    await expectProblem(answer, 401, "invalid_code");
  }
  const braked = await confirmPhone(isolate, other, { id: fresh.id, code: guesses[4] ?? "" });
  expect(braked.headers.get("retry-after")).toBe("30");
  await expectProblem(braked, 429, "rate_limited");
  isolate.clock.advance(5 * 60_000);
  const right = await codeTo(isolate, number);
  await expectProblem(await confirmPhone(isolate, other, { id: fresh.id, code: right }), 404, "not_found");
  expect(await isolate.rooms.mfa.list(person.account.id)).toMatchObject([{ kind: "totp" }]);
});

test("OT-05: of a hundred codes to numbers next to each other, for a hundred accounts from as many networks, thirty are sent", async () => {
  const isolate = await givenSmsIsolate();
  const { background, address } = isolate;
  const prefix = freshNumber().slice(0, 8);
  const origin = { requestId: "given", address, country: null };
  const ask = (at: number): Promise<string> => {
    const accountId = unique("account");
    const holder = { accountId, email: "", sessionId: unique("session"), version: 1, factorKinds: ["totp"] };
    const sender = {
      actor: { type: "user", id: accountId },
      origin,
      background,
      network: unique("network"),
    } as const;
    const number = `${prefix}${String(at).padStart(6, "0")}`;
    return isolate.rooms.mfa.beginPhone(number, holder, sender).then(
      () => "sent",
      (thrown: unknown) => (thrown instanceof AuthError ? thrown.code : "bug"),
    );
  };
  const fates: string[] = [];
  for (let at = 0; at < 100; at += 4)
    fates.push(...(await Promise.all(Array.from({ length: 4 }, (_, index) => ask(at + index)))));
  const count = (fate: string): number => fates.filter((one) => one === fate).length;
  expect({ sent: count("sent"), refused: count("rate_limited") }).toEqual({ sent: 30, refused: 70 });
  expect(limits.smsPrefix.permits).toBe(30);

  const person = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, person);
  const number = `${prefix}999999`;
  const answer = await beginPhone(isolate, tokens, number);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(60);
  await expectProblem(answer, 429, "rate_limited");
  expect(await textsTo(isolate, number)).toEqual([]);
  const events = await isolate.rooms.audit.list({
    type: "limit.exceeded",
    subjectId: "sms-prefix",
    limit: 200,
  });
  expect(events.some(({ actor }) => actor.id === person.account.id)).toBe(true);
  expect(await isolate.rooms.mfa.list(person.account.id)).toMatchObject([{ kind: "totp" }]);
});
