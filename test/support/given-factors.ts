import { TOTP } from "otpauth";
import { expect } from "vitest";
import { type Isolate, json } from "./given.ts";
import { givenPerson } from "./given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "./given-sessions.ts";

export type Person = Awaited<ReturnType<typeof givenPerson>>;

/** What an authenticator application shows at this time of the isolate's clock, or some steps away from it. */
export function codeOf(isolate: Isolate, secret: string, stepsAway = 0): string {
  const totp = new TOTP({ secret, algorithm: "SHA1", digits: 6, period: 30 });
  return totp.generate({ timestamp: isolate.clock.now() + stepsAway * 30_000 });
}

/** A code that is not right now, nor a step away. */
export function wrongCodeOf(isolate: Isolate, secret: string): string {
  const right = [-1, 0, 1].map((away) => codeOf(isolate, secret, away));
  for (let digit = 0; ; digit += 1) {
    const code = String(digit).padStart(6, "0");
    if (!right.includes(code)) return code;
  }
}

/** Somebody with an authenticator application, set up over the wire; the clock has moved past the code that confirmed it. */
export async function givenTotp(isolate: Isolate, person?: Person) {
  const who = person ?? (await givenPerson(isolate));
  const tokens = await givenTokens(isolate, who);
  const headers = bearerOf(tokens.access_token);
  const begun = await isolate.fetch("/auth/mfa/totp", json({}, headers));
  expect(begun.status).toBe(201);
  const { id, secret } = (await begun.json()) as { id: string; secret: string };
  const code = codeOf(isolate, secret);
  const confirmed = await isolate.fetch("/auth/mfa/totp/confirm", json({ id, code }, headers));
  expect(confirmed.status).toBe(204);
  await isolate.settle();
  isolate.clock.advance(60_000);
  return { ...who, id, secret, tokens };
}

export type FactorDue = {
  mfa_required: true;
  mfa_token: string;
  factors: string[];
  enrolment_required?: true;
};

/** A sign-in that waits for its second factor. */
export async function givenStep(
  isolate: Isolate,
  person: Pick<Person, "email" | "password">,
): Promise<FactorDue> {
  const { email, password } = person;
  const answer = await isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));
  expect(answer.status).toBe(200);
  const due = (await answer.json()) as FactorDue;
  expect(due.mfa_required).toBe(true);
  return due;
}

export const proveBy = (isolate: Isolate, body: Record<string, unknown>): Promise<Response> =>
  isolate.fetch("/auth/mfa/verify", json(body));

/** Signed in with both. */
export async function givenTwoFactorTokens(
  isolate: Isolate,
  person: Person & { secret: string },
): Promise<Tokens> {
  const { mfa_token } = await givenStep(isolate, person);
  const code = codeOf(isolate, person.secret);
  const answer = await proveBy(isolate, { mfa_token, factor: "totp", code });
  expect(answer.status).toBe(200);
  await isolate.settle();
  isolate.clock.advance(60_000);
  return (await answer.json()) as Tokens;
}

export async function givenRecoveryCodes(isolate: Isolate, tokens: Tokens): Promise<string[]> {
  const answer = await isolate.fetch("/auth/mfa/recovery-codes", json({}, bearerOf(tokens.access_token)));
  expect(answer.status).toBe(201);
  await isolate.settle();
  return ((await answer.json()) as { codes: string[] }).codes;
}
