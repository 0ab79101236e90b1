import { expect, test } from "vitest";
import {
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  ownPages,
  refreshCookie,
  sessionCookie,
} from "../support/given-browser.ts";
import { freshAddress, linkTo, mailsTo, otherPassword } from "../support/given-people.ts";

test.each(ownPages)(
  "%s is for who is signed in: nobody else sees it, with or without a forged cookie",
  async (path) => {
    const isolate = await givenSignInIsolate();
    const { browser, cookie } = await givenSignedIn(isolate);
    expect((await browser.open(path)).answer.status).toBe(200);
    const toSignIn = `/login?return_to=${encodeURIComponent(path)}`;
    expectSeeOther(await givenBrowser(isolate).open(path), toSignIn);
    const forged = cookie.slice(0, -1) + (cookie.endsWith("A") ? "B" : "A");
    for (const text of [forged, `${cookie}; ${sessionCookie}=${cookie}`]) {
      expectSeeOther(
        await givenBrowser(isolate).open(path, { cookie: `${sessionCookie}=${text}` }),
        toSignIn,
      );
    }
  },
);

test("the password is changed by who knows it; this session stays and every other one ends", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const elsewhere = await givenSignedIn(isolate, here);

  const fields = { password: here.password, new_password: otherPassword };
  expectSeeOther(await here.browser.submit("/account/security", fields), "/account/security");
  expect((await here.browser.open("/account/security")).html).toContain("Your password is changed.");
  expectSeeOther(await elsewhere.browser.open("/account"), "/login?return_to=%2Faccount");
  const anew = givenBrowser(isolate);
  expectSeeOther(await anew.submit("/login", { email: here.email, password: otherPassword }), "/account");
});

test("a wrong present password changes nothing and is told at its field; no password comes back", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, email, password } = await givenSignedIn(isolate);
  const wrong = "certainly not this one";
  const { answer, html } = await browser.submit("/account/security", {
    password: wrong,
    new_password: otherPassword,
  });
  expect(answer.status).toBe(400);
  expect(html).toContain('<p class="wrong" id="password-wrong">That is not your password.');
  for (const secret of [wrong, otherPassword]) expect(html).not.toContain(secret);
  expectSeeOther(await givenBrowser(isolate).submit("/login", { email, password }), "/account");
});

test("a session alone changes and deletes nothing: guesses at the password from inside it are counted", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenSignedIn(isolate);
  const statuses: number[] = [];
  for (let count = 0; count < 6; count += 1) {
    const sent = await browser.submit("/account/delete", { password: `guess number ${count} of many` });
    statuses.push(sent.answer.status);
  }
  expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
  expect((await browser.open("/account")).answer.status).toBe(200);
});

test("the address changes once the mail at the new one is answered; then one signs in again everywhere", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, email, password } = await givenSignedIn(isolate);
  const next = freshAddress();
  expectSeeOther(await browser.submit("/account/address", { email: next, password }), "/account");
  const overview = await browser.open("/account");
  expect(overview.html).toContain("A mail is on its way to the new address");
  expect(overview.html).toContain(email);

  const { url } = await linkTo(isolate, next);
  expectSeeOther(await browser.submit(url.pathname + url.search, {}), "/login");
  expectSeeOther(await browser.open("/account"), "/login?return_to=%2Faccount");
  expect((await browser.submit("/login", { email, password })).answer.status).toBe(400);
  expectSeeOther(await browser.submit("/login", { email: next, password }), "/account");
});

test("a new address that somebody has already is answered as any other", async () => {
  const isolate = await givenSignInIsolate();
  const other = await givenSignedIn(isolate);
  const { browser, password } = await givenSignedIn(isolate);
  const free = await browser.submit("/account/address", { email: freshAddress(), password });
  await browser.open("/account");
  const taken = await browser.submit("/account/address", { email: other.email, password });
  expectSeeOther(free, "/account");
  expectSeeOther(taken, "/account");
  const [mail] = await mailsTo(isolate, other.email);
  expect(mail?.text).not.toContain("/verify-email");
});

test("what is no address, or a wrong password, comes back at its field with the address that was typed", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, password } = await givenSignedIn(isolate);
  const noAddress = await browser.submit("/account/address", { email: "nobody", password });
  expect(noAddress.answer.status).toBe(400);
  expect(noAddress.html).toContain('<p class="wrong" id="email-wrong">');
  expect(noAddress.html).toContain('value="nobody"');
  const next = freshAddress();
  const wrong = await browser.submit("/account/address", { email: next, password: "not it, not it at all" });
  expect(wrong.answer.status).toBe(400);
  expect(wrong.html).toContain('<p class="wrong" id="password-wrong">');
  expect(wrong.html).toContain(`value="${next}"`);
  expect(await mailsTo(isolate, next)).toEqual([]);
});

test("the account is deleted with its password, the cookies go, and nobody signs in to it again", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const { browser, email, password } = here;
  const elsewhere = await givenSignedIn(isolate, here);
  expectSeeOther(await browser.submit("/account/delete", { password }), "/login");
  expect([browser.cookies.has(sessionCookie), browser.cookies.has(refreshCookie)]).toEqual([false, false]);
  expect((await browser.open("/login")).html).toContain("Your account is deleted.");
  expectSeeOther(await elsewhere.browser.open("/account"), "/login?return_to=%2Faccount");
  expect((await browser.submit("/login", { email, password })).answer.status).toBe(400);
});

test("who was signed out while a form was open is told that nothing was changed", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, email, password } = await givenSignedIn(isolate);
  const { forms } = await browser.open("/account/delete");
  browser.cookies.delete(sessionCookie);
  const form = forms.find(({ action }) => action === "/account/delete");
  const sent = await browser.post("/account/delete", { ...form?.hidden, password });
  expectSeeOther(sent, "/login?return_to=%2Faccount%2Fdelete");
  expect((await browser.open("/login")).html).toContain("You were signed out meanwhile");
  expectSeeOther(await browser.submit("/login", { email, password }), "/account");
});

test("a form for a stranger costs no call; a page of an account one read to know who it is, and what it shows beside one another", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenSignedIn(isolate);
  const callsOf = async (path: string, who: ReturnType<typeof givenBrowser>) => {
    await isolate.settle();
    await isolate.forgetCalls();
    expect((await who.open(path)).answer.status).toBe(200);
    const { postgres, redis } = await isolate.calls();
    return [postgres, redis];
  };
  const stranger = givenBrowser(isolate);
  for (const path of ["/login", "/register", "/recover", "/recover?link=x", "/verify-email?link=x"]) {
    expect([path, await callsOf(path, stranger)]).toEqual([path, [0, 0]]);
  }
  for (const path of ["/account/security/app", "/account/address", "/account/delete"]) {
    expect([path, await callsOf(path, browser)]).toEqual([path, [1, 0]]);
  }
  for (const path of ["", "/passkey", "/recovery-codes"].map((end) => `/account/security${end}`)) {
    expect([path, await callsOf(path, browser)]).toEqual([path, [2, 0]]);
  }
  expect(await callsOf("/account/sessions", browser)).toEqual([2, 0]);
  expect(await callsOf("/account", browser)).toEqual([3, 0]);
});
