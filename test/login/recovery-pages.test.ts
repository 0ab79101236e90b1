import { expect, test } from "vitest";
import { expectSeeOther, givenBrowser, givenSignedIn, givenSignInIsolate } from "../support/given-browser.ts";
import { freshAddress, linkTo, mailsTo, otherPassword } from "../support/given-people.ts";

test("who has lost the password chooses a new one by mail; every session ends and the old password is dead", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password, browser: elsewhere } = await givenSignedIn(isolate);
  const browser = givenBrowser(isolate);
  expectSeeOther(await browser.submit("/recover", { email }), "/recover/sent");
  const { url } = await linkTo(isolate, email);
  const path = url.pathname + url.search;

  expectSeeOther(await browser.submit(path, { new_password: otherPassword }), "/login");
  expect((await browser.open("/login")).html).toContain("Your new password is saved");
  expectSeeOther(await elsewhere.open("/account"), "/login?return_to=%2Faccount");
  expect((await browser.submit("/login", { email, password })).answer.status).toBe(400);
  expectSeeOther(await browser.submit("/login", { email, password: otherPassword }), "/account");
});

test("a known and an unknown address are answered alike; only the known one is sent a mail", async () => {
  const isolate = await givenSignInIsolate();
  const { email: known } = await givenSignedIn(isolate);
  const unknown = freshAddress();
  const answers: unknown[] = [];
  for (const email of [known, unknown]) {
    const { answer, html } = await givenBrowser(isolate).submit("/recover", { email });
    const names = [...answer.headers.keys()].toSorted();
    answers.push([answer.status, answer.headers.get("location"), names, html]);
  }
  expect(answers[0]).toEqual(answers[1]);
  expect((await mailsTo(isolate, known)).length).toBe(1);
  expect(await mailsTo(isolate, unknown)).toEqual([]);
});

test("the link is inert until its form is sent, its secret is nowhere in the page, and a refused password leaves it alive", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenSignedIn(isolate);
  const browser = givenBrowser(isolate);
  await browser.submit("/recover", { email });
  const { url, link } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  for (let count = 0; count < 3; count += 1) {
    const { answer, html } = await browser.open(path);
    expect(answer.status).toBe(200);
    expect(html).not.toContain(link);
    expect(answer.headers.get("referrer-policy")).toBe("strict-origin");
  }
  const refused = await browser.submit(path, { new_password: "short" });
  expect(refused.answer.status).toBe(400);
  expect(refused.html).toContain('<p class="wrong" id="new_password-wrong">Choose another password');
  expect(refused.html).not.toContain(link);
  expectSeeOther(await browser.submit(path, { new_password: otherPassword }), "/login");
});

test("of a link that is used, foreign or too long the page says so with 400, and leads to a new one", async () => {
  const isolate = await givenSignInIsolate();
  const { email } = await givenSignedIn(isolate);
  const browser = givenBrowser(isolate);
  await browser.submit("/recover", { email });
  const { url } = await linkTo(isolate, email);
  const path = url.pathname + url.search;
  expectSeeOther(await browser.submit(path, { new_password: otherPassword }), "/login");
  for (const dead of [path, `/recover?link=${"A".repeat(43)}`]) {
    const { answer, html } = await browser.submit(dead, { new_password: otherPassword });
    expect(answer.status).toBe(400);
    expect(html).toContain("This link does not work any more");
    expect(html).toContain('href="/recover"');
  }
  expect((await browser.open(`/recover?link=${"A".repeat(300)}`)).answer.status).toBe(400);
  expect((await browser.open("/recover?link=")).answer.status).toBe(400);
});
