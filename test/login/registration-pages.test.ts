import { expect, test } from "vitest";
import { expectSeeOther, givenBrowser, givenSignInIsolate } from "../support/given-browser.ts";
import { freshAddress, givenPerson, goodPassword, linkTo, mailsTo } from "../support/given-people.ts";

test("a person registers, confirms the address of the mail with one button, and signs in", async () => {
  const isolate = await givenSignInIsolate();
  const browser = givenBrowser(isolate);
  const email = freshAddress();
  expectSeeOther(await browser.submit("/register", { email, password: goodPassword }), "/register/sent");
  const { url } = await linkTo(isolate, email);
  expect(url.pathname).toBe("/verify-email");

  expectSeeOther(await browser.submit(url.pathname + url.search, {}), "/login");
  const after = await browser.open("/login");
  expect(after.html).toContain("Your address is confirmed.");
  expectSeeOther(await browser.submit("/login", { email, password: goodPassword }), "/account");
});

test("a known and an unknown address are answered alike; the mail alone differs", async () => {
  const isolate = await givenSignInIsolate();
  const { email: known } = await givenPerson(isolate);
  const unknown = freshAddress();
  const answers: unknown[] = [];
  for (const email of [known, unknown]) {
    const { answer, html } = await givenBrowser(isolate).submit("/register", {
      email,
      password: goodPassword,
    });
    answers.push([
      answer.status,
      answer.headers.get("location"),
      [...answer.headers.keys()].toSorted(),
      answer.headers.getSetCookie().map((line) => line.split("=")[0]),
      html,
    ]);
  }
  expect(answers[0]).toEqual(answers[1]);
  const [toKnown] = await mailsTo(isolate, known);
  const [toUnknown] = await mailsTo(isolate, unknown);
  expect(toKnown?.subject).toContain("already");
  expect(toUnknown?.subject).toContain("Confirm");
});

test("looking at the link any number of times changes nothing, and its secret is nowhere in the page", async () => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  await givenBrowser(isolate).submit("/register", { email, password: goodPassword });
  const { url, link } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  for (const method of ["GET", "HEAD", "GET"]) {
    const answer = await isolate.fetch(path, { method });
    expect(answer.status).toBe(200);
    expect(await answer.text()).not.toContain(link);
  }
  const refused = await givenBrowser(isolate).submit("/login", { email, password: goodPassword });
  expect(refused.answer.status).toBe(400);
  const browser = givenBrowser(isolate);
  const { forms } = await browser.open(path);
  expect(forms.map(({ submits }) => submits)).toEqual([1]);
  expectSeeOther(await browser.submit(path, {}), "/login");
});

test("a used, a foreign and a missing link say what to do now, with 400, and make nobody an account", async () => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  const browser = givenBrowser(isolate);
  await browser.submit("/register", { email, password: goodPassword });
  const { url } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  expectSeeOther(await browser.submit(path, {}), "/login");
  for (const dead of [path, `/verify-email?link=${"A".repeat(43)}`]) {
    const { answer, html } = await browser.submit(dead, {});
    expect(answer.status).toBe(400);
    expect(html).toContain("This link does not work any more");
    expect(html).toContain('href="/register"');
  }
  for (const none of ["/verify-email", "/verify-email?link=", `/verify-email?link=${"A".repeat(300)}`]) {
    expect((await browser.open(none)).answer.status).toBe(400);
  }
});

test.each([
  ["short", "it must have at least 15 characters"],
  ["password12345678", "it is among the passwords that are guessed first"],
])("a password that is refused is refused in words at its field: %s", async (password, reason) => {
  const isolate = await givenSignInIsolate();
  const email = freshAddress();
  const { answer, html } = await givenBrowser(isolate).submit("/register", { email, password });
  expect(answer.status).toBe(400);
  expect(html).toContain(`<p class="wrong" id="password-wrong">Choose another password: ${reason}.</p>`);
  expect(html).toContain('aria-describedby="password-wrong password-hint"');
  expect(html).toContain(`value="${email}"`);
  expect(html).not.toContain(`value="${password}"`);
  expect(await mailsTo(isolate, email)).toEqual([]);
});

test.each(["nobody", "a@b", "two@example.com,three@example.com", '"><script>alert(1)</script>@example.com'])(
  "what is no address is refused in words at its field, and stands again as text: %s",
  async (email) => {
    const isolate = await givenSignInIsolate();
    const sent = await givenBrowser(isolate).submit("/register", { email, password: goodPassword });
    expect(sent.answer.status).toBe(400);
    expect(sent.html).toContain('<p class="wrong" id="email-wrong">Give one mail address');
    expect(sent.html).not.toContain("<script>alert");
  },
);

test("without a mail provider registration says that it cannot be done, and keeps the address", async () => {
  const isolate = await givenSignInIsolate({ environment: { MAIL_API_URL: "", MAIL_API_KEY: "" } });
  const email = freshAddress();
  const { answer, html } = await givenBrowser(isolate).submit("/register", { email, password: goodPassword });
  expect(answer.status).toBe(503);
  expect(html).toContain("This cannot be done right now");
  expect(html).toContain(`value="${email}"`);
});
