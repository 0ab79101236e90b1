import { expect } from "vitest";
import { type Isolate, type IsolateOptions, json } from "./given.ts";
import { type Browser, givenBrowser, givenSignInIsolate } from "./given-browser.ts";
import { codeOf, type FactorDue, type Person } from "./given-factors.ts";
import type { Tokens } from "./given-sessions.ts";

export const rememberedCookie = "__Host-gatehouse-remembered";
export const remembering = { REMEMBER_DEVICES_DAYS: "30" };
export const firefox = {
  "user-agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
};

/** An isolate whose policy lets browsers be remembered for thirty days, unless named. */
export const givenRemembering = (more: IsolateOptions = {}): Promise<Isolate> =>
  givenSignInIsolate({ ...more, environment: { ...remembering, ...more.environment } });

/** What an application in this browser is answered to the password. */
export async function passwordIn(browser: Browser, { email, password }: Pick<Person, "email" | "password">) {
  const answer = await browser.send("/auth/login", json({ email, password }, firefox));
  expect(answer.status).toBe(200);
  return { answer, body: (await answer.clone().json()) as Partial<FactorDue> & Partial<Tokens> };
}

/** Proves the app in this browser, and asks that it be remembered. */
export async function proveIn(isolate: Isolate, browser: Browser, person: Person & { secret: string }) {
  const { body } = await passwordIn(browser, person);
  isolate.clock.advance(30_000);
  const proof = { mfa_token: body.mfa_token, factor: "totp", code: codeOf(isolate, person.secret) };
  const answer = await browser.send("/auth/mfa/verify", json({ ...proof, remember_device: true }, firefox));
  expect(answer.status).toBe(200);
  await isolate.settle();
  return { answer, body: (await answer.clone().json()) as Tokens & { device_remembered?: true } };
}

/** A browser in which this person, who has an app, is remembered. */
export async function givenRemembered(isolate: Isolate, person: Person & { secret: string }) {
  const browser = givenBrowser(isolate);
  const { body, answer } = await proveIn(isolate, browser, person);
  expect([body.device_remembered, browser.cookies.has(rememberedCookie)]).toEqual([true, true]);
  return { browser, answer, tokens: body };
}
