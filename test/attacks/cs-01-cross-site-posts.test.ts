// CS-01. Another site's page, or an attacker's own session, tries to make a browser send our forms.
import { expect, test } from "vitest";
import { issuer } from "../support/given.ts";
import {
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  openPages,
  ownPages,
  sessionCookie,
} from "../support/given-browser.ts";
import { freshAddress, goodPassword, linkTo, mailsTo, otherPassword } from "../support/given-people.ts";

const evil = "https://evil.example";
const foreign: Record<string, string>[] = [
  { origin: evil, "sec-fetch-site": "cross-site" },
  { origin: "https://app.auth.gatehouse.test", "sec-fetch-site": "same-site" },
  { origin: "null", "sec-fetch-site": "cross-site" },
  { origin: evil, "sec-fetch-site": "same-origin" },
  { origin: issuer, "sec-fetch-site": "cross-site" },
  { origin: issuer, "sec-fetch-site": "none" },
];

test("CS-01: each form, sent with its own valid token but from another site's page, is refused and changes nothing", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  await givenSignedIn(isolate, here);
  const values = { email: freshAddress(), password: here.password, new_password: otherPassword };
  let count = 0;
  for (const path of ownPages) {
    const { forms } = await here.browser.open(path);
    for (const form of forms) {
      const typed = Object.fromEntries(form.names.map((name) => [name, values[name as keyof typeof values]]));
      for (const headers of foreign) {
        const { answer, html } = await here.browser.post(form.action, { ...form.hidden, ...typed }, headers);
        expect([form.action, answer.status]).toEqual([form.action, 403]);
        expect(html).toContain("Nothing was changed.");
        expect(answer.headers.getSetCookie()).toEqual([]);
        count += 1;
      }
    }
  }
  expect(count).toBeGreaterThan(40);
  expect((await isolate.rooms.sessions.list(here.account.id)).length).toBe(2);
  expect(await mailsTo(isolate, values.email)).toEqual([]);
  const anew = await givenBrowser(isolate).submit("/login", { email: here.email, password: here.password });
  expectSeeOther(anew, "/account");
});

test("CS-01: a browser is not signed in by another site's page to an account of the attacker's", async () => {
  const isolate = await givenSignInIsolate();
  const attacker = await givenSignedIn(isolate);
  const credentials = { email: attacker.email, password: attacker.password };
  const lured = givenBrowser(isolate);
  await lured.open("/login");
  // The token of a form that the attacker was shown: every browser's is its own.
  const { forms } = await givenBrowser(isolate).open("/login");
  const stolen = await lured.post("/login", { ...forms[0]?.hidden, ...credentials });
  expect(stolen.answer.status).toBe(403);
  for (const headers of foreign) {
    const { forms: own } = await lured.open("/login");
    const sent = await lured.post("/login", { ...own[0]?.hidden, ...credentials }, headers);
    expect(sent.answer.status).toBe(403);
  }
  expect(lured.cookies.has(sessionCookie)).toBe(false);
});

test("CS-01: a form's token is worth nothing for another form, in another browser, without a cookie, or in another session", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const other = await givenSignedIn(isolate, here);
  const security = await here.browser.open("/account/security");
  const tokenOf = (action: string) =>
    security.forms.find((form) => form.action === action)?.hidden["form_token"] ?? "";
  const deletion = { password: here.password };
  for (const form_token of [
    tokenOf("/account/security"),
    tokenOf("/account/sign-out"),
    (await givenBrowser(isolate).open("/login")).forms[0]?.hidden["form_token"] ?? "",
    (await other.browser.open("/account/delete")).forms.find(({ action }) => action === "/account/delete")
      ?.hidden["form_token"] ?? "",
    "",
    "0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ]) {
    const sent = await here.browser.post("/account/delete", { ...deletion, form_token });
    expect(sent.answer.status).toBe(403);
    expect(sent.html).toContain("had been open for too long");
  }
  for (const [action, form_token] of [
    ["/account/sign-out", tokenOf("/account/security")],
    ["/account/sessions/end-all", tokenOf("/account/sign-out")],
  ] as const) {
    expect((await here.browser.post(action, { form_token })).answer.status).toBe(403);
  }
  const withoutToken = await here.browser.post("/account/delete", deletion);
  expect(withoutToken.answer.status).toBe(400);
  expect((await here.browser.open("/account")).answer.status).toBe(200);
});

test("CS-01: a link of a mail is used up by its own page alone", async () => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  const browser = givenBrowser(isolate);
  await browser.submit("/register", { email, password: goodPassword });
  const { url } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  const { forms } = await browser.open(path);
  for (const headers of foreign) {
    expect((await browser.post(path, { ...forms[0]?.hidden }, headers)).answer.status).toBe(403);
  }
  expect((await browser.post(path, { form_token: "x" })).answer.status).toBe(403);
  expect((await browser.post(path, {})).answer.status).toBe(400);
  expectSeeOther(await browser.post(path, { ...forms[0]?.hidden }), "/login");
});

test("CS-01: no form is read from text/plain, JSON or multipart, nor with a field twice", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const paths = ["/login", "/register", "/recover", "/account/delete", "/account/sessions/end-all"];
  for (const path of paths) {
    for (const type of ["text/plain", "application/json", "multipart/form-data; boundary=x", ""]) {
      const { answer } = await here.browser.post(path, { form_token: "x" }, { "content-type": type });
      expect([path, type, answer.status]).toEqual([path, type, 415]);
    }
  }
  const twice = await here.browser.send("/login", {
    method: "POST",
    body: "email=a%40example.com&email=b%40example.com&password=x&form_token=x",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: issuer },
  });
  expect(twice.status).toBe(400);
});

test("CS-01: nothing is done by opening a page: no address of a form answers GET with a change", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  await givenSignedIn(isolate, here);
  const actions = [
    "/account/sign-out",
    "/account/sessions/end",
    "/account/sessions/end-others",
    "/account/sessions/end-all",
  ];
  for (const path of actions) expect((await here.browser.open(path)).answer.status).toBe(405);
  for (const path of [...openPages, ...ownPages]) await here.browser.open(path);
  expect((await isolate.rooms.sessions.list(here.account.id)).length).toBe(2);
});
