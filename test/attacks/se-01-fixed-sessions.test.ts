// SE-01, by the pages: a session that somebody else chose.
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
import { givenPerson } from "../support/given-people.ts";

test("SE-01: signing in makes a new session and ends the one whose cookie the browser held", async () => {
  const isolate = await givenSignInIsolate();
  const attacker = await givenSignedIn(isolate);
  const victim = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const { forms } = await browser.open("/login");
  browser.cookies.set(sessionCookie, attacker.cookie);
  const typed = { ...forms[0]?.hidden, email: victim.email, password: victim.password };
  expectSeeOther(await browser.post("/login", typed), "/account");

  const fresh = browser.cookies.get(sessionCookie) ?? "";
  expect(fresh).toMatch(/^gs_[0-9A-Za-z]{54}$/);
  expect(fresh).not.toBe(attacker.cookie);
  expect((await browser.open("/account")).html).toContain(victim.email);
  expectSeeOther(await attacker.browser.open("/account"), "/login?return_to=%2Faccount");
});

test("SE-01: a cookie of the attacker's making is no session, before and after signing in", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  for (const chosen of ["gs_chosen", `gs_${"A".repeat(54)}`, "x".repeat(4000), "gs_%00"]) {
    const browser = givenBrowser(isolate);
    browser.cookies.set(sessionCookie, chosen);
    await isolate.forgetCalls();
    expectSeeOther(await browser.open("/account"), "/login?return_to=%2Faccount");
    expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
    expectSeeOther(await browser.submit("/login", { email, password }), "/account");
    expect(browser.cookies.get(sessionCookie)).not.toBe(chosen);
  }
});

test("SE-01: cookies tossed under names without the prefix count for nothing", async () => {
  const isolate = await givenSignInIsolate();
  const here = await givenSignedIn(isolate);
  const stranger = givenBrowser(isolate);
  for (const cookie of [`gatehouse-session=${here.cookie}`, `__host-gatehouse-session=${here.cookie}`]) {
    expectSeeOther(await stranger.open("/account", { cookie }), "/login?return_to=%2Faccount");
  }
});

test("SE-01: a form cookie that was tossed proves nothing, and only one of our shape is kept", async () => {
  const isolate = await givenSignInIsolate();
  for (const tossed of ["short", `${"A".repeat(31)}-`, "x; Domain=evil.test"]) {
    const { answer } = await givenBrowser(isolate).open("/login", {
      cookie: `__Host-gatehouse-form=${tossed}`,
    });
    const [line = ""] = answer.headers.getSetCookie();
    expect(line).toMatch(
      /^__Host-gatehouse-form=[0-9A-Za-z]{32}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=86400$/,
    );
  }
});

test("SE-01: no page holds a secret of a session: not its cookies, not its refresh token, not the password", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, cookie, password } = await givenSignedIn(isolate);
  const secrets = [cookie, browser.cookies.get(refreshCookie) ?? "", password];
  expect(secrets.every((secret) => secret.length > 20)).toBe(true);
  for (const path of ownPages) {
    const { answer, html } = await browser.open(path);
    expect(answer.status).toBe(200);
    for (const secret of secrets) expect(html).not.toContain(secret);
    for (const cookieName of browser.cookies.values()) expect(html).not.toContain(cookieName);
  }
});
