import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import {
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  refreshCookie,
  sessionCookie,
} from "../support/given-browser.ts";

const page = "/account/sessions";
const toSignIn = "/login?return_to=%2Faccount";
const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";

test("each session is listed with its device, its address, when it began and was seen; this one is marked and has no button", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const here = await givenSignedIn(isolate);
  const other = givenBrowser(isolate);
  const { forms } = await other.open("/login");
  const fields = { ...forms[0]?.hidden, email: here.email, password: here.password };
  await other.post("/login", fields, { "user-agent": phone, "cf-connecting-ip": "203.0.113.9" });
  clock.advance(5 * 60_000);

  const { html, forms: shown } = await here.browser.open(page);
  expect(html).toContain("Safari on iPhone");
  expect(html).toContain("203.0.113.9");
  expect(html).toContain("with a password");
  expect(html).toMatch(/<time datetime="20\d\d-[^"]+Z" title="20\d\d-[^"]+ UTC">5 minutes ago<\/time>/);
  expect(html.match(/This session/g)).toHaveLength(1);
  expect(shown.filter(({ action }) => action === `${page}/end`)).toHaveLength(1);
  expect(shown.every(({ submits }) => submits === 1)).toBe(true);
});

test("with no other session the page says what would be here", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenSignedIn(isolate);
  const { html, forms } = await browser.open(page);
  expect(html).toContain("You are signed in nowhere else.");
  expect(forms.map(({ action }) => action)).not.toContain(`${page}/end-others`);
});

test("one session is ended by its button; this one goes on", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const other = await givenSignedIn(isolate, here);
  expectSeeOther(await here.browser.submit(page, {}, `${page}/end`), page);
  expect((await here.browser.open(page)).html).toContain("That session is ended.");
  expectSeeOther(await other.browser.open("/account"), toSignIn);
});

test("all others end, and this one goes on", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const others = [await givenSignedIn(isolate, here), await givenSignedIn(isolate, here)];
  expectSeeOther(await here.browser.submit(page, {}, `${page}/end-others`), page);
  for (const { browser } of others) expectSeeOther(await browser.open("/account"), toSignIn);
  expect((await here.browser.open(page)).html).toContain("You are signed in nowhere else.");
});

test("all sessions end, this one too, and its cookies go", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const other = await givenSignedIn(isolate, here);
  expectSeeOther(await here.browser.submit(page, {}, `${page}/end-all`), "/login");
  expect([here.browser.cookies.has(sessionCookie), here.browser.cookies.has(refreshCookie)]).toEqual([
    false,
    false,
  ]);
  for (const { browser, cookie } of [here, other]) {
    expectSeeOther(await browser.open("/account", { cookie: `${sessionCookie}=${cookie}` }), toSignIn);
  }
});

test("signing out ends the session itself: its cookie is worth nothing to who kept it", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, cookie } = await givenSignedIn(isolate);
  expectSeeOther(await browser.submit("/account", {}, "/account/sign-out"), "/login");
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  expect((await browser.open("/login")).html).toContain("You are signed out.");
  expectSeeOther(await browser.open("/account", { cookie: `${sessionCookie}=${cookie}` }), toSignIn);
});

test("nobody ends another person's session: the answer is that of one that has ended", async () => {
  const isolate = await givenSignInIsolate();
  const victim = await givenSignedIn(isolate);
  const [target] = await isolate.rooms.sessions.list(victim.account.id);
  const attacker = await givenSignedIn(isolate);
  await givenSignedIn(isolate, attacker);
  for (const id of [target?.id ?? "", `ses_${"A".repeat(22)}`, "../x"]) {
    expectSeeOther(await attacker.browser.submit(page, { session: id }, `${page}/end`), page);
    expect((await attacker.browser.open(page)).html).toContain("That session had ended already.");
  }
  expect((await victim.browser.open("/account")).answer.status).toBe(200);
});

test("what a device and the edge say of themselves is shown as text, whatever it holds", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const other = givenBrowser(isolate);
  const { forms } = await other.open("/login");
  const fields = { ...forms[0]?.hidden, email: here.email, password: here.password };
  await other.post("/login", fields, { "user-agent": `"><img src=x onerror=alert(1)>` });
  const { html } = await here.browser.open(page);
  expect(html).not.toContain("<img");
  expect(html).toContain("&lt;img src=x");
});
