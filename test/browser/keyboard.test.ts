import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { givenWindow, pathOf } from "./browser.ts";
import { givenPerson, givenSignedIn, isSignedIn, noticeOf, signIn } from "./people.ts";

/** What has the focus: its words or its name, and whether that can be seen. */
type Stop = { readonly name: string; readonly isVisible: boolean };

const readStop = `(() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  return {
    name: at === document.body ? "" : at.getAttribute("aria-label") ?? (at.id || at.textContent.trim()),
    isVisible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.top >= 0,
  };
})()`;

const stopOf = (page: Page): Promise<Stop> => page.evaluate<Stop>(readStop);

/** A page that comes takes a frame or two to put the focus where it belongs. */
const expectFocus = (page: Page, name: string) =>
  expect.poll(() => stopOf(page)).toEqual({ name, isVisible: true });

async function tab(page: Page): Promise<string> {
  await page.keyboard.press("Tab");
  const { name, isVisible } = await stopOf(page);
  expect([name, isVisible]).toEqual([name, true]);
  return name;
}

/** Presses Tab until `name` has the focus; whatever has it on the way can be seen. */
async function tabTo(page: Page, name: string): Promise<string[]> {
  const passed: string[] = [];
  while (passed.at(-1) !== name) {
    passed.push(await tab(page));
    expect(passed.length, `no way to "${name}": ${passed.join(", ")}`).toBeLessThan(30);
  }
  return passed;
}

async function enter(page: Page): Promise<void> {
  const loaded = page.waitForEvent("load");
  await page.keyboard.press("Enter");
  await loaded;
}

test("a person signs in, ends the other session and signs out with the keyboard alone, and always sees where they are", async () => {
  const person = await givenPerson();
  const [laptop, phone] = [await givenWindow(), await givenWindow()];
  await signIn(phone, person);
  const { page } = laptop;
  const { keyboard } = page;

  await page.goto("/login");
  await expectFocus(page, "email");
  await keyboard.type(person.email);
  expect(await tab(page)).toBe("password");
  await keyboard.type("not this one at all");
  await enter(page);
  await expectFocus(page, "password");
  await keyboard.type(person.password);
  expect(await tab(page)).toBe("Show password");
  await keyboard.press("Space");
  expect(await page.locator("#password").getAttribute("type")).toBe("text");
  await expectFocus(page, "Hide password");
  expect(await tab(page)).toBe("Sign in");
  await enter(page);
  expect(pathOf(page)).toBe("/account");

  await tabTo(page, "Sessions");
  await enter(page);
  expect(pathOf(page)).toBe("/account/sessions");
  const end = (await page.locator("[aria-label^='End session']").getAttribute("aria-label")) ?? "";
  await tabTo(page, end);
  await enter(page);
  expect(await noticeOf(page)).toBe("That session is ended.");
  expect(await isSignedIn(phone)).toBe(false);
  await tabTo(page, "Sign out");
  await enter(page);
  expect(pathOf(page)).toBe("/login");
  expect(await isSignedIn(laptop)).toBe(false);
});

test("the first stop of each page leads past its head, and every link, field and button is a stop in the order it is read", async () => {
  const window = await givenWindow();
  await givenSignedIn(window);
  const { page } = window;

  for (const path of [
    "/account",
    "/account/security",
    "/account/address",
    "/account/sessions",
    "/account/delete",
  ]) {
    await page.goto(path);
    const expected = await page.evaluate<number>(
      'document.querySelectorAll("a[href], button, input:not([type=hidden]):not([hidden])").length',
    );
    // An address that is asked for first has the focus already; from the top each is met once.
    await page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)");
    const stops: string[] = [];
    for (let at = 0; at < expected; at += 1) stops.push(await tab(page));
    expect(stops[0], path).toBe("Skip to the content");
    expect(
      stops.filter((name) => name === "Skip to the content"),
      path,
    ).toHaveLength(1);
    const order = await page.evaluate<string[]>(
      `[...document.querySelectorAll("a[href], button, input:not([type=hidden]):not([hidden])")].map((at) => at.getAttribute("aria-label") ?? (at.id || at.textContent.trim()))`,
    );
    expect(stops, path).toEqual(order);
  }

  await page.goto("/account");
  expect(await tab(page)).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  expect(new URL(page.url()).hash).toBe("#main");
  expect(await tab(page)).toBe("Overview");
});
