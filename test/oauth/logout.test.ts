// OpenID Foundation's plan oidcc-rp-initiated-logout: each test is one module, by its name; and CS-02.
import { expect, test } from "vitest";
import { type Browser, givenSignedIn, type Seen } from "../support/given-browser.ts";
import {
  authorize,
  follow,
  givenApp,
  givenBrowser,
  givenGrant,
  givenProvider,
  type Sent,
  sentBack,
} from "../support/given-provider.ts";

const after = "https://app.example/signed-out";

async function givenSignedInAtApp() {
  const { isolate, client } = await givenProvider({ postLogoutRedirectUris: [after] });
  const person = await givenGrant(isolate, client);
  return { isolate, client, ...person, hint: person.tokens.id_token ?? "" };
}

const logout = (browser: Browser, sent: Sent): Promise<Seen> => {
  const given = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== null);
  return browser.open(`/oauth/logout?${new URLSearchParams(given)}`, { "sec-fetch-site": "cross-site" });
};

const isSignedIn = async (browser: Browser): Promise<boolean> =>
  (await browser.open("/account")).answer.status === 200;

test("oidcc-rp-initiated-logout", async () => {
  const { client, browser, hint } = await givenSignedInAtApp();
  const done = await logout(browser, { id_token_hint: hint, post_logout_redirect_uri: after, state: "s t&" });
  expect(done.answer.status).toBe(303);
  const { to, fields } = sentBack(done);
  expect([to, Object.fromEntries(fields)]).toEqual([after, { state: "s t&" }]);
  expect(await isSignedIn(browser)).toBe(false);
  const silent = await authorize(browser, client, { prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("login_required");
});

test("oidcc-rp-initiated-logout-no-state", async () => {
  const { browser, hint } = await givenSignedInAtApp();
  const done = await logout(browser, { id_token_hint: hint, post_logout_redirect_uri: after });
  expect(done.answer.headers.get("location")).toBe(after);
});

test("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added, -modified-id-token-hint, -bad-id-token-hint: nobody is sent anywhere, and stays signed in", async () => {
  const { isolate, client, browser, hint } = await givenSignedInAtApp();
  const [, payload = "", signature = ""] = hint.split(".");
  const unsigned = `${btoa('{"alg":"none"}').replace(/=+$/, "")}.${payload}.`;
  const other = await givenApp(isolate);
  const tries: Sent[] = [
    { id_token_hint: hint, post_logout_redirect_uri: "https://evil.test/" },
    { id_token_hint: hint, post_logout_redirect_uri: `${after}?foo=bar` },
    { id_token_hint: hint, post_logout_redirect_uri: "//evil.test" },
    { id_token_hint: unsigned, post_logout_redirect_uri: after },
    {
      id_token_hint: `${btoa('{"alg":"RS256","typ":"JWT"}').replace(/=+$/, "")}.${payload}.${signature}`,
      post_logout_redirect_uri: after,
    },
    { id_token_hint: hint, post_logout_redirect_uri: after, client_id: other.id },
  ];
  for (const sent of tries) {
    const { answer } = await logout(browser, sent);
    expect([sent, answer.status, answer.headers.get("location")]).toEqual([sent, 400, null]);
  }
  expect(await isSignedIn(browser)).toBe(true);
  expect(client.id).not.toBe(other.id);
});

for (const [module, sent] of [
  ["oidcc-rp-initiated-logout-no-id-token-hint", { post_logout_redirect_uri: after, state: "s" }],
  ["oidcc-rp-initiated-logout-no-params", {}],
  ["oidcc-rp-initiated-logout-only-state", { state: "s" }],
] as const) {
  test(`${module}: CS-02: the person is asked first, and then told, here`, async () => {
    const { browser, email } = await givenSignedInAtApp();
    const page = await logout(browser, sent);
    expect([page.answer.status, page.answer.headers.get("location")]).toEqual([200, null]);
    expect(page.html).toContain(email);
    expect(await isSignedIn(browser)).toBe(true);
    const form = page.forms.find(({ action }) => action === "/oauth/logout/confirmed");
    const forged = await browser.post("/oauth/logout/confirmed", { ...form?.hidden, form_token: "0.x" });
    expect(forged.answer.status).toBe(403);
    const done = await browser.post("/oauth/logout/confirmed", form?.hidden ?? {});
    expect([done.answer.status, done.answer.headers.get("location")]).toEqual([200, null]);
    expect(done.html).toContain("You are signed out");
    expect(await isSignedIn(browser)).toBe(false);
  });
}

test("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", async () => {
  const { browser, hint } = await givenSignedInAtApp();
  const done = await logout(browser, { id_token_hint: hint });
  expect([done.answer.status, done.html.includes("You are signed out")]).toEqual([200, true]);
  expect(await isSignedIn(browser)).toBe(false);
});

test("somebody else's ID token signs nobody out unasked; who is signed out already is sent on", async () => {
  const { browser, hint, isolate } = await givenSignedInAtApp();
  const other = await givenSignedInAtApp();
  const asked = await logout(other.browser, { id_token_hint: hint });
  // Of another person, though of a client of ours.
  expect(asked.answer.status).toBe(200);
  expect(await isSignedIn(other.browser)).toBe(true);
  const gone = givenBrowser(isolate);
  const sent = { id_token_hint: hint, post_logout_redirect_uri: after };
  expect((await logout(gone, sent)).answer.headers.get("location")).toBe(after);
  const posted = await browser.post("/oauth/logout", sent, { origin: "https://app.example", cookie: "" });
  expect(posted.answer.status).toBe(303);
  expect(sentBack(await follow(browser, posted)).to).toBe(after);
  expect(await isSignedIn(browser)).toBe(false);
});

test("an ID token of an earlier sign-in, or one that says no session, signs nobody out unasked; that of a session taken further does", async () => {
  const { isolate, client, browser, hint, ...person } = await givenSignedInAtApp();
  isolate.clock.advance(1000);
  const again = await browser.open("/login/again?max_age=0");
  const form = again.forms.find(({ action }) => action === "/login/again");
  expect(
    (await browser.post("/login/again", { ...form?.hidden, password: person.password })).answer.status,
  ).toBe(303);
  expect(await isSignedIn(browser)).toBe(true);
  expect((await logout(browser, { id_token_hint: hint })).html).not.toContain("Sign out?");
  expect(await isSignedIn(browser)).toBe(false);

  const { browser: later } = await givenSignedIn(isolate, person);
  const asked = await logout(later, { id_token_hint: hint, client_id: client.id });
  expect([asked.answer.status, asked.html.includes("Sign out?"), await isSignedIn(later)]).toEqual([
    200,
    true,
    true,
  ]);
});
