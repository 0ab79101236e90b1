import { expect, test } from "vitest";
import {
  call,
  cookieNames,
  cookiesOf,
  givenThief,
  givenWindow,
  issuer,
  openApplication,
  pathOf,
  refresh,
  troublesOf,
  watch,
} from "./browser.ts";
import {
  fill,
  freshAddress,
  givenPerson,
  givenSignedIn,
  goodPassword,
  headingOf,
  isSignedIn,
  linkTo,
  mailsTo,
  noticeOf,
  press,
  signIn,
} from "./people.ts";

const dead = { status: 401, body: { error: "invalid_grant" } };
const endButton = /^End session: /;

test("a person registers by the mailbox, is thrown out together with the thief of their cookie, signs in again, ends the other session and signs out", async () => {
  const email = freshAddress("journey");
  const person = { email, password: goodPassword };
  const laptop = await givenWindow();
  const { page } = laptop;

  await page.goto("/register");
  await fill(page, { "Email address": email, Password: goodPassword });
  await press(page, "Create account");
  expect(pathOf(page)).toBe("/register/sent");
  await page.goto(await linkTo(email));
  expect(await headingOf(page)).toBe("Confirm your address");
  await press(page, "Confirm the address");
  expect(pathOf(page)).toBe("/login");
  expect(await noticeOf(page)).toBe("Your address is confirmed. Sign in with it.");
  await fill(page, { "Email address": email, Password: goodPassword });
  await press(page, "Sign in");
  expect(pathOf(page)).toBe("/account");

  const phone = await givenWindow();
  await signIn(phone, person);
  const thief = await givenThief(laptop, cookieNames.refresh);
  for (const _round of [1, 2]) expect((await refresh(laptop)).status).toBe(200);
  const mails = await mailsTo(email, 1);
  expect(await refresh(thief)).toMatchObject(dead);
  expect(await refresh(laptop)).toMatchObject(dead);
  expect(Object.keys(await cookiesOf(laptop))).not.toContain(cookieNames.refresh);
  expect(await isSignedIn(laptop)).toBe(false);
  expect(await isSignedIn(phone)).toBe(true);
  expect((await refresh(phone)).status).toBe(200);
  const [warning] = await mailsTo(email, mails.length + 1);
  expect(warning?.text).toMatch(/signed out|ended/);

  await signIn(laptop, person);
  await page.goto("/account/sessions");
  expect(await page.getByRole("button", { name: endButton }).count()).toBe(1);
  await press(page, endButton);
  expect(pathOf(page)).toBe("/account/sessions");
  expect(await noticeOf(page)).toBe("That session is ended.");
  expect(await page.getByRole("button", { name: endButton }).count()).toBe(0);
  expect(await refresh(phone)).toMatchObject(dead);
  expect(await isSignedIn(phone)).toBe(false);
  expect((await refresh(laptop)).status).toBe(200);

  await press(page, "Sign out");
  expect(pathOf(page)).toBe("/login");
  expect(await noticeOf(page)).toBe("You are signed out.");
  expect(await isSignedIn(laptop)).toBe(false);
  expect(troublesOf(laptop, [401])).toEqual([]);
});

test("an address that was not confirmed does not sign in", async () => {
  const email = freshAddress();
  const window = await givenWindow();
  const { page } = window;
  await page.goto("/register");
  await fill(page, { "Email address": email, Password: goodPassword });
  await press(page, "Create account");
  await linkTo(email);

  await page.goto("/login");
  await fill(page, { "Email address": email, Password: goodPassword });
  await press(page, "Sign in");

  expect(await page.locator("#password-wrong").innerText()).toContain("is not right");
  expect(Object.keys(await cookiesOf(window))).not.toContain(cookieNames.session);
  expect(await isSignedIn(window)).toBe(false);
});

test("two tabs that refresh at once with one cookie get the same successor, stay in the same session, and nobody is signed out", async () => {
  const window = await givenWindow();
  await givenSignedIn(window);
  const [left, right] = [await openApplication(window), await openApplication(window)];
  const [here, there] = [watch(left, "/auth/refresh"), watch(right, "/auth/refresh")];
  const sessions = new Set<unknown>();

  for (let round = 0; round < 10; round += 1) {
    const answers = await Promise.all([refresh(left), refresh(right)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    for (const { body } of answers) sessions.add(body["session_id"]);
  }

  expect([...sessions]).toEqual([expect.stringMatching(/^ses_/)]);
  const [seenHere, seenThere] = [await here.seen(), await there.seen()];
  const races = seenHere.flatMap((mine) => {
    const same = seenThere.find(({ cookie }) => cookie === mine.cookie);
    return same ? [[mine.setCookies[0]?.split(";")[0], same.setCookies[0]?.split(";")[0]]] : [];
  });
  expect(races, "rounds in which both tabs sent the same token").not.toEqual([]);
  for (const [mine, theirs] of races) expect(mine).toBe(theirs);
  expect(await isSignedIn(window)).toBe(true);
  expect((await refresh(right)).body["session_id"]).toBe([...sessions][0]);
  expect(troublesOf(window)).toEqual([]);
});

test("a thief who refreshes first is put out when the owner comes with the token that was theirs", async () => {
  const laptop = await givenWindow();
  const person = await givenSignedIn(laptop);
  const thief = await givenThief(laptop, cookieNames.refresh);
  for (const _round of [1, 2]) expect((await refresh(thief)).status).toBe(200);

  expect(await refresh(laptop)).toMatchObject(dead);

  expect(await refresh(thief)).toMatchObject(dead);
  expect(await isSignedIn(laptop)).toBe(false);
  await signIn(laptop, person);
  expect((await refresh(laptop)).status).toBe(200);
  expect(await isSignedIn(thief)).toBe(false);
});

test("a stolen page cookie is worth nothing once its owner signs out, nor do the owner's own old cookies return", async () => {
  const laptop = await givenWindow();
  await givenSignedIn(laptop);
  const thief = await givenThief(laptop, cookieNames.session);
  expect(await isSignedIn(thief)).toBe(true);
  const before = await laptop.context.cookies(issuer);

  await press(laptop.page, "Sign out");

  expect(Object.keys(await cookiesOf(laptop))).not.toContain(cookieNames.session);
  expect(await isSignedIn(thief)).toBe(false);
  await laptop.page.goBack();
  expect(await laptop.page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
  await laptop.context.addCookies(before);
  expect(await isSignedIn(laptop)).toBe(false);
  expect(await refresh(laptop)).toMatchObject(dead);
});

test("a session that was begun before the sign-in is not the one after it", async () => {
  const window = await givenWindow();
  const person = await givenPerson();
  await signIn(window, person);
  const first = await cookiesOf(window);
  await window.context.clearCookies({ name: cookieNames.refresh });
  expect((await call(window, "/auth/login", { json: person })).status).toBe(200);
  const second = await cookiesOf(window);

  expect(second[cookieNames.session]).not.toBe(first[cookieNames.session]);
  await window.page.goto("/account/sessions");
  expect(await window.page.getByRole("button", { name: endButton }).count()).toBe(0);
  const thief = await givenWindow();
  const old = { name: cookieNames.session, value: first[cookieNames.session] ?? "" };
  await thief.context.addCookies([{ ...old, url: issuer }]);
  expect(await isSignedIn(thief)).toBe(false);
});
