import { expect, test } from "vitest";
import { givenWindow, pathOf, troublesOf } from "./browser.ts";
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
  otherPassword,
  press,
  signIn,
  signInStatus,
} from "./people.ts";

const withoutScript = { javaScriptEnabled: false };

test("without JavaScript a person registers, confirms, mends a mistyped password, signs in and out", async () => {
  const email = freshAddress();
  const window = await givenWindow(withoutScript);
  const { page } = window;
  await page.goto("/register");
  await fill(page, { "Email address": email, Password: "password" });
  await press(page, "Create account");
  expect(await page.title()).toMatch(/^Error: /);
  expect(await page.locator("#password-wrong").innerText()).toContain("Choose another password");
  expect(await page.getByLabel("Email address").inputValue()).toBe(email);
  await fill(page, { Password: goodPassword });
  await press(page, "Create account");
  expect(await headingOf(page)).toBe("Look at your mail");

  await page.goto(await linkTo(email));
  await press(page, "Confirm the address");
  await fill(page, { "Email address": email, Password: otherPassword });
  await press(page, "Sign in");
  expect(await page.locator("#password-wrong").innerText()).toContain("is not right");
  expect(await page.getByLabel("Password", { exact: true }).inputValue()).toBe("");
  await fill(page, { Password: goodPassword });
  await press(page, "Sign in");
  expect(pathOf(page)).toBe("/account");
  expect(await page.getByRole("button", { name: "Show password" }).count()).toBe(0);

  await press(page, "Sign out");
  expect(await noticeOf(page)).toBe("You are signed out.");
  expect(await isSignedIn(window)).toBe(false);
  expect(troublesOf(window, [400])).toEqual([]);
});

test("without JavaScript a person changes the password, which throws the others out, and then recovers it", async () => {
  const [laptop, phone] = [await givenWindow(withoutScript), await givenWindow(withoutScript)];
  const person = await givenSignedIn(laptop);
  await signIn(phone, person);
  const { page } = laptop;
  await page.goto("/account/security");
  await fill(page, { "Password you have now": person.password, "New password": otherPassword });
  await press(page, "Change password");
  expect(await noticeOf(page)).toContain("Your password is changed.");
  expect(await isSignedIn(phone)).toBe(false);
  expect(await isSignedIn(laptop)).toBe(true);
  expect(await signInStatus(person)).toBe(401);

  const mails = await mailsTo(person.email, 2);
  await phone.page.goto("/recover");
  await fill(phone.page, { "Email address": person.email });
  await press(phone.page, "Send the link");
  expect(pathOf(phone.page)).toBe("/recover/sent");
  await phone.page.goto(await linkTo(person.email, mails.length + 1));
  expect(await headingOf(phone.page)).toBe("Choose a new password");
  await fill(phone.page, { "New password": goodPassword });
  await press(phone.page, "Save the new password");
  expect(await noticeOf(phone.page)).toContain("Your new password is saved");
  expect(await isSignedIn(laptop)).toBe(false);
  await signIn(phone, person);
});

test("without JavaScript a person ends their other sessions, changes the address, and deletes the account", async () => {
  const [laptop, phone] = [await givenWindow(withoutScript), await givenWindow(withoutScript)];
  const person = await givenPerson();
  await signIn(phone, person);
  await signIn(laptop, person);
  const { page } = laptop;
  await page.goto("/account/sessions");
  await press(page, "End all other sessions");
  expect(await noticeOf(page)).toBe("All other sessions are ended.");
  expect(await isSignedIn(phone)).toBe(false);

  const email = freshAddress("new");
  await page.goto("/account/address");
  await fill(page, { "New email address": email, Password: person.password });
  await press(page, "Send the link");
  expect(pathOf(page)).toBe("/account");
  await page.goto(await linkTo(email));
  await press(page, "Confirm the address");
  expect(await isSignedIn(laptop)).toBe(false);
  await signIn(laptop, { ...person, email });

  await page.goto("/account/delete");
  await fill(page, { Password: person.password });
  await press(page, "Delete my account");
  expect(await noticeOf(page)).toBe("Your account is deleted.");
  expect(await isSignedIn(laptop)).toBe(false);
  expect(await signInStatus({ ...person, email })).toBe(401);
});
