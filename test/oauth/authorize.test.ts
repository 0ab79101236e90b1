import { expect, test } from "vitest";
import { issuer } from "../support/given.ts";
import { givenBrowser, givenSignedIn } from "../support/given-browser.ts";
import {
  answerConsent,
  authorize,
  callback,
  follow,
  fromClient,
  givenApp,
  givenCode,
  givenGrant,
  givenProvider,
  publicApp,
  requestOf,
  sentBack,
} from "../support/given-provider.ts";

test("who is signed in is asked once, and then sent back with code, state and iss (RFC 6749 §4.1.2, RFC 9207 §2)", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, email } = await givenSignedIn(isolate);
  const asked = await authorize(browser, client);
  expect(asked.answer.headers.get("location")).toMatch(/^\/consent\?/);
  const page = await follow(browser, asked);
  expect(page.html).toContain(client.client.name);
  expect(page.html).toContain("app.example");
  expect(page.html).toContain(email);
  expect(page.html).toContain("Know that it is you");
  const allowed = await answerConsent(browser, page, "allow");
  const { to, fields } = sentBack(allowed);
  expect(to).toBe(callback);
  expect([...fields.keys()].sort()).toEqual(["code", "iss", "state"]);
  expect([fields.get("state"), fields.get("iss")]).toEqual(["a state", issuer]);
  const again = await authorize(browser, client);
  expect(again.answer.status).toBe(303);
  expect(again.answer.headers.get("cache-control")).toBe("no-store");
  expect(sentBack(again).fields.get("code")).toMatch(/^gc_[0-9A-Za-z]{43}$/);
});

test("after a form of ours the way back is a page that goes on by itself, whatever a form's policy allows", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  const seen = await browser.open(`/oauth/authorize?${await requestOf(client)}`, {
    "sec-fetch-site": "same-origin",
  });
  expect([seen.answer.status, seen.answer.headers.get("location")]).toEqual([200, null]);
  const { to, fields } = sentBack(seen);
  expect([to, fields.get("iss")]).toEqual([callback, issuer]);
  expect(seen.html).toContain(`href="${callback}?code=${fields.get("code")}`);
  expect(seen.answer.headers.get("content-security-policy")).toContain("form-action 'self'");
});

test("the request waits while its person signs in, and goes on afterwards", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { email, password } = await givenSignedIn(isolate);
  const browser = givenBrowser(isolate);
  const asked = await authorize(browser, client, { state: "+%&=ü€ ".repeat(30) });
  expect(asked.answer.headers.get("location")).toMatch(/^\/login\?return_to=/);
  const login = await follow(browser, asked);
  const form = login.forms.find(({ action }) => action === "/login");
  const done = await browser.post("/login", { ...form?.hidden, email, password });
  expect(done.answer.status).toBe(303);
  const { fields } = sentBack(await follow(browser, done));
  expect(fields.get("state")).toBe("+%&=ü€ ".repeat(30));
  expect(fields.get("code")).toMatch(/^gc_/);
});

test("what a client posts is answered like what it asks by address, and needs no cookie to come along", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  const fields = Object.fromEntries(await requestOf(client));
  const posted = await browser.post("/oauth/authorize", fields, {
    origin: "https://app.example",
    "sec-fetch-site": "cross-site",
    cookie: "",
  });
  expect(posted.answer.headers.get("location")).toMatch(/^\/oauth\/authorize\?/);
  const location = posted.answer.headers.get("location") ?? "";
  expect(sentBack(await browser.open(location, fromClient)).fields.get("code")).toMatch(/^gc_/);
});

test("prompt=login asks for a fresh proof each time, and coming back without one does not pass (OIDC Core §3.1.2.1)", async () => {
  const { isolate, clock, client } = await givenProvider({ firstParty: true });
  const { browser, password } = await givenSignedIn(isolate);
  clock.advance(5000);
  const asked = await authorize(browser, client, { prompt: "login" });
  const again = new URL(asked.answer.headers.get("location") ?? "", issuer);
  expect([again.pathname, again.searchParams.get("max_age")]).toEqual(["/login/again", "0"]);
  const returnTo = again.searchParams.get("return_to") ?? "";
  const unproved = await browser.open(returnTo, { "sec-fetch-site": "same-origin" });
  expect(unproved.answer.headers.get("location")).toMatch(/^\/login\/again\?/);
  const page = await follow(browser, asked);
  const form = page.forms.find(({ action }) => action === "/login/again");
  const proved = await browser.post("/login/again", { ...form?.hidden, password });
  const away = await follow(browser, proved);
  expect(sentBack(away).fields.get("code")).toMatch(/^gc_/);
  const stranger = (await givenSignedIn(isolate)).browser;
  const borrowed = await stranger.open(returnTo, fromClient);
  expect(borrowed.answer.headers.get("location")).toMatch(/^\/login\/again\?/);
  clock.advance(2 * 3_600_000);
  const late = await browser.open(returnTo, fromClient);
  expect(late.answer.headers.get("location")).toMatch(/^\/login\/again\?/);
});

test("max_age is kept to: young enough passes, too old proves anew, and with prompt=none is an error", async () => {
  const { isolate, clock, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  clock.advance(120_000);
  expect(sentBack(await authorize(browser, client, { max_age: "300" })).fields.get("code")).toMatch(/^gc_/);
  const old = await authorize(browser, client, { max_age: "60" });
  expect(old.answer.headers.get("location")).toMatch(/^\/login\/again\?max_age=60&/);
  const silent = await authorize(browser, client, { max_age: "60", prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("login_required");
});

test("a level that was asked for is reached or asked for; an essential one that nobody knows is an error (RFC 9470 §5, OIDC Core §5.5.1.1)", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  const code = async (sent: Record<string, string>) =>
    sentBack(await authorize(browser, client, sent)).fields;
  expect((await code({ acr_values: "one-factor" })).get("code")).toMatch(/^gc_/);
  expect((await code({ acr_values: "gold silver" })).get("code")).toMatch(/^gc_/);
  const stronger = await authorize(browser, client, { acr_values: "two-factor" });
  expect(stronger.answer.headers.get("location")).toMatch(/^\/login\/again\?level=two-factor&/);
  const silent = await code({ acr_values: "two-factor", prompt: "none" });
  expect(silent.get("error")).toBe("unmet_authentication_requirements");
  const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ["gold"] } } });
  expect((await code({ claims })).get("error")).toBe("unmet_authentication_requirements");
});

test("prompt=none says login_required, consent_required, or gives the code, and shows no page (OIDC Core §3.1.2.6)", async () => {
  const { isolate, client } = await givenProvider();
  const nobody = await authorize(givenBrowser(isolate), client, { prompt: "none" });
  expect([nobody.answer.status, sentBack(nobody).fields.get("error")]).toEqual([303, "login_required"]);
  const { browser } = await givenSignedIn(isolate);
  const silent = await authorize(browser, client, { prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("consent_required");
  await givenCode(browser, client);
  const known = await authorize(browser, client, { prompt: "none" });
  expect(sentBack(known).fields.get("code")).toMatch(/^gc_/);
  const wider = await authorize(browser, client, { prompt: "none", scope: "openid email" });
  expect(sentBack(wider).fields.get("error")).toBe("consent_required");
});

test("prompt=consent and select_account ask also who was asked before, a first-party application too", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  expect(sentBack(await authorize(browser, client)).fields.get("code")).toMatch(/^gc_/);
  for (const prompt of ["consent", "select_account"]) {
    const seen = await follow(browser, await authorize(browser, client, { prompt }));
    expect(seen.html).toContain("Use another account");
  }
});

test("who wants another account is signed out, signs in, and comes back to the same request", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const page = await follow(browser, await authorize(browser, client));
  const form = page.forms.find(({ action }) => action === "/consent/other-account");
  const left = await browser.post("/consent/other-account", form?.hidden ?? {});
  const login = await follow(browser, left);
  const other = await givenSignedIn(isolate);
  const signIn = login.forms.find(({ action }) => action === "/login");
  const back = await browser.post("/login", {
    ...signIn?.hidden,
    email: other.email,
    password: other.password,
  });
  const consent = await follow(browser, back);
  expect(consent.html).toContain(other.email);
});

test("the person says no, and the client learns it and no more", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const page = await follow(browser, await authorize(browser, client));
  const { to, fields } = sentBack(await answerConsent(browser, page, "deny"));
  expect(to).toBe(callback);
  expect(Object.fromEntries(fields)).toEqual({
    error: "access_denied",
    error_description: "the person said no",
    state: "a state",
    iss: issuer,
  });
});

test("an answer goes by form_post or in the fragment when that is asked for", async () => {
  const { isolate, client } = await givenProvider({ firstParty: true });
  const { browser } = await givenSignedIn(isolate);
  const posted = await authorize(browser, client, { response_mode: "form_post", state: '"><script>' });
  expect([posted.answer.status, posted.answer.headers.get("location")]).toEqual([200, null]);
  const form = posted.forms.find(({ action }) => action === callback);
  expect(Object.keys(form?.hidden ?? {}).sort()).toEqual(["code", "iss", "state"]);
  expect(posted.html).toContain("data-at-once");
  expect(posted.html).not.toContain("<script>");
  expect(posted.answer.headers.get("content-security-policy")).toContain("form-action https: http:");
  const inFragment = await authorize(browser, client, { response_mode: "fragment" });
  expect(inFragment.answer.headers.get("location")).toMatch(/^https:\/\/app\.example\/callback#code=gc_/);
});

test("an ID token names who is meant: the same person passes, another is an error, a forged one too", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, tokens } = await givenGrant(isolate, client);
  const hint = { id_token_hint: tokens.id_token ?? "", prompt: "none" };
  expect(sentBack(await authorize(browser, client, hint)).fields.get("code")).toMatch(/^gc_/);
  const other = await givenGrant(isolate, client);
  const mistaken = await authorize(other.browser, client, hint);
  expect(sentBack(mistaken).fields.get("error")).toBe("login_required");
  const forged = { ...hint, id_token_hint: `${hint.id_token_hint.slice(0, -20)}${"A".repeat(20)}` };
  expect(sentBack(await authorize(browser, client, forged)).fields.get("error")).toBe("invalid_request");
  const elsewhere = await givenApp(isolate);
  expect(sentBack(await authorize(browser, elsewhere, hint)).fields.get("error")).toBe("invalid_request");
  const claims = JSON.stringify({ id_token: { sub: { value: "usr_somebody" } } });
  expect(sentBack(await authorize(browser, client, { claims })).fields.get("error")).toBe("login_required");
  // While it waits in an address of ours it is no credential either.
  const waiting = await authorize(givenBrowser(isolate), client, { id_token_hint: hint.id_token_hint });
  const login = await follow(givenBrowser(isolate), waiting);
  expect([login.answer.status, login.forms.some(({ action }) => action === "/login")]).toEqual([200, true]);
});

test("what any program on a device could pose as is asked about each time (RFC 8252 §8.6)", async () => {
  const { isolate, client } = await givenProvider({
    ...publicApp,
    redirectUris: ["http://127.0.0.1/cb", "com.example.app:/cb"],
  });
  const { browser } = await givenSignedIn(isolate);
  const local = { redirect_uri: "http://127.0.0.1:49152/cb" };
  const page = await follow(browser, await authorize(browser, client, local));
  expect(page.html).toContain("a program on this device");
  expect(page.html).toContain("127.0.0.1:49152");
  expect(sentBack(await answerConsent(browser, page, "allow")).to).toBe("http://127.0.0.1:49152/cb");
  const again = await follow(browser, await authorize(browser, client, local));
  expect(again.html).toContain("a program on this device");
  const silent = await authorize(browser, client, { ...local, prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("consent_required");
  const scheme = await follow(
    browser,
    await authorize(browser, client, { redirect_uri: "com.example.app:/cb" }),
  );
  expect(scheme.html).toContain("com.example.app");
});
