import { expect, test } from "vitest";
import { givenWindow, issuer } from "./browser.ts";
import { evilHosts, givenEvilSite, selfSentForm } from "./evil-site.ts";
import { givenSignedIn, headingOf } from "./people.ts";

const evil = givenEvilSite();
const blocked = "chrome-error://chromewebdata/";

const publicPages = [
  "/",
  "/login",
  "/login?return_to=%2Faccount%2Fsecurity",
  "/register",
  "/register/sent",
  "/recover",
  "/recover/sent",
  "/recover?link=none",
  "/verify-email?link=none",
  "/verify-email",
  "/.well-known/change-password",
];
const ownPages = [
  "/account",
  "/account/security",
  "/account/security/app",
  "/account/security/passkey",
  "/account/security/recovery-codes",
  "/account/address",
  "/account/delete",
  "/account/sessions",
];
const errors = [
  "/nowhere",
  "/auth/login",
  "/auth/sessions",
  "/account/sign-out",
  "/gateway/nowhere",
  "/gateway/app/",
  "/login?password=none",
  "/admin/v1/keys",
  "/v1/authenticate",
  "/health/live",
];

test.each(evilHosts)(
  "CJ-01: %s frames no page and no error of ours, signed in or not",
  async (_where, host) => {
    const paths = [...publicPages, ...ownPages, ...errors];
    for (const isOwner of [false, true]) {
      const window = await givenWindow();
      if (isOwner) await givenSignedIn(window);
      const { page } = window;
      const statuses = new Set<number>();
      page.on("response", (response) => {
        if (response.url().startsWith(issuer)) statuses.add(response.status());
      });
      const frames = paths.map((path) => `<iframe src="${issuer}${path}"></iframe>`).join("");
      const others = `<object data="${issuer}/login"></object><embed src="${issuer}/login">`;
      const posted = `<iframe name="posted"></iframe>${selfSentForm("/account/sign-out", {}, { target: "posted" })}`;
      const control = `<iframe name="control" src="${evil.originOf(host)}/"></iframe>`;
      await evil.show(page, host, frames + others + posted + control);

      const shown = () =>
        page
          .frames()
          .slice(1)
          .filter((frame) => frame.name() !== "control")
          .map((frame) => frame.url());
      await expect.poll(() => shown().filter((url) => url !== blocked)).toEqual([]);
      expect(shown().length).toBeGreaterThanOrEqual(paths.length + 1);
      expect(page.frame({ name: "control" })?.url()).toBe(`${evil.originOf(host)}/`);
      // Every kind of answer was among them.
      expect([...statuses]).toEqual(expect.arrayContaining([200, 303, 400, 401, 403, 404, 405]));
    }
  },
);

test("a page of ours is not framed by our own origin either", async () => {
  const { page } = await givenWindow();
  const url = `${issuer}/framing/`;
  await page.route(url, (route) =>
    route.fulfill({
      contentType: "text/html",
      body: '<iframe src="/login"></iframe><iframe src="/nowhere"></iframe>',
    }),
  );
  await page.goto(url);

  await expect
    .poll(() =>
      page
        .frames()
        .slice(1)
        .map((frame) => frame.url()),
    )
    .toEqual([blocked, blocked]);
});

test("who opens a page of ours in a window keeps no hold of it", async () => {
  const window = await givenWindow();
  await givenSignedIn(window);
  const { page, context } = window;
  await evil.show(
    page,
    "localhost",
    `<button onclick="held = window.open('${issuer}/account')">Open</button>`,
  );
  const opened = context.waitForEvent("page");
  await page.click("button");
  const popup = await opened;
  await popup.waitForURL(`${issuer}/account`);

  expect(await headingOf(popup)).toBe("Your account");
  await expect.poll(() => page.evaluate("held.closed")).toBe(true);
  expect(await popup.evaluate("opener")).toBe(null);
});
