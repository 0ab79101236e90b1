import { Secret, TOTP } from "otpauth";
import { expect } from "vitest";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import { createAuthenticator } from "./authenticator.ts";
import { type Isolate, issuer } from "./given.ts";
import { type Browser, expectSeeOther, givenBrowser, givenSignedIn, type Seen } from "./given-browser.ts";

/** What an authenticator app shows now, or so many steps later. */
export function codeOf(secret: string, { clock }: Pick<Isolate, "clock">, stepsLater = 0): string {
  const totp = new TOTP({ algorithm: "SHA1", digits: 6, period: 30, secret: Secret.fromBase32(secret) });
  return totp.generate({ timestamp: clock.now() + stepsLater * 30_000 });
}

/** A code that is none of those near now. */
export function wrongCodeOf(secret: string, isolate: Pick<Isolate, "clock">): string {
  const near = new Set([-2, -1, 0, 1, 2].map((step) => codeOf(secret, isolate, step)));
  return ["000000", "111111", "222222", "333333", "444444", "555555"].find((one) => !near.has(one)) ?? "";
}

/** The key that a page shows beside its picture. */
export function secretOn({ html }: Seen): string {
  const secret = /<code id="secret">([A-Z2-7 ]+)<\/code>/.exec(html)?.[1]?.replaceAll(" ", "") ?? "";
  expect(secret).toHaveLength(32);
  return secret;
}

/** What the script of the page would ask the browser for. */
export function optionsOn<Options extends PasskeyCreationOptions | PasskeyRequestOptions>(
  { html }: Seen,
  action: string,
): Options {
  const forms = [...html.matchAll(/<form\b[^>]*>/g)].map(([found]) => found);
  const tag = forms.find((one) => one.includes(`action="${action}"`)) ?? "";
  const json = /data-options="([^"]*)"/.exec(tag)?.[1]?.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  expect(json, `options in the form to ${action}`).toBeDefined();
  return JSON.parse(json ?? "null") as Options;
}

export const givenAuthenticator = () =>
  createAuthenticator({ rpId: new URL(issuer).hostname, origin: issuer });

/** Sets up an app by the pages of somebody who is signed in. The clock then stands one step later: that code was used. */
export async function setUpApp(isolate: Isolate, browser: Browser): Promise<string> {
  const shown = await browser.submit("/account/security/app", {});
  const secret = secretOn(shown);
  const form = shown.forms.find(({ action }) => action === "/account/security/app/confirm");
  const code = codeOf(secret, isolate);
  const sent = await browser.post("/account/security/app/confirm", { ...form?.hidden, code });
  expectSeeOther(sent, "/account/security/recovery-codes?return_to=%2Faccount%2Fsecurity");
  isolate.clock.advance(30_000);
  await isolate.settle();
  return secret;
}

/** Somebody with an app, and codes for the day when it is lost. */
export async function givenAppHolder(isolate: Isolate) {
  const person = await givenSignedIn(isolate);
  const secret = await setUpApp(isolate, person.browser);
  const made = await person.browser.submit("/account/security/recovery-codes", {});
  const codes = codesOn(made);
  expect(codes).toHaveLength(10);
  return { ...person, secret, codes };
}

export const codesOn = ({ html }: Seen): string[] =>
  [...html.matchAll(/<li><code>((?:[0-9a-z]{4}-){3}[0-9a-z]{4})<\/code><\/li>/g)].map(
    ([, code = ""]) => code,
  );

/** A browser in which the password was given and something more is asked for. */
export async function givenHalfSignedIn(
  isolate: Isolate,
  { email, password }: { email: string; password: string },
  location = "/login/factor",
): Promise<Browser> {
  const browser = givenBrowser(isolate);
  expectSeeOther(await browser.submit("/login", { email, password }), location);
  return browser;
}
