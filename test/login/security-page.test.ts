import { expect, test } from "vitest";
import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import {
  type Browser,
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  sessionCookie,
} from "../support/given-browser.ts";
import {
  codeOf,
  codesOn,
  givenAppHolder,
  givenAuthenticator,
  givenHalfSignedIn,
  optionsOn,
  secretOn,
  setUpApp,
  wrongCodeOf,
} from "../support/given-factor-pages.ts";
import { mailsTo } from "../support/given-people.ts";

const page = "/account/security";
const again = (path: string): string => `/login/again?return_to=${encodeURIComponent(path)}`;
const elevenMinutes = 11 * 60_000;

test("an app is set up with its first code; the session goes on as one of two factors under a new cookie, and the owner is told", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, cookie, account, email } = await givenSignedIn(isolate);
  const elsewhere = givenBrowser(isolate);
  elsewhere.cookies.set(sessionCookie, cookie);
  await setUpApp(isolate, browser);

  expect(browser.cookies.get(sessionCookie)).not.toBe(cookie);
  expectSeeOther(await elsewhere.open("/account"), "/login?return_to=%2Faccount");
  const sessions = await isolate.rooms.sessions.list(account.id);
  expect(sessions.map(({ acr, amr }) => [acr, [...amr].toSorted()])).toEqual([
    ["two-factor", ["mfa", "otp", "pwd"]],
  ]);
  const { html } = await browser.open(page);
  expect(html).toContain("Authenticator app");
  expect(html).toContain("not used yet");
  expect((await browser.open("/account")).html).toContain("A code from your app");
  expect((await mailsTo(isolate, email)).length).toBeGreaterThan(0);
});

test("a wrong code sets nothing up and the same key comes back; a key that was replaced is over", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, account } = await givenSignedIn(isolate);
  const first = await browser.submit(`${page}/app`, {});
  const secret = secretOn(first);
  const form = first.forms.find((one) => one.action === `${page}/app/confirm`);
  const code = wrongCodeOf(secret, isolate);
  const { answer, html } = await browser.post(`${page}/app/confirm`, { ...form?.hidden, code });
  expect(answer.status).toBe(400);
  expect(html).toMatch(/<p class="wrong" id="code-wrong">That code is not right\./);
  expect(secretOn({ answer, html, forms: [] })).toBe(secret);
  expect(await isolate.rooms.mfa.list(account.id)).toEqual([]);

  await browser.submit(`${page}/app`, {});
  const late = { ...form?.hidden, code: codeOf(secret, isolate) };
  expectSeeOther(await browser.post(`${page}/app/confirm`, late), `${page}/app?return_to=%2Faccount`);
  expect((await browser.open(`${page}/app`)).html).toContain("so nothing was set up");
  expect(await isolate.rooms.mfa.list(account.id)).toEqual([]);
});

test("nobody sets up an app in another's name: the id of somebody's pending key is worth nothing in another session", async () => {
  const isolate = await givenSignInIsolate();
  const victim = await givenSignedIn(isolate);
  const attacker = await givenSignedIn(isolate);
  const shown = await attacker.browser.submit(`${page}/app`, {});
  const id = shown.forms.find(({ action }) => action.endsWith("/confirm"))?.hidden["id"] ?? "";
  const own = await victim.browser.submit(`${page}/app`, {});
  const hidden = own.forms.find(({ action }) => action.endsWith("/confirm"))?.hidden;
  const code = codeOf(secretOn(shown), isolate);
  const sent = await victim.browser.post(`${page}/app/confirm`, { ...hidden, id, code });
  expectSeeOther(sent, `${page}/app?return_to=%2Faccount`);
  expect(await isolate.rooms.mfa.list(victim.account.id)).toEqual([]);
});

test("recovery codes are shown once; new ones make the old ones worthless, and without a factor there are none", async () => {
  const isolate = await givenSignInIsolate();
  const lone = await givenSignedIn(isolate);
  const none = await lone.browser.open(`${page}/recovery-codes`);
  expect(none.forms.map((form) => form.action)).toEqual(["/account/sign-out"]);

  const { browser, codes, account, ...person } = await givenAppHolder(isolate);
  const seen = await browser.open(`${page}/recovery-codes`);
  expect(seen.html).toContain("You have 10 left.");
  for (const code of codes) expect(seen.html).not.toContain(code);
  const renewed = codesOn(await browser.submit(`${page}/recovery-codes`, {}));
  expect(new Set([...codes, ...renewed]).size).toBe(20);
  expect(seen.answer.headers.get("cache-control")).toBe("no-store");
  const half = await givenHalfSignedIn(isolate, person);
  const action = "/login/factor/recovery-code";
  const old = await half.submit("/login/factor", { code: codes[0] ?? "" }, action);
  expect(old.answer.status).toBe(400);
  expectSeeOther(await half.submit("/login/factor", { code: renewed[0] ?? "" }, action), "/account");
  expect((await browser.open(page)).html).toContain("9 codes left");
});

test("a session whose proof is eleven minutes old changes no factor: each page and form leads to prove it anew, and nothing is done", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, account, secret } = await givenAppHolder(isolate);
  const held = await browser.open(page);
  const hiddenOf = (action: string) => held.forms.find((form) => form.action === action)?.hidden ?? {};
  const before = await isolate.rooms.mfa.list(account.id);
  isolate.clock.advance(elevenMinutes);

  for (const path of [`${page}/app`, `${page}/passkey`, `${page}/recovery-codes`])
    expectSeeOther(await browser.open(path), again(path));
  for (const [action, typed] of [
    [`${page}/rename`, { name: "Mine" }],
    [`${page}/remove`, {}],
  ] as const)
    expectSeeOther(await browser.post(action, { ...hiddenOf(action), ...typed }), again(page));
  for (const path of [`${page}/app`, `${page}/recovery-codes`])
    expectSeeOther(await browser.post(path, { form_token: "" }), again(path));
  expect(await isolate.rooms.mfa.list(account.id)).toEqual(before);

  expectSeeOther(await browser.open(again(page)), `/login/factor?return_to=${encodeURIComponent(page)}`);
  const factorPage = await browser.open(`/login/factor?return_to=${encodeURIComponent(page)}`);
  expect(factorPage.html).toContain("Confirm that it is you");
  const code = codeOf(secret, isolate);
  const cookie = browser.cookies.get(sessionCookie);
  expectSeeOther(await browser.post("/login/factor", { ...factorPage.forms[0]?.hidden, code }), page);
  expect(browser.cookies.get(sessionCookie)).not.toBe(cookie);
  expect((await browser.open(`${page}/app`)).answer.status).toBe(200);
});

test("who has nothing but a password is asked for it once more; a wrong one raises nothing", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, password, cookie } = await givenSignedIn(isolate);
  isolate.clock.advance(elevenMinutes);
  const path = again(`${page}/app`);
  expectSeeOther(await browser.open(`${page}/app`), path);
  const wrong = await browser.submit(path, { password: "quite the wrong one" }, "/login/again");
  expect(wrong.answer.status).toBe(400);
  expect(wrong.html).toContain('id="password-wrong"');
  expect(browser.cookies.get(sessionCookie)).toBe(cookie);
  expectSeeOther(await browser.submit(path, { password }, "/login/again"), `${page}/app`);
  expect(browser.cookies.get(sessionCookie)).not.toBe(cookie);
  expect((await browser.open(`${page}/app`)).answer.status).toBe(200);
});

test("a step that raises a session is worth nothing once that session has ended", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, account, secret } = await givenAppHolder(isolate);
  isolate.clock.advance(elevenMinutes);
  await browser.open(again(page));
  const { forms } = await browser.open("/login/factor");
  const [session] = await isolate.rooms.sessions.list(account.id);
  await isolate.rooms.sessions.end(session?.id ?? "", account.id, "by_person", {
    actor: { type: "user", id: account.id },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  });
  await isolate.settle();
  const code = codeOf(secret, isolate);
  expectSeeOther(await browser.post("/login/factor", { ...forms[0]?.hidden, code }), "/login");
  expect(await isolate.rooms.sessions.list(account.id)).toEqual([]);
});

test("an application sends somebody to prove more (RFC 9470 §4): who has it goes straight back, who lacks a factor sets one up first", async () => {
  const isolate = await givenSignInIsolate();
  const path = "/login/again?level=two-factor&max_age=300&return_to=/account/sessions";
  expectSeeOther(await givenBrowser(isolate).open(path), `/login?return_to=${encodeURIComponent(path)}`);

  const { browser } = await givenSignedIn(isolate);
  const setUp = `${page}/app?return_to=%2Faccount%2Fsessions`;
  expectSeeOther(await browser.open(path), setUp);
  const started = await browser.open(setUp);
  expect(started.html).toContain("Set one up, then you go on.");
  const hidden = started.forms.find(({ action }) => action === `${page}/app`)?.hidden;
  const shown = await browser.post(`${page}/app`, { ...hidden });
  const secret = secretOn(shown);
  const confirm = shown.forms.find(({ action }) => action === `${page}/app/confirm`)?.hidden;
  const done = await browser.post(`${page}/app/confirm`, { ...confirm, code: codeOf(secret, isolate) });
  expectSeeOther(done, `${page}/recovery-codes?return_to=%2Faccount%2Fsessions`);

  expectSeeOther(await browser.open(path), "/account/sessions");
  isolate.clock.advance(301_000);
  expectSeeOther(await browser.open(path), "/login/factor?return_to=%2Faccount%2Fsessions");
  const evil = "/login/again?level=two-factor&return_to=https://evil.test/";
  expectSeeOther(await browser.open(evil), "/account");
});

async function addPasskey(browser: Browser, name: string): Promise<void> {
  const form = `${page}/passkey`;
  const options = optionsOn<PasskeyCreationOptions>(await browser.open(form), form);
  const credential = JSON.stringify(await givenAuthenticator().register(options));
  const sent = await browser.submit(form, { credential, name });
  expect(sent.answer.status).toBe(303);
}

test("a passkey is added under a name, renamed and removed; its removal leaves the password alone, and recovery codes go with it", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, account, email, password } = await givenSignedIn(isolate);
  await addPasskey(browser, "My <phone>");
  await browser.submit(`${page}/recovery-codes`, {});
  const { html } = await browser.open(page);
  expect(html).toContain("My &lt;phone&gt;");
  expect((await isolate.rooms.sessions.list(account.id)).map(({ acr }) => acr)).toEqual([
    "phishing-resistant",
  ]);
  const [factor] = (await isolate.rooms.mfa.list(account.id)).filter(({ kind }) => kind === "passkey");
  const isOf = ({ hidden }: { hidden: Readonly<Record<string, string>> }) => hidden["factor"] === factor?.id;

  const long = await browser.submit(page, { name: "x".repeat(61) }, `${page}/rename`, isOf);
  expect(long.answer.status).toBe(400);
  expectSeeOther(await browser.submit(page, { name: "Key ring" }, `${page}/rename`, isOf), page);
  expect((await browser.open(page)).html).toContain("Key ring");
  expectSeeOther(await browser.submit(page, {}, `${page}/remove`, isOf), page);
  const after = await browser.open(page);
  expect(after.html).toContain("It is removed.");
  expect(await isolate.rooms.mfa.list(account.id)).toEqual([]);
  expectSeeOther(await givenBrowser(isolate).submit("/login", { email, password }), "/account");
});

test("nobody renames or removes what is another's", async () => {
  const isolate = await givenSignInIsolate();
  const victim = await givenAppHolder(isolate);
  const attacker = await givenAppHolder(isolate);
  const [theirs] = await isolate.rooms.mfa.list(victim.account.id);
  const { forms } = await attacker.browser.open(page);
  for (const action of [`${page}/rename`, `${page}/remove`]) {
    const hidden = forms.find((form) => form.action === action)?.hidden ?? {};
    const typed = action.endsWith("rename") ? { name: "taken" } : {};
    for (const factor of [theirs?.id ?? "", "fct_", "x' or 1=1"])
      expectSeeOther(await attacker.browser.post(action, { ...hidden, ...typed, factor }), page);
  }
  expect(await isolate.rooms.mfa.list(victim.account.id)).toContainEqual(theirs);
});

test("a passkey's answer to another session's question adds nothing", async () => {
  const isolate = await givenSignInIsolate();
  const attacker = await givenSignedIn(isolate);
  const victim = await givenSignedIn(isolate);
  const form = `${page}/passkey`;
  const options = optionsOn<PasskeyCreationOptions>(await attacker.browser.open(form), form);
  const credential = JSON.stringify(await givenAuthenticator().register(options));
  const { answer, html } = await victim.browser.submit(form, { credential, name: "" });
  expect(answer.status).toBe(400);
  expect(html).toContain("This passkey could not be added. Nothing was changed.");
  expect(await isolate.rooms.mfa.list(victim.account.id)).toEqual([]);
});
