// OR-01. The rule itself is held against arbitrary texts in test/login/return-to.test.ts; here it is tried on the pages.
import { expect, test } from "vitest";
import { expectSeeOther, givenBrowser, givenSignedIn, givenSignInIsolate } from "../support/given-browser.ts";
import { givenPerson } from "../support/given-people.ts";

const lures = [
  "//evil.test",
  "///evil.test",
  "/\\evil.test",
  "\\\\evil.test",
  "https:evil.test",
  "https://evil.test",
  "https://auth.gatehouse.test@evil.test",
  "@evil.test",
  "\u{FF0F}\u{FF0F}evil.test",
  "/\u{FF0F}evil.test",
  "//evil\u3002test",
  "javascript:alert(1)",
  "/a\r\nset-cookie: x=1",
  "/\t/evil.test",
  "/.//evil.test",
  "data:text/html,x",
];

test("OR-01: whoever signs in, or is signed in, is sent to a path of ours whatever return_to says", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const { browser: signedIn } = await givenSignedIn(isolate);
  for (const lure of lures) {
    const asked = `/login?return_to=${encodeURIComponent(lure)}`;
    const browser = givenBrowser(isolate);
    const { html, forms } = await browser.open(asked);
    expect(html).not.toContain("evil");
    const typed = { ...forms[0]?.hidden, email, password };
    expectSeeOther(await browser.post("/login", { ...typed, return_to: lure }), "/account");
    expectSeeOther(await signedIn.open(asked), "/account");
    const wrong = await browser.post("/login", { ...typed, password: "wrong wrong wrong", return_to: lure });
    expect(wrong.html).not.toContain("evil");
    await isolate.settle();
    isolate.clock.advance(60_000);
  }
});

test("OR-01: a path of ours comes through, and comes back with a form that was wrong", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const browser = givenBrowser(isolate);
  const path = "/account/sessions?a=1&b=%2F%2Fevil.test";
  const asked = `/login?return_to=${encodeURIComponent(path)}`;
  const wrong = await browser.submit(asked, { email, password: "not the right one at all" }, "/login");
  expect(wrong.forms[0]?.hidden["return_to"]).toBe(path);
  expectSeeOther(await browser.post("/login", { ...wrong.forms[0]?.hidden, email, password }), path);
});

test("OR-01: under another name of this Worker a page leads to the issuer and nowhere else", async () => {
  const isolate = await givenSignInIsolate();
  for (const path of [
    "//evil.test/login",
    "/login//evil.test",
    "/login?x=//evil.test",
    "/account/../login",
  ]) {
    const answer = await isolate.fetch(`https://other.gatehouse.test${path}`, { redirect: "manual" });
    const location = answer.headers.get("location");
    expect(location === null || new URL(location).origin === "https://auth.gatehouse.test").toBe(true);
    expect([303, 404]).toContain(answer.status);
  }
});
