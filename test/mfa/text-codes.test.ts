import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { networkOf } from "../../src/api-keys/addresses.ts";
import { isServed, parseCountries, parsePhoneNumber } from "../../src/mfa/phone-number.ts";
import { limits } from "../../src/rate-limits/limits.ts";
import { type Isolate, json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { codeOf, givenStep, givenTotp, givenTwoFactorTokens, proveBy } from "../support/given-factors.ts";
import { asOperator, mailsTo } from "../support/given-people.ts";
import { bearerOf, type Tokens } from "../support/given-sessions.ts";
import {
  addPhone,
  beginPhone,
  codeTo,
  confirmPhone,
  freshNumber,
  givenPhone,
  givenSmsIsolate,
  givenTexted,
  sendCode,
  smsEnvironment,
  textsTo,
  wrongCodes,
} from "../support/given-sms.ts";
import { expectProblem } from "../support/problem.ts";

/** In the order in which they are asked. */
const smsLimits = "sms-number sms-number-day sms-prefix sms-network sms-account sms-day";
const told = /^This number receives no sign-in codes for auth\.gatehouse\.test any more\./;

const removeFactor = (isolate: Isolate, tokens: Tokens, id: string): Promise<Response> =>
  isolate.fetch(`/auth/mfa/factors/${id}`, { method: "DELETE", headers: bearerOf(tokens.access_token) });

const eventsOf = async (isolate: Isolate, subjectId: string) => {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId, limit: 100 });
  return events.map(({ type, reason }) => (reason === null ? type : `${type} ${reason}`));
};

test("a number is read strictly, and the longest prefix tells whether its country is served", () => {
  expect(parsePhoneNumber("+49 151 234-5678")).toBe("+491512345678");
  for (const text of [
    "+4915112345678901234",
    "004915112345678",
    "015112345678",
    "+0151123456789",
    "+49 (0)151 1234567",
    "+49151123456x",
    " +4915112345678",
    "+49  15112345678",
    "+４９15112345678",
    "+4915112345678\n",
    "+1234567",
    "",
  ])
    expect([text, parsePhoneNumber(text)]).toEqual([text, null]);

  const served = (number: string, ...countries: string[]): boolean => isServed(number, countries);
  expect(served("+12125550123", "+1")).toBe(true);
  expect(served("+12425550123", "+1")).toBe(false);
  expect(served("+19005550123", "+1")).toBe(false);
  expect(served("+12425550123", "+1", "+1242")).toBe(true);
  expect(served("+12125550123", "+1242")).toBe(false);
  expect(served("+77012345678", "+7")).toBe(false);
  expect(served("+447012345678", "+44")).toBe(false);
  expect(served("+447012345678", "+44", "+4470")).toBe(true);
  expect(served("+447712345678", "+49")).toBe(false);
  expect(parseCountries(["+49", "+1", "+1242", "+420", "+4420"])).not.toBeNull();
  for (const wrong of ["49", "+4", "+", "+0", "+42", "+83", "+49 1", "+1234567890", ""])
    expect([wrong, parseCountries(["+49", wrong])]).toEqual([wrong, null]);
  expect(parseCountries([])).toBeNull();
});

test("a number set up in a session counts once its code was given, signs in beside the password as two factors, and is at rest neither readable nor its codes", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const { number, account } = holder;
  const [first = ""] = await textsTo(isolate, number);
  expect(first).toMatch(
    /^(\d{6}) confirms this number at auth\.gatehouse\.test\. .*\n\n@auth\.gatehouse\.test #\1$/s,
  );
  expect(first.length).toBeLessThanOrEqual(160);
  expect((await mailsTo(isolate, holder.email)).map(({ subject }) => subject)).toContainEqual(
    expect.stringContaining("A phone number was added"),
  );

  const { mfa_token, factors } = await givenStep(isolate, holder);
  expect(factors).toEqual(["totp", "sms", "recovery-codes"]);
  const sent = await sendCode(isolate, mfa_token);
  expect([sent.status, await sent.json()]).toEqual([
    202,
    { status: "sent", number_ending: number.slice(-2), expires_in: 300 },
  ]);
  const code = await codeTo(isolate, number);
  const { rows } = await isolate.rooms.database.execute<{ secret: string; kept: string }>(
    `select secret, row_to_json(factors)::text as kept from factors where kind = 'sms' and account_id = '${account.id}'`,
  );
  expect(rows[0]?.secret).toMatch(/^\d+\./);
  for (const secret of [number, number.slice(1, -2), `"${code}"`])
    expect(rows[0]?.kept).not.toContain(secret);

  const grouped = `${code.slice(0, 3)} ${code.slice(3)}`;
  const answer = await proveBy(isolate, { mfa_token, factor: "sms", code: grouped });
  expect(answer.status).toBe(200);
  const tokens = (await answer.json()) as Tokens;
  expect(decodeJwt(tokens.access_token)).toMatchObject({ acr: "two-factor", amr: ["pwd", "sms", "mfa"] });
  const listed = await isolate.fetch("/auth/mfa/factors", { headers: bearerOf(tokens.access_token) });
  const text = await listed.text();
  expect(text).toContain(`"number_ending":"${number.slice(-2)}"`);
  expect(text).not.toContain(number.slice(1, -2));
  expect(await eventsOf(isolate, account.id)).toEqual(
    expect.arrayContaining(["factor.added", "factor.code_sent", "factor.code_sent"]),
  );
});

test("inside a session a code is sent for its raising, and makes it no more than two factors; a wrong one counts with those of the app", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const raise = async () => {
    const headers = bearerOf(holder.strong.access_token);
    return (await (await isolate.fetch("/auth/mfa/step-up", json({}, headers))).json()) as {
      mfa_token: string;
    };
  };
  const { mfa_token } = await raise();
  expect((await sendCode(isolate, mfa_token)).status).toBe(202);
  const code = await codeTo(isolate, holder.number);
  const [w1 = "", w2 = "", w3 = ""] = wrongCodes(code, 3);
  for (const wrong of [w1, w2, w3])
    await expectProblem(
      await proveBy(isolate, { mfa_token, factor: "sms", code: wrong }),
      401,
      "invalid_code",
    );
  for (const status of [401, 401])
    expect((await proveBy(isolate, { mfa_token, factor: "totp", code: "abcdef" })).status).toBe(status);
  const right = { mfa_token, factor: "sms", code };
  await expectProblem(await proveBy(isolate, right), 429, "rate_limited");
  isolate.clock.advance(31_000);
  const raised = await proveBy(isolate, right);
  expect(raised.status).toBe(200);
  const tokens = (await raised.json()) as Tokens;
  expect(decodeJwt(tokens.access_token)).toMatchObject({
    acr: "two-factor",
    amr: ["pwd", "otp", "sms", "mfa"],
  });
  expect(isolate.rooms.mfa.provedBy(["pop", "user"], { kind: "sms", isUserVerified: false })).toEqual({
    acr: "one-factor",
    amr: ["pop", "user", "sms"],
  });
});

test("another number takes the place of the old one once it is confirmed, and the old one is told, by mail and by text, also when it goes", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const old = holder.number;
  const next = freshNumber();
  const begun = await beginPhone(isolate, holder.strong, next);
  const { id } = (await begun.json()) as { id: string };
  const waiting = await givenTexted(isolate, holder);
  expect((await textsTo(isolate, old))[0]).toContain(waiting.code);
  const code = await codeTo(isolate, next);
  const answers = await Promise.all([1, 2].map(() => confirmPhone(isolate, holder.strong, { id, code })));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 404]);
  expect((await textsTo(isolate, old))[0]).toMatch(told);
  await expectProblem(await proveBy(isolate, waiting), 401, "mfa_token_invalid");
  const subjects = async () => (await mailsTo(isolate, holder.email)).map(({ subject }) => subject);
  expect((await subjects())[0]).toContain("Your phone number was changed");
  await givenTexted(isolate, { ...holder, number: next });

  // The last app goes, and with it what only stood beside it.
  const [app] = await isolate.rooms.mfa.list(holder.account.id);
  expect((await removeFactor(isolate, holder.strong, app?.id ?? "")).status).toBe(204);
  expect(await isolate.rooms.mfa.list(holder.account.id)).toEqual([]);
  expect((await isolate.rooms.accounts.get(holder.account.id)).factorKinds).toEqual([]);
  expect((await textsTo(isolate, next))[0]).toMatch(told);
  expect((await subjects()).slice(0, 2).sort()).toEqual([
    expect.stringContaining("Your authenticator app was removed"),
    expect.stringContaining("Your phone number was removed"),
  ]);
  expect(
    (await eventsOf(isolate, holder.account.id)).filter((type) => type === "factor.removed"),
  ).toHaveLength(2);
});

test("a telephone is never the only factor: not without an app, not when that goes meanwhile, and a reset tells it too", async () => {
  const isolate = await givenSmsIsolate();
  const person = await givenTotp(isolate);
  const strong = await givenTwoFactorTokens(isolate, person);
  const number = freshNumber();
  const { id } = (await (await beginPhone(isolate, strong, number)).json()) as { id: string };
  const code = await codeTo(isolate, number);
  const { mfa } = isolate.rooms;
  // As when the removal is committed between the look at the account and the confirmation.
  await isolate.rooms.database.execute(
    `delete from factors where kind = 'totp' and account_id = '${person.account.id}'`,
  );
  await expectProblem(await confirmPhone(isolate, strong, { id, code }), 404, "not_found");
  expect(await mfa.list(person.account.id)).toEqual([]);
  await expectProblem(await beginPhone(isolate, strong, freshNumber()), 409, "conflict");

  const holder = await givenPhone(isolate);
  expect(await mfa.removeAll(holder.account.id, asOperator(isolate))).toBe(2);
  expect((await textsTo(isolate, holder.number))[0]).toMatch(told);
});

test("only a session that was proved lately sets a number up, only a good one of a served country, and nothing else is read", async () => {
  const isolate = await givenSmsIsolate({ environment: { ACCESS_TOKEN_SECONDS: "900" } });
  const person = await givenTotp(isolate);
  const refused = await beginPhone(isolate, person.tokens, freshNumber());
  await expectProblem(refused, 401, "insufficient_user_authentication");
  const strong = await givenTwoFactorTokens(isolate, person);
  for (const number of [
    "+12425550123",
    "+33612345678",
    "4915112345678",
    "",
    "+49",
    4915112345678,
    ["+4915112345678"],
  ])
    await expectProblem(await beginPhone(isolate, strong, number), 400, "invalid_request");
  const { mfa_token } = await givenStep(isolate, person);
  const inStep = await isolate.fetch("/auth/mfa/sms", json({ mfa_token, number: freshNumber() }));
  await expectProblem(inStep, 401, "mfa_token_invalid");
  for (const body of [{}, { mfa_token: [mfa_token] }, { mfa_token, number: freshNumber() }])
    await expectProblem(await isolate.fetch("/auth/mfa/sms/send", json(body)), 400, "invalid_request");
  await expectProblem(await sendCode(isolate, "gm_1.AAAA.BBBB"), 401, "mfa_token_invalid");
  isolate.clock.advance(601_000);
  await expectProblem(
    await beginPhone(isolate, strong, freshNumber()),
    401,
    "insufficient_user_authentication",
  );
});

test("without a provider there is no such factor: not offered, not taken, not listed, its addresses say so, and what was set up waits", async () => {
  const lane = unique("lane");
  const isolate = await givenSmsIsolate({ lane });
  const holder = await givenPhone(isolate);
  const off = await givenSignInIsolate({ clock: isolate.clock });
  const { mfa_token, factors } = await givenStep(off, holder);
  expect(factors).toEqual(["totp", "recovery-codes"]);
  await expectProblem(await sendCode(off, mfa_token), 404, "not_found");
  await expectProblem(
    await proveBy(off, { mfa_token, factor: "sms", code: "123456" }),
    400,
    "invalid_request",
  );
  await expectProblem(await beginPhone(off, holder.strong, freshNumber()), 404, "not_found");
  const confirm = { id: holder.id, code: "123456" };
  await expectProblem(await confirmPhone(off, holder.strong, confirm), 404, "not_found");
  expect((await off.fetch("/account/security/phone")).status).toBe(404);
  expect((await off.fetch("/login/factor/sms/send", { method: "POST" })).status).toBe(404);
  expect((await proveBy(off, { mfa_token, factor: "totp", code: codeOf(off, holder.secret) })).status).toBe(
    200,
  );
});

test("codes are counted by number and by account, refused alike whoever has the number, and free again in time", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const step = async () => (await givenStep(isolate, holder)).mfa_token;
  const token = await step();
  // One was sent to set it up.
  for (let at = 1; at < limits.smsNumber.permits; at += 1)
    expect((await sendCode(isolate, token)).status).toBe(202);
  const over = await sendCode(isolate, token);
  const wait = Number(over.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(3000);
  await expectProblem(over, 429, "rate_limited");
  expect(await textsTo(isolate, holder.number)).toHaveLength(limits.smsNumber.permits);

  // The same number, asked for by somebody else: refused in the same words.
  const other = await givenTotp(isolate);
  const tokens = await givenTwoFactorTokens(isolate, other);
  await expectProblem(await beginPhone(isolate, tokens, holder.number), 429, "rate_limited");
  expect(await eventsOf(isolate, "sms-number")).toContain("limit.exceeded over_limit");

  isolate.clock.advance(wait * 1000);
  const later = await step();
  expect((await sendCode(isolate, later)).status).toBe(202);
  for (let at = limits.smsNumber.permits + 1; at < limits.smsAccount.permits; at += 1) {
    if (at % 4 === 0) isolate.clock.advance(3_900_000);
    expect((await sendCode(isolate, await step())).status).toBe(202);
  }
  isolate.clock.advance(3_900_000);
  const day = await sendCode(isolate, await step());
  expect(Number(day.headers.get("retry-after"))).toBeGreaterThan(3600);
  await expectProblem(day, 429, "rate_limited");
});

test("codes are counted by network and all together, and a silent Redis sends none", async () => {
  const isolate = await givenSmsIsolate();
  const person = await givenTotp(isolate);
  const strong = await givenTwoFactorTokens(isolate, person);
  const number = freshNumber();
  const { mfa, rateLimits } = isolate.rooms;
  const takeAll = async (demand: ReturnType<typeof rateLimits.demandOf>) => {
    const trip = rateLimits.openTrip();
    const taking = rateLimits.take(trip, [demand]);
    await trip.send();
    expect((await taking).ok).toBe(true);
  };

  await isolate.redisFault([{ kind: "refuse" }]);
  const silent = await beginPhone(isolate, strong, number);
  await isolate.redisFault([]);
  expect(silent.headers.get("retry-after")).toBe("1");
  await expectProblem(silent, 503, "unavailable");
  expect(await eventsOf(isolate, smsLimits)).toContain("access.refused limit_unavailable");
  isolate.clock.advance(1100);

  await takeAll(
    rateLimits.demandOf("smsNetwork", `network:${networkOf(isolate.address)}`, limits.smsNetwork.permits),
  );
  await expectProblem(await beginPhone(isolate, strong, number), 429, "rate_limited");
  expect(await textsTo(isolate, number)).toEqual([]);
  expect(await mfa.list(person.account.id)).toHaveLength(1);

  // Another network, and another contract with a provider.
  const lane = unique("lane");
  const environment = smsEnvironment(lane);
  const elsewhere = await givenSmsIsolate({ clock: isolate.clock, lane, environment });
  expect((await beginPhone(elsewhere, strong, number)).status).toBe(201);
  const payer = environment["SMS_API_KEY"]?.split(":")[0] ?? "";
  await takeAll(rateLimits.demandOf("smsDay", `payer:${payer}`, limits.smsDay.permits - 1));
  await expectProblem(await beginPhone(elsewhere, strong, number), 429, "rate_limited");
  expect(await textsTo(elsewhere, number)).toHaveLength(1);
});

test("the text that tells a number it is gone has a budget of its own, which codes cannot use up, and the mail goes in any case", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const { mfa_token } = await givenStep(isolate, holder);
  while ((await sendCode(isolate, mfa_token)).status === 202);
  const phone = (await isolate.rooms.mfa.list(holder.account.id)).find(({ kind }) => kind === "sms");
  expect((await removeFactor(isolate, holder.strong, phone?.id ?? "")).status).toBe(204);
  expect((await textsTo(isolate, holder.number))[0]).toMatch(told);
  isolate.clock.advance(3_900_000);
  expect(await isolate.rooms.mfa.list(holder.account.id)).toMatchObject([{ kind: "totp" }]);
  const again = await givenTwoFactorTokens(isolate, holder);
  await addPhone(isolate, again);
  const [mail] = await mailsTo(isolate, holder.email);
  expect(mail?.subject).toContain("A phone number was added");
});

test("a session whose last proof was a text message changes no factor: it comes to no passkey, app, number or new codes before a better one is shown", async () => {
  const isolate = await givenSmsIsolate();
  const holder = await givenPhone(isolate);
  const texted = await givenTexted(isolate, holder);
  const tokens = (await (await proveBy(isolate, texted)).json()) as Tokens;
  const headers = bearerOf(tokens.access_token);
  for (const path of ["/passkeys/challenge", "/totp", "/sms", "/recovery-codes"]) {
    const body = path === "/sms" ? { number: freshNumber() } : {};
    await expectProblem(
      await isolate.fetch(`/auth/mfa${path}`, json(body, headers)),
      401,
      "insufficient_user_authentication",
    );
  }
  isolate.clock.advance(30_000);
  const due = await isolate.fetch("/auth/mfa/step-up", json({}, headers));
  const { mfa_token } = (await due.json()) as { mfa_token: string };
  const better = await proveBy(isolate, { mfa_token, factor: "totp", code: codeOf(isolate, holder.secret) });
  const raised = (await better.json()) as Tokens;
  expect(decodeJwt(raised.access_token)).toMatchObject({ acr: "two-factor", amr: ["pwd", "otp", "mfa"] });
  const begun = await isolate.fetch("/auth/mfa/passkeys/challenge", json({}, bearerOf(raised.access_token)));
  expect(begun.status).toBe(200);
});
