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
import { freshAddress, givenPerson } from "../support/given-people.ts";

test("a person signs in, is sent on with 303 (RFC 9110 §15.4.4), and has the three cookies of a sign-in, each in a field of its own (RFC 6265 §3)", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);

  const sent = await browser.submit("/login", { email, password });

  expectSeeOther(sent, "/account");
  const lines = sent.answer.headers.getSetCookie();
  const named = (name: string) => lines.find((line) => line.startsWith(`${name}=`)) ?? "";
  expect(named(sessionCookie)).toMatch(
    /^[^=]+=gs_\w+; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=\d+$/,
  );
  expect(named(refreshCookie)).toMatch(/=gr_\w+; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=\d+$/);
  expect(named("__Host-gatehouse-device")).toMatch(/=gd_\w+; Path=\/; HttpOnly; Secure; SameSite=Lax/);
  const { answer, html } = await browser.open("/account");
  expect(answer.status).toBe(200);
  expect(html).toContain(email);
});

test("a wrong password and an unknown address are answered by the same page; the address stands again, the password does not", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenPerson(isolate);
  const secret = "quite the wrong password";
  const pages: string[] = [];
  for (const address of [email, freshAddress()]) {
    const browser = givenBrowser(isolate);
    const { answer, html } = await browser.submit("/login", { email: address, password: secret });
    expect(answer.status).toBe(400);
    expect(browser.cookies.has(sessionCookie)).toBe(false);
    expect(html).toContain(`value="${address}"`);
    expect(html).not.toContain(secret);
    expect(html).toMatch(/<input id="password"[^>]*aria-invalid="true" aria-describedby="password-wrong"/);
    expect(html).toMatch(/<p class="wrong" id="password-wrong">The address or the password is not right/);
    expect(html).toContain("<title>Error: Sign in");
    const chance = /name="form_token" value="[^"]*"|&quot;challenge&quot;:&quot;[\w-]*/g;
    pages.push(html.replaceAll(address, "").replaceAll(chance, ""));
  }
  expect(pages[0]).toBe(pages[1]);
});

test("a disabled account is told so only to who has its password", async () => {
  const isolate = await givenSignInIsolate();
  const { account, email, password } = await givenPerson(isolate);
  await isolate.rooms.accounts.disable(account.id, {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  });
  const browser = givenBrowser(isolate);
  const right = await browser.submit("/login", { email, password });
  const wrong = await browser.submit("/login", { email, password: "not the one it is at all" });
  expect([right.answer.status, wrong.answer.status]).toEqual([403, 400]);
  expect(right.html).toContain("This account is disabled");
  expect(wrong.html).not.toContain("disabled");
});

test("past the limit of guesses the form comes back with 429, Retry-After and the time to wait", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const guess = () => browser.submit("/login", { email, password: "one more of many guesses" });
  for (let count = 0; count < 5; count += 1) expect((await guess()).answer.status).toBe(400);
  const { answer, html } = await guess();
  expect(answer.status).toBe(429);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(html).toMatch(/role="alert"><p>There were too many attempts in a short time\. Wait /);
  expect(html).toContain(`value="${email}"`);
});

test("who is signed in is sent on at once, to a path of ours only", async () => {
  const isolate = await givenSignInIsolate();
  const { browser } = await givenSignedIn(isolate);
  expectSeeOther(await browser.open("/login"), "/account");
  expectSeeOther(await browser.open("/login?return_to=/account/sessions"), "/account/sessions");
  expectSeeOther(await browser.open("/login?return_to=//evil.test"), "/account");
  expectSeeOther(await browser.open("/register"), "/account");
});

test("each page of an account sends who is not signed in to sign in, and brings them back", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const { answer } = await browser.open("/account/sessions");
  expectSeeOther({ answer }, "/login?return_to=%2Faccount%2Fsessions");
  const sent = await browser.submit(answer.headers.get("location") ?? "", { email, password }, "/login");
  expectSeeOther(sent, "/account/sessions");
});

test("a page that was open for thirteen hours sends nothing, keeps the address and may be sent again", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const { email, password } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const { forms } = await browser.open("/login");
  clock.advance(13 * 3_600_000);

  const late = await browser.post("/login", { ...forms[0]?.hidden, email, password });
  expect(late.answer.status).toBe(403);
  expect(late.html).toContain("had been open for too long");
  expect(late.html).toContain(`value="${email}"`);
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  expectSeeOther(await browser.post("/login", { ...late.forms[0]?.hidden, email, password }), "/account");
});

test("when the database is away, signing in says so in words with 503 and begins nothing", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const { forms } = await browser.open("/login");
  await isolate.postgresFault([{ kind: "refuse" }]);
  const { answer, html } = await browser.post("/login", { ...forms[0]?.hidden, email, password });
  await isolate.postgresFault([]);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(html).toContain("right now");
  expect(html).toContain(`value="${email}"`);
  expect(browser.cookies.has(sessionCookie)).toBe(false);
});

test("opened under another name of this Worker, a page leads to the issuer's own name", async () => {
  const isolate = await givenSignInIsolate();
  const answer = await isolate.fetch("https://other.gatehouse.test/login?return_to=/account", {
    redirect: "manual",
  });
  expectSeeOther({ answer }, "https://auth.gatehouse.test/login?return_to=/account");
});

test("the root leads to the account, and the address for password managers to where it is changed", async () => {
  const isolate = await givenSignInIsolate();
  const browser = givenBrowser(isolate);
  expectSeeOther(await browser.open("/"), "/account");
  expectSeeOther(await browser.open("/.well-known/change-password"), "/account/security");
});
