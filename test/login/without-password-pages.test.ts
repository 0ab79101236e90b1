import { expect, test } from "vitest";
import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import type { RegisterDeviations } from "../support/authenticator.ts";
import type { Isolate } from "../support/given.ts";
import {
  type Browser,
  expectSeeOther,
  givenBrowser,
  givenSignInIsolate,
  sessionCookie,
} from "../support/given-browser.ts";
import { codesOn, givenAppHolder, givenAuthenticator, optionsOn } from "../support/given-factor-pages.ts";
import { freshAddress, givenPerson, goodPassword, linkTo, mailsTo } from "../support/given-people.ts";
import { hashesIn } from "../support/given-without-password.ts";

const setUp = "/login/set-up/passkey";
const codesPage = "/account/security/recovery-codes";
const security = "/account/security";

/** What the script of the page does: the authenticator's answer in the form. */
async function createPasskey(browser: Browser, more: RegisterDeviations = {}) {
  const page = await browser.open("/login/set-up");
  const authenticator = givenAuthenticator();
  const options = optionsOn<PasskeyCreationOptions>(page, setUp);
  const credential = JSON.stringify(await authenticator.register(options, more));
  const form = page.forms.find(({ action }) => action === setUp);
  return { page, authenticator, sent: await browser.post(setUp, { ...form?.hidden, credential }) };
}

async function givenRegistered(isolate: Isolate) {
  const browser = givenBrowser(isolate);
  const email = freshAddress();
  expectSeeOther(await browser.submit("/register/passkey", { email }), "/register/sent");
  const { url } = await linkTo(isolate, email);
  return { browser, email, path: url.pathname + url.search };
}

async function givenMember(isolate: Isolate) {
  const { browser, email, path } = await givenRegistered(isolate);
  expectSeeOther(await browser.submit(path, {}), "/login/set-up");
  const { sent } = await createPasskey(browser);
  expectSeeOther(sent, `${codesPage}?return_to=%2Faccount`);
  await isolate.settle();
  return { browser, email };
}

test("by the pages: an address, the mail's button, a passkey, signed in; each form has one button and no password is hashed", async () => {
  const isolate = await givenSignInIsolate();
  const hashes = await hashesIn(isolate, async () => {
    const begun = await givenBrowser(isolate).open("/register");
    expect(begun.html).toContain('href="/register/passkey"');
    const { browser, email, path } = await givenRegistered(isolate);
    for (let count = 0; count < 3; count += 1) expect((await browser.open(path)).answer.status).toBe(200);
    expect((await browser.open("/login/set-up")).answer.headers.get("location")).toBe("/login");
    expectSeeOther(await browser.submit(path, {}), "/login/set-up");
    expect(browser.cookies.has(sessionCookie)).toBe(false);
    const { page, sent } = await createPasskey(browser);
    expect(page.html).toContain(email);
    expect(page.forms.map(({ action, submits }) => [action, submits])).toEqual([[setUp, 1]]);
    expectSeeOther(sent, `${codesPage}?return_to=%2Faccount`);
    const account = await browser.open("/account");
    expect(account.answer.status).toBe(200);
    expect(account.html).not.toContain("<h2>Password</h2>");
    // Used: the link, and the step.
    const again = await givenBrowser(isolate).submit(path, {});
    expect([again.answer.status, again.answer.headers.getSetCookie()]).toEqual([400, []]);
  });
  expect(hashes).toBe(0);
});

test("a passkey that was merely touched comes back with what to do, and an app cannot be set up in its place", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, path } = await givenRegistered(isolate);
  await browser.submit(path, {});
  const { page, sent } = await createPasskey(browser, { isUserVerified: false });
  expect(sent.answer.status).toBe(400);
  expect(sent.html).toContain("This passkey could not be added.");
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  const token = page.forms[0]?.hidden["form_token"] ?? "";
  const app = await browser.post("/login/set-up/app", { form_token: token });
  expect([app.answer.status, browser.cookies.has(sessionCookie)]).toEqual([303, false]);
});

test("a known address, an unknown one and no address: alike but for the mail, and a mistake comes back at its field", async () => {
  const isolate = await givenSignInIsolate();
  const { email: known } = await givenPerson(isolate);
  const answers: unknown[] = [];
  for (const email of [known, freshAddress()]) {
    const { answer, html } = await givenBrowser(isolate).submit("/register/passkey", { email });
    answers.push([
      answer.status,
      [...answer.headers.keys()].toSorted(),
      answer.headers.get("location"),
      html,
    ]);
  }
  expect(answers[0]).toEqual(answers[1]);
  const wrong = await givenBrowser(isolate).submit("/register/passkey", { email: "nobody" });
  expect(wrong.answer.status).toBe(400);
  expect(wrong.html).toContain('id="email-wrong"');
  expect(wrong.html).toContain('value="nobody"');
});

test("lost passkeys are replaced by the page of the mail, a recovery code before it where there is one", async () => {
  const isolate = await givenSignInIsolate();
  const { browser: elsewhere, email } = await givenMember(isolate);
  const codes = codesOn(await elsewhere.submit(codesPage, {}));
  await isolate.settle();
  const browser = givenBrowser(isolate);
  expectSeeOther(await browser.submit("/recover", { email }), "/recover/sent");
  const { url, link } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  const page = await browser.open(path);
  expect([page.answer.status, page.html.includes(link)]).toEqual([200, false]);
  expect((await elsewhere.open("/account")).answer.status).toBe(200);
  expectSeeOther(await browser.submit(path, {}), "/login/factor");
  expectSeeOther(await elsewhere.open("/account"), "/login?return_to=%2Faccount");
  const asked = await browser.open("/login/factor");
  expect(asked.forms.map(({ action }) => action)).toEqual(["/login/factor/recovery-code"]);
  const form = "/login/factor/recovery-code";
  const wrong = await browser.submit("/login/factor", { code: "aaaa-aaaa-aaaa-aaaa" }, form);
  expect([wrong.answer.status, browser.cookies.has(sessionCookie)]).toEqual([400, false]);
  expectSeeOther(await browser.submit("/login/factor", { code: codes[0] ?? "" }, form), "/login/set-up");
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  const { sent } = await createPasskey(browser);
  expectSeeOther(sent, `${codesPage}?return_to=%2Faccount`);
  const shown = await browser.open(security);
  expect(shown.html.match(/<h3><bdi>Passkey \d<\/bdi>/g)).toHaveLength(2);
  expect(shown.html).toContain("9 codes left");
});

test("on the page of security a password is added and removed, the only passkey stays, and what is missing is said", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, email } = await givenMember(isolate);
  const shown = await browser.open(security);
  expect(shown.html).toContain("Add a password");
  expect(shown.html).not.toContain("Change your password");
  const kept = await browser.submit(security, {}, `${security}/remove`);
  const id = shown.html.match(/name="factor" value="(fct_[0-9A-Za-z]{22})"/)?.[1] ?? "";
  const last = await browser.submit(security, { factor: id }, `${security}/remove`);
  expect([kept.answer.status, last.answer.status]).toEqual([409, 409]);
  expect(last.html).toContain("the only passkey that opens your account");
  const add = `${security}/password/add`;
  const weak = await browser.submit(security, { new_password: "short" }, add);
  expect([weak.answer.status, weak.html.includes('id="new_password-wrong"')]).toEqual([400, true]);
  expectSeeOther(await browser.submit(security, { new_password: goodPassword }, add), security);
  const remove = `${security}/password/remove`;
  expect((await browser.open(security)).html).toContain("First add a passkey that asks");
  await browser.submit(codesPage, {});
  expectSeeOther(await browser.submit(security, {}, remove), security);
  expect((await browser.open(security)).html).toContain("Your password is removed.");
  await isolate.settle();
  expect((await mailsTo(isolate, email))[0]?.subject).toContain("no password any more");
  const { forms } = await browser.open("/account/delete");
  expect(forms.find(({ action }) => action === "/account/delete")?.names).toEqual([]);
  expectSeeOther(await browser.submit("/account/delete", {}), "/login");
});

test("who proved an app is sent to the passkey before the password may go", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenAppHolder(isolate);
  const { forms } = await browser.open(security);
  // Not offered there, and refused to who sends it all the same.
  expect(forms.some(({ action }) => action.endsWith("/password/remove"))).toBe(false);
  const form_token = forms.find(({ action }) => action === security)?.hidden["form_token"] ?? "";
  const foreign = await browser.post(`${security}/password/remove`, { form_token });
  expect(foreign.answer.status).toBe(403);
});
