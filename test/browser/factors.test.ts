import { expect, test } from "vitest";
import { givenWindow, pathOf, troublesOf } from "./browser.ts";
import { codeOf, givenAuthenticator, setUpApp } from "./factors.ts";
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
} from "./people.ts";

/** It offers nothing by itself, and knows neither options nor answers as JSON. */
const browserOf2023 = `
  delete PublicKeyCredential.isConditionalMediationAvailable;
  delete PublicKeyCredential.parseCreationOptionsFromJSON;
  delete PublicKeyCredential.parseRequestOptionsFromJSON;
  delete PublicKeyCredential.prototype.toJSON;`;

test("a person adds a passkey, signs in with it by the browser's own offer, by the button in an older browser too, and no more once it is removed", async () => {
  const window = await givenWindow();
  const { page, context } = window;
  const device = await givenAuthenticator(window);
  await givenSignedIn(window);
  await page.goto("/account/security/passkey");
  await fill(page, { "Name (optional)": "My laptop" });
  await press(page, "Create a passkey");
  expect(pathOf(page)).toBe("/account/security/recovery-codes");
  expect(await noticeOf(page)).toContain("Your passkey is added.");
  expect(await device.count()).toBe(1);

  await context.clearCookies();
  await page.goto("/login");
  // The browser offers what it has in the field of the address; this one takes it at once.
  await page.waitForURL("**/account");
  await page.goto("/account/security");
  expect(await page.locator(".rows").first().innerText()).toContain("My laptop");

  await page.addInitScript(browserOf2023);
  await context.clearCookies();
  await page.goto("/login");
  await press(page, "Sign in with a passkey");
  expect(pathOf(page)).toBe("/account");

  await page.goto("/account/security");
  await page.getByText("Change", { exact: true }).first().click();
  await press(page, "Remove: My laptop");
  expect(await noticeOf(page)).toContain("It is removed.");
  await context.clearCookies();
  await page.goto("/login");
  await press(page, "Sign in with a passkey");
  expect(await page.getByRole("alert").first().innerText()).toContain("This passkey could not be used.");
  expect(await isSignedIn(window)).toBe(false);
  expect(troublesOf(window, [400])).toEqual([]);
});

test("an older browser without JSON for passkeys adds one all the same", async () => {
  const window = await givenWindow();
  const { page } = window;
  const device = await givenAuthenticator(window);
  await page.addInitScript(browserOf2023);
  await givenSignedIn(window);
  await page.goto("/account/security/passkey");
  await press(page, "Create a passkey");
  expect(await noticeOf(page)).toContain("Your passkey is added.");
  expect(await device.count()).toBe(1);
  expect(troublesOf(window)).toEqual([]);
});

test("a passkey stands in for the code after a password; what the authenticator refuses is said in words and can be tried again", async () => {
  const window = await givenWindow();
  const { page, context } = window;
  const device = await givenAuthenticator(window);
  const person = await givenSignedIn(window);
  await page.goto("/account/security/passkey");
  await press(page, "Create a passkey");
  await device.isWilling(false);
  await context.clearCookies();
  await page.goto("/login");
  await fill(page, { "Email address": person.email, Password: person.password });
  await press(page, "Sign in");
  expect(await headingOf(page)).toBe("One more step");
  await device.isWilling(true);
  await press(page, "Use a passkey");
  expect(pathOf(page)).toBe("/account");

  await page.goto("/account/security/passkey");
  await page.getByRole("button", { name: "Create a passkey" }).click();
  const said = page.getByText("This device has a passkey for your account already.");
  await said.waitFor();
  expect(await device.count()).toBe(1);
  expect(troublesOf(window)).toEqual([]);
});

test("a person registers without a password, signs in by a passkey alone, replaces it by mail once it is lost, and adds a password", async () => {
  const window = await givenWindow();
  const { page, context } = window;
  const email = freshAddress();
  await page.goto("/register");
  await page.getByRole("link", { name: "Continue without a password" }).click();
  await fill(page, { "Email address": email });
  await press(page, "Send the link");
  expect(await headingOf(page)).toBe("Look at your mail");
  const device = await givenAuthenticator(window);
  await page.goto(await linkTo(email));
  await press(page, "Confirm the address");
  expect(await headingOf(page)).toBe("Create your passkey");
  expect(await page.locator("main").innerText()).toContain(email);
  await press(page, "Create a passkey");
  expect(pathOf(page)).toBe("/account/security/recovery-codes");
  expect(await device.count()).toBe(1);

  await context.clearCookies();
  await page.goto("/login");
  await page.waitForURL("**/account");
  await page.goto("/account/security");
  expect(await page.getByRole("heading", { name: "Add a password" }).isVisible()).toBe(true);

  // Lost: another device, which has none of the passkeys.
  const other = await givenWindow();
  await givenAuthenticator(other);
  await other.page.goto("/login");
  await other.page.getByRole("link", { name: "Cannot sign in?" }).click();
  await fill(other.page, { "Email address": email });
  await press(other.page, "Send the link");
  await mailsTo(email, 3);
  await other.page.goto(await linkTo(email, 3));
  expect(await headingOf(other.page)).toBe("Set up a new passkey");
  await press(other.page, "Go on");
  await press(other.page, "Create a passkey");
  expect(pathOf(other.page)).toBe("/account/security/recovery-codes");
  expect(await isSignedIn(window)).toBe(false);
  await other.page.goto("/account/security");
  expect(await other.page.getByRole("heading", { name: /^Passkey \d$/ }).count()).toBe(2);
  await fill(other.page, { "New password": goodPassword });
  await press(other.page, "Add the password");
  expect(await noticeOf(other.page)).toContain("Your account has a password now.");
  expect(troublesOf(window)).toEqual([]);
  expect(troublesOf(other)).toEqual([]);
});

test("without JavaScript the way without a password leads to the passkey itself, and says what that needs", async () => {
  const window = await givenWindow({ javaScriptEnabled: false });
  const { page } = window;
  const email = freshAddress();
  await page.goto("/register/passkey");
  expect(await page.locator("main").innerText()).toContain("A passkey needs JavaScript");
  await fill(page, { "Email address": email });
  await press(page, "Send the link");
  await page.goto(await linkTo(email));
  await press(page, "Confirm the address");
  expect(await headingOf(page)).toBe("Create your passkey");
  expect(await page.getByRole("button", { name: "Create a passkey" }).isVisible()).toBe(false);
  expect(await page.locator("main").innerText()).toContain("A passkey needs JavaScript");
  expect(await isSignedIn(window)).toBe(false);
  expect(troublesOf(window)).toEqual([]);
});

test("without JavaScript an app is set up and its code signs in; of passkeys the page says what they would need", async () => {
  const person = await givenPerson();
  const window = await givenWindow({ javaScriptEnabled: false });
  const { page, context } = window;
  await givenSignedIn(window, person);
  const secret = await setUpApp(window);
  await page.goto("/account/security/passkey");
  expect(await page.getByRole("button", { name: "Create a passkey" }).isVisible()).toBe(false);
  expect(await page.locator("main").innerText()).toContain("A passkey needs JavaScript");

  await context.clearCookies();
  await page.goto("/login");
  expect(await page.getByRole("button", { name: "Sign in with a passkey" }).isVisible()).toBe(false);
  await fill(page, { "Email address": person.email, Password: person.password });
  await press(page, "Sign in");
  await fill(page, { "Code from your authenticator app": codeOf(secret, 1) });
  await press(page, "Go on");
  expect(pathOf(page)).toBe("/account");
  expect(troublesOf(window)).toEqual([]);
});

/** What an authenticator's answer in this form says that it answers. */
const challengeIn = (body: string | null): string => {
  const credential = JSON.parse(new URLSearchParams(body ?? "").get("credential") ?? "{}");
  return JSON.parse(Buffer.from(credential.response.clientDataJSON, "base64url").toString("utf8")).challenge;
};

test("a page that was open for an hour fetches a fresh challenge at the press, and for what the browser offers by itself; where it cannot, it says what to do", async () => {
  const window = await givenWindow();
  const { page, context } = window;
  const device = await givenAuthenticator(window);
  await givenSignedIn(window);
  let fresh = "none";
  let isDown = false;
  await page.route("**/passkey/challenge", async (route) => {
    if (isDown) return await route.abort();
    const response = await route.fetch();
    fresh = await response.text();
    await route.fulfill({ response });
  });
  const sent = () => page.waitForRequest((request) => request.method() === "POST");
  await page.clock.install();
  await page.goto("/account/security/passkey");
  await page.clock.fastForward("04:00");
  const added = sent();
  await press(page, "Create a passkey");
  expect(challengeIn((await added).postData())).toBe(fresh);
  expect(await noticeOf(page)).toContain("Your passkey is added.");

  await context.clearCookies();
  await device.isWilling(false);
  await page.goto("/login");
  isDown = true;
  await page.clock.fastForward("01:00:00");
  const button = page.getByRole("button", { name: "Sign in with a passkey" });
  await button.click();
  await page.getByText("This page has been open for too long.").waitFor();
  expect(await button.getAttribute("aria-busy")).toBeNull();

  isDown = false;
  await device.isWilling(true);
  const signedIn = sent();
  await page.clock.fastForward("04:00");
  expect(challengeIn((await signedIn).postData())).toBe(fresh);
  await page.waitForURL("**/account");
  expect(troublesOf(window).filter((line) => !line.includes("ERR_FAILED"))).toEqual([]);
});
