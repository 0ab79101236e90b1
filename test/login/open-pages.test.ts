import { expect, test } from "vitest";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import {
  type Browser,
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
} from "../support/given-browser.ts";
import { givenAuthenticator, givenHalfSignedIn, optionsOn } from "../support/given-factor-pages.ts";
import { givenPerson } from "../support/given-people.ts";

/** What stands on a page that somebody left open: its form, its options, and the challenge that its script fetches now. */
async function leftOpen<Options extends PasskeyCreationOptions | PasskeyRequestOptions>(
  browser: Browser,
  path: string,
  action = path,
) {
  const seen = await browser.open(path);
  const hidden = seen.forms.find((form) => form.action === action)?.hidden;
  const options = optionsOn<Options>(seen, action);
  const policy = seen.answer.headers.get("content-security-policy") ?? "";
  const renew = /data-renew="([^"]*)"/.exec(seen.html)?.[1] ?? "";
  expect(policy).toContain(` https://auth.gatehouse.test${renew}`);
  const renewed = async (by = browser): Promise<Options> => {
    const answer = await by.send(renew, {});
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
    return { ...options, challenge: await answer.text() };
  };
  return {
    options,
    renewed,
    send: (credential: object) => browser.post(action, { ...hidden, credential: JSON.stringify(credential) }),
  };
}

test("pages that were open for an hour add a passkey and sign in with it, by a challenge fetched then; the first one is over, and another browser's is worth nothing", async () => {
  const isolate = await givenSignInIsolate();
  const device = givenAuthenticator();
  const { browser } = await givenSignedIn(isolate);
  const adding = await leftOpen<PasskeyCreationOptions>(browser, "/account/security/passkey");
  isolate.clock.advance(300_001);
  const late = await adding.send(await device.register(adding.options));
  expect([late.answer.status, late.html]).toEqual([400, expect.stringContaining("could not be added")]);
  const added = await adding.send(await device.register(await adding.renewed()));
  expectSeeOther(added, "/account/security/recovery-codes?return_to=%2Faccount%2Fsecurity");

  const anew = givenBrowser(isolate);
  const page = await leftOpen<PasskeyRequestOptions>(anew, "/login", "/login/passkey");
  isolate.clock.advance(3_600_000);
  const over = await page.send(await device.assert(page.options));
  expect(over.answer.status).toBe(400);
  expect(over.html).toContain("The page may have been open too long: try again");
  const foreign = givenBrowser(isolate);
  await foreign.open("/login");
  expect((await page.send(await device.assert(await page.renewed(foreign)))).answer.status).toBe(400);
  expectSeeOther(await page.send(await device.assert(await page.renewed())), "/account");
});

test("a challenge for a new passkey is fetched only from a session that is fresh", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenSignedIn(isolate);
  const ask = async (by: Browser) => {
    const answer = await by.send("/account/security/passkey/challenge", {});
    return [answer.status, answer.headers.get("location")?.split("?")[0]];
  };
  expect(await ask(browser)).toEqual([200, undefined]);
  expect(await ask(givenBrowser(isolate))).toEqual([303, "/login"]);
  isolate.clock.advance(601_000);
  expect(await ask(browser)).toEqual([303, "/login/again"]);
});

test("a form of a set-up that is over leads back to sign in, and from there to where it would have led on; never elsewhere", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const browser = await givenHalfSignedIn(isolate, person, "/login/set-up");
  const { forms } = await browser.open("/login/set-up?return_to=/account/sessions");
  isolate.clock.advance(300_001);
  const sent = { "/login/set-up/app": {}, "/login/set-up/passkey": { credential: "{}" } };
  for (const [action, fields] of Object.entries(sent)) {
    const hidden = forms.find((form) => form.action === action)?.hidden;
    expect(hidden?.["return_to"]).toBe("/account/sessions");
    const over = await browser.post(action, { ...hidden, ...fields });
    expectSeeOther(over, "/login?return_to=%2Faccount%2Fsessions");
    expectSeeOther(await browser.post(action, { ...hidden, return_to: "//evil.example" }), "/login");
  }
  const confirm = { code: "123456", id: "fct_0", form_token: "", return_to: "/account/address" };
  expectSeeOther(
    await browser.post("/login/set-up/app/confirm", confirm),
    "/login?return_to=%2Faccount%2Faddress",
  );
});
