import { expect, test } from "vitest";
import {
  type Browser,
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  type Seen,
} from "../support/given-browser.ts";
import { givenHalfSignedIn, setUpApp } from "../support/given-factor-pages.ts";
import { mailFault } from "../support/given-people.ts";
import { codeTo, freshNumber, givenSmsIsolate, textsTo, wrongCodes } from "../support/given-sms.ts";

const page = "/account/security/phone";
const factor = "/login/factor";
const section = "Use a text message instead";

/** Sends a form of the page that is shown. */
async function answer(
  browser: Browser,
  seen: Seen,
  action: string,
  fields: Record<string, string>,
): Promise<Seen> {
  const form = seen.forms.find((one) => one.action === action);
  expect(form, `a form to ${action}`).toBeDefined();
  return await browser.post(action, { ...form?.hidden, ...fields });
}

async function givenPhoneHolder() {
  const isolate = await givenSmsIsolate();
  const person = await givenSignedIn(isolate);
  await setUpApp(isolate, person.browser);
  const number = freshNumber();
  const asked = await person.browser.submit(page, { number });
  expect(asked.answer.status).toBe(200);
  return { ...person, isolate, number, asked };
}

test("a telephone is set up by pages without JavaScript: number, code, and it stands in the list by its end alone", async () => {
  const { isolate, browser, number, asked } = await givenPhoneHolder();
  const wrongNumber = await browser.submit(page, { number: "0151 2345678" });
  expect(wrongNumber.answer.status).toBe(400);
  expect(wrongNumber.html).toContain("Give a mobile number with its country");
  expect(wrongNumber.html).toContain('value="0151 2345678"');

  const code = await codeTo(isolate, number);
  const [guess = ""] = wrongCodes(code, 1);
  const wrong = await answer(browser, asked, `${page}/confirm`, { code: guess });
  expect(wrong.answer.status).toBe(400);
  expect(wrong.html).toContain("That code is not right. Type the newest one that was sent.");
  expectSeeOther(await answer(browser, wrong, `${page}/confirm`, { code }), "/account/security");
  const shown = await browser.open("/account/security");
  expect(shown.html).toContain("Your phone number is confirmed.");
  expect(shown.html).toContain(`Phone number ending in ${number.slice(-2)}`);
  expect(shown.html).toContain("Change the phone number");
  for (const { html } of [shown, wrong, asked]) expect(html).not.toContain(number.slice(1, -2));
  expectSeeOther(await answer(browser, wrong, `${page}/confirm`, { code }), page);
  expect((await browser.open("/account")).html).toContain("A code from your app or a code by text message");
});

test("at sign-in the app comes first and the text last; a button has a code sent, the code opens, and another browser's page cannot ask", async () => {
  const { isolate, browser, number, asked, ...person } = await givenPhoneHolder();
  await answer(browser, asked, `${page}/confirm`, { code: await codeTo(isolate, number) });
  const anew = await givenHalfSignedIn(isolate, person, factor);
  const first = await anew.open(factor);
  expect(first.html.indexOf("Code from your authenticator app")).toBeGreaterThan(0);
  expect(first.html.indexOf(section)).toBeGreaterThan(first.html.indexOf("Code from your authenticator app"));
  expect(first.html).not.toContain(number.slice(1, -2));

  const sent = await textsTo(isolate, number);
  const stranger = givenBrowser(isolate);
  const form = first.forms.find(({ action }) => action === `${factor}/sms/send`);
  expectSeeOther(await stranger.post(`${factor}/sms/send`, { ...form?.hidden }), "/login");
  const forged = await anew.post(`${factor}/sms/send`, { ...form?.hidden, form_token: "x" });
  expect(forged.answer.status).toBe(403);
  expect(await textsTo(isolate, number)).toEqual(sent);

  await mailFault(isolate, [{ kind: "status", status: 500, match: "/Messages.json" }]);
  const failed = await answer(anew, first, `${factor}/sms/send`, {});
  await mailFault(isolate, []);
  expect([failed.answer.status, failed.answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(failed.html).toContain("This cannot be done right now.");

  expectSeeOther(await answer(anew, failed, `${factor}/sms/send`, {}), `${factor}?by=sms`);
  const open = await anew.open(`${factor}?by=sms`);
  expect(open.html).toContain("A code is on its way to your phone.");
  expect(open.html).toMatch(/<details class="after" open(?:="")?>\s*<summary>Use a text message instead/);
  const code = await codeTo(isolate, number);
  const [guess = ""] = wrongCodes(code, 1);
  const wrong = await answer(anew, open, `${factor}/sms`, { code: guess });
  expect(wrong.answer.status).toBe(400);
  expect(wrong.html).toContain("That code is not right, was used already, or is too old.");
  expectSeeOther(await answer(anew, wrong, `${factor}/sms`, { code }), "/account");
  expect((await anew.open("/account")).answer.status).toBe(200);
});
