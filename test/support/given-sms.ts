import { expect, inject } from "vitest";
import { type Isolate, type IsolateOptions, json, unique } from "./given.ts";
import { givenSignInIsolate } from "./given-browser.ts";
import { givenStep, givenTotp, givenTwoFactorTokens, type Person } from "./given-factors.ts";
import { bearerOf, type Tokens } from "./given-sessions.ts";

const digits = (count: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte % 10).join("");

/** A number no other test uses, nor one next to it. */
export const freshNumber = (prefix = `+49${digits(5)}`): string => `${prefix}${digits(6)}`;

/** The variables that make the factor exist: an account with the provider of this isolate's own, since all it sends is counted. */
export const smsEnvironment = (lane: string): Record<string, string> => ({
  SMS_API_URL: `${inject("stores").mailbox}/lane/${lane}`,
  SMS_API_KEY: `AC${crypto.randomUUID().replaceAll("-", "")}:test-sms-token`,
  SMS_FROM: "+15550000000",
  SMS_COUNTRIES: "+49,+1",
});

export async function givenSmsIsolate(options: IsolateOptions = {}): Promise<Isolate> {
  const lane = options.lane ?? unique("lane");
  const environment = { ...smsEnvironment(lane), ...options.environment };
  return await givenSignInIsolate({ ...options, lane, environment });
}

/** Everything sent to this number so far, newest first. */
export async function textsTo(isolate: Isolate, number: string): Promise<string[]> {
  await isolate.settle();
  const answer = await fetch(`${inject("stores").mailbox}/messages?to=${encodeURIComponent(number)}`);
  const messages = (await answer.json()) as { channel: string; text: string }[];
  expect(messages.every(({ channel }) => channel === "sms")).toBe(true);
  return messages.map(({ text }) => text);
}

export async function codeTo(isolate: Isolate, number: string): Promise<string> {
  const [newest = ""] = await textsTo(isolate, number);
  const [, code = ""] = /^(\d{6}) /.exec(newest) ?? [];
  expect(code, `a code in the newest text to ${number}: ${newest}`).not.toBe("");
  return code;
}

export const wrongCodes = (right: string, count: number): string[] =>
  Array.from({ length: count + 1 }, (_, index) => String(index).padStart(6, "0"))
    .filter((code) => code !== right)
    .slice(0, count);

export const beginPhone = (isolate: Isolate, tokens: Tokens, number: unknown): Promise<Response> =>
  isolate.fetch("/auth/mfa/sms", json({ number }, bearerOf(tokens.access_token)));

export const confirmPhone = (
  isolate: Isolate,
  tokens: Tokens,
  shown: { id: string; code: string },
): Promise<Response> => isolate.fetch("/auth/mfa/sms/confirm", json(shown, bearerOf(tokens.access_token)));

/** Sets a number up, or another in its place. */
export async function addPhone(isolate: Isolate, tokens: Tokens, number = freshNumber()): Promise<string> {
  const begun = await beginPhone(isolate, tokens, number);
  expect(begun.status).toBe(201);
  const { id } = (await begun.json()) as { id: string };
  const code = await codeTo(isolate, number);
  expect((await confirmPhone(isolate, tokens, { id, code })).status).toBe(204);
  await isolate.settle();
  return number;
}

/** Somebody with an app and a telephone, signed in with both password and app. */
export async function givenPhone(isolate: Isolate, person?: Person) {
  const holder = await givenTotp(isolate, person);
  const strong = await givenTwoFactorTokens(isolate, holder);
  return { ...holder, strong, number: await addPhone(isolate, strong) };
}

export const sendCode = (isolate: Isolate, mfaToken: string): Promise<Response> =>
  isolate.fetch("/auth/mfa/sms/send", json({ mfa_token: mfaToken }));

/** A sign-in that waits, and the code that was sent for it. */
export async function givenTexted(isolate: Isolate, holder: Person & { readonly number: string }) {
  const { mfa_token } = await givenStep(isolate, holder);
  expect((await sendCode(isolate, mfa_token)).status).toBe(202);
  return { mfa_token, factor: "sms", code: await codeTo(isolate, holder.number) };
}
