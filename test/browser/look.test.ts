import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { adminKey, givenWindow, issuer, pathOf, troublesOf, type Window } from "./browser.ts";
import { codeOf, givenAuthenticator, setUpApp } from "./factors.ts";
import {
  fill,
  freshAddress,
  givenPerson,
  givenVaultKeeper,
  goodPassword,
  linkTo,
  noticeOf,
  press,
  signIn,
} from "./people.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Finding = { readonly id: string; readonly impact: string; readonly nodes: { readonly html: string }[] };

/** WCAG 2.2 A and AA, and what axe calls good practice. */
const findingsScript = `axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  resultTypes: ["violations"],
}).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => ({ html })) })))`;

/** Adds up how far anything moved by itself while the page came. */
const shiftScript = `globalThis.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });`;

const afterPaint =
  "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))";

/** What is lower than a finger needs: in pages.md's measure, 44 px. A link within a sentence is read, not aimed at. */
const lowTargets = `[...document.querySelectorAll("button, .button, nav a, input:not([type=hidden]):not([hidden])")]
  .filter((at) => at.getBoundingClientRect().height < 42).map((at) => at.outerHTML)`;

const widths = [360, 1440] as const;
const schemes = ["light", "dark"] as const;
const pictures = process.env["GATEHOUSE_PICTURES"];

/** Looks at the page under the window's address in each scheme and width, as it comes anew. */
async function expectGood(
  window: Window,
  name: string,
  come: (page: Page) => Promise<unknown>,
): Promise<void> {
  const { page } = window;
  for (const width of widths) {
    for (const colorScheme of schemes) {
      const where = `${name}, ${width} px, ${colorScheme}`;
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await come(page);
      await page.evaluate(afterPaint);
      expect(await page.evaluate("shifted"), `moved by itself: ${where}`).toBe(0);
      const overhang = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate(overhang), `wider than the screen: ${where}`).toBe(0);
      expect(await page.evaluate(lowTargets), `too low to aim at: ${where}`).toEqual([]);
      const background = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(lightnessOf(background) > 128, `${background}: ${where}`).toBe(colorScheme === "light");
      await page.evaluate(axe);
      const findings = await page.evaluate<Finding[]>(findingsScript);
      expect(findings, where).toEqual([]);
      if (pictures !== undefined)
        await page.screenshot({
          path: join(pictures, `${name}-${width}-${colorScheme}.png`),
          fullPage: true,
        });
    }
  }
}

const lightnessOf = (color: string): number => Number(/\d+/.exec(color)?.[0] ?? Number.NaN);

async function givenWatchedWindow(): Promise<Window> {
  const window = await givenWindow();
  await window.context.addInitScript(shiftScript);
  return window;
}

const open = (path: string) => (page: Page) => page.goto(path);

test.each([
  ["sign-in", "/login"],
  ["register", "/register"],
  ["register-passkey", "/register/passkey"],
  ["register-sent", "/register/sent"],
  ["recover", "/recover"],
  ["recover-sent", "/recover/sent"],
  ["choose-password", "/recover?link=lnk_none"],
  ["recover-passkey", "/recover/passkey?link=lnk_none"],
  ["verify", "/verify-email?link=lnk_none"],
  ["dead-link", "/verify-email"],
  ["nowhere", "/nowhere"],
  ["secret-in-address", "/login?token=none"],
])(
  "%s is sound for whoever reads it: axe, light and dark, 360 and 1440 px, nothing moves, nothing is refused",
  async (name, path) => {
    const window = await givenWatchedWindow();
    await expectGood(window, name, open(path));
    expect(troublesOf(window, [400, 404])).toEqual([]);
  },
);

test("forms that come back with a mistake are as sound, and say so beside the field", async () => {
  const window = await givenWatchedWindow();
  const email = freshAddress("somebody-with-a-long-name");

  await expectGood(window, "sign-in-wrong", async (page) => {
    await page.goto("/login");
    await fill(page, { "Email address": email, Password: goodPassword });
    await press(page, "Sign in");
    expect(await page.locator("#password").getAttribute("aria-describedby")).toContain("password-wrong");
  });
  await expectGood(window, "register-wrong", async (page) => {
    await page.goto("/register");
    await fill(page, { "Email address": email, Password: "short" });
    await press(page, "Create account");
    expect(await page.locator("#password").getAttribute("aria-invalid")).toBe("true");
  });

  expect(troublesOf(window, [400, 422])).toEqual([]);
});

test("the pages of an account are as sound, with a long address and two sessions", async () => {
  const person = await givenPerson(freshAddress("somebody-with-a-long-name"));
  const [phone, window] = [await givenWindow(), await givenWatchedWindow()];
  await signIn(phone, person);
  await signIn(window, person);

  for (const path of [
    "/account",
    "/account/security",
    "/account/security/app",
    "/account/security/passkey",
    "/account/security/recovery-codes",
    "/account/address",
    "/account/delete",
    "/account/sessions",
  ])
    await expectGood(window, path.slice(1).replaceAll("/", "-"), open(path));
  await expectGood(window, "account-notice", async (page) => {
    await page.goto("/account/address");
    await fill(page, { "New email address": freshAddress("next"), Password: person.password });
    await press(page, "Send the link");
  });
  await press(phone.page, "Sign out");
  await expectGood(window, "account-sessions-alone", open("/account/sessions"));
  expect(troublesOf(window)).toEqual([]);
});

test("so are those where a second step is set up and asked for, and the list of what there is", async () => {
  const person = await givenPerson(freshAddress("somebody-with-a-long-name"));
  const window = await givenWatchedWindow();
  await signIn(window, person);
  await expectGood(window, "set-up-app", async (page) => {
    await page.goto("/account/security/app");
    await press(page, "Set up an app");
    expect(await page.locator(".qr svg").isVisible()).toBe(true);
  });
  const secret = await setUpApp(window);
  expect(await noticeOf(window.page)).toContain("Your authenticator app is set up.");
  await expectGood(window, "recovery-codes", async (page) => {
    await page.goto("/account/security/recovery-codes");
    await press(page, "Make recovery codes");
  });
  await expectGood(window, "security-with-app", async (page) => {
    await page.goto("/account/security");
    for (const summary of await page.locator("summary").all()) await summary.click();
  });
  const half = await givenWatchedWindow();
  await half.page.goto("/login");
  await fill(half.page, { "Email address": person.email, Password: person.password });
  await press(half.page, "Sign in");
  await expectGood(half, "factor", open("/login/factor"));
  await expectGood(half, "factor-recovery", async (page) => {
    await page.goto("/login/factor");
    await page.locator("summary").click();
  });
  await half.page.goto("/login/factor");
  await half.page.getByLabel("Do not ask for this on this device for 30 days").check();
  await fill(half.page, { "Code from your authenticator app": codeOf(secret, 1) });
  await press(half.page, "Go on");
  await expectGood(half, "security-with-device", open("/account/security"));
  await press(half.page, "Sign out");
  // Remembered: the password alone is asked for, until the device is forgotten.
  await signIn(half, person);
  await half.page.goto("/account/security");
  await press(half.page, "Forget all of them");
  expect(await noticeOf(half.page)).toContain("It is forgotten.");
  expect([troublesOf(window), troublesOf(half)]).toEqual([[], []]);
});

test("so are those of a sign-in that cannot go on before there is a second factor, and what comes back there", async () => {
  const person = await givenVaultKeeper(freshAddress("somebody-with-a-long-name"));
  const window = await givenWatchedWindow();
  const half = async (page: Page) => {
    await window.context.clearCookies();
    await page.goto("/login?return_to=/account/sessions");
    await fill(page, { "Email address": person.email, Password: person.password });
    await press(page, "Sign in");
    expect(pathOf(page)).toBe("/login/set-up");
  };
  await half(window.page);
  await expectGood(window, "required", open("/login/set-up"));
  const toApp = async (page: Page) => {
    await page.goto("/login/set-up");
    await press(page, "Set up an app");
  };
  await expectGood(window, "required-app", toApp);
  await expectGood(window, "required-app-wrong", async (page) => {
    await toApp(page);
    await fill(page, { "Code from your authenticator app": "12345" });
    await press(page, "Turn it on");
    expect(await page.locator("#code").getAttribute("aria-describedby")).toContain("code-wrong");
    expect(await page.getByRole("link", { name: "Choose another way" }).getAttribute("href")).toContain(
      "/login/set-up?return_to=",
    );
  });
  await expectGood(window, "required-over", async (page) => {
    await window.context.clearCookies({ name: "gatehouse-step" });
    await page.goto("/login/set-up");
    expect(pathOf(page)).toBe("/login");
    // Not in the green of what was done.
    expect(await page.getByRole("status").getAttribute("class")).toBe("note told");
  });
  expect(troublesOf(window, [400])).toEqual([]);
});

test("so are those that ask once more who somebody is: by password, by what they have, and what they lack", async () => {
  const person = await givenPerson(freshAddress("somebody-with-a-long-name"));
  const window = await givenWatchedWindow();
  await signIn(window, person);
  const again = "/login/again?max_age=0&return_to=/account/sessions";
  await expectGood(window, "again-password", open(again));
  await expectGood(window, "again-wrong", async (page) => {
    await page.goto(again);
    await fill(page, { Password: "not my password" });
    await press(page, "Go on");
    expect(await page.locator("#password-wrong").innerText()).toContain("That is not your password.");
  });
  await expectGood(
    window,
    "again-lacking",
    open("/login/again?level=two-factor&return_to=/account/sessions"),
  );
  await setUpApp(window);
  await expectGood(window, "again-app", open(again));
  await expectGood(window, "again-lacking-passkey", open("/login/again?level=phishing-resistant"));
  expect(troublesOf(window, [400])).toEqual([]);
});

test("so are those of an account without a password: the passkey that it begins with, and what it has instead of a password", async () => {
  const window = await givenWatchedWindow();
  const { page } = window;
  await givenAuthenticator(window);
  const email = freshAddress("somebody-with-a-long-name");
  await page.goto("/register/passkey");
  await fill(page, { "Email address": email });
  await press(page, "Send the link");
  await page.goto(await linkTo(email));
  await press(page, "Confirm the address");
  await expectGood(window, "set-up-only-passkey", open("/login/set-up"));
  await press(page, "Create a passkey");
  for (const path of ["/account", "/account/security", "/account/address", "/account/delete"])
    await expectGood(window, `without-password-${path.slice(1).replaceAll("/", "-")}`, open(path));
  expect(troublesOf(window)).toEqual([]);
});

test("a page asks for its sheet, its script and its icon once and for nothing more, and for none again", async () => {
  const { page } = await givenWindow();
  const asked: string[] = [];
  page.on("response", (response) => {
    if (response.request().resourceType() !== "document") asked.push(response.url().replace(issuer, ""));
  });

  await page.goto("/login", { waitUntil: "networkidle" });
  expect(asked.map((path) => path.replace(/-[0-9a-f]{16}\./, ".")).toSorted()).toEqual([
    "/assets/pages.css",
    "/assets/pages.js",
    "/assets/pages.svg",
  ]);
  let hits = 0;
  page.on("requestfinished", async (request) => {
    if (request.resourceType() !== "document" && (await request.sizes()).responseBodySize > 0) hits += 1;
  });
  await page.goto("/register", { waitUntil: "networkidle" });
  expect(hits).toBe(0);
});

test("so are those of applications: consent, what was allowed, a device's code, signing out", async () => {
  const registered = await fetch(`${issuer}/admin/v1/clients`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "An application with quite a long name of its own",
      redirect_uris: ["https://app.example/callback", "http://127.0.0.1/callback"],
      token_endpoint_auth_method: "none",
      scope: "openid email offline_access orders.read",
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    }),
  });
  expect(registered.status).toBe(201);
  const { client_id: clientId } = (await registered.json()) as { client_id: string };
  const requestOf = (redirectUri: string, scope: string) =>
    `/oauth/authorize?${new URLSearchParams({
      response_type: "code",
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      code_challenge: "A".repeat(43),
      code_challenge_method: "S256",
    })}`;
  const person = await givenPerson(freshAddress("somebody-with-a-long-name"));
  const window = await givenWatchedWindow();
  const { page } = window;
  await page.route("https://app.example/**", (route) => route.fulfill({ body: "there" }));
  await signIn(window, person);
  const all = "openid email offline_access orders.read";
  await expectGood(window, "consent", open(requestOf("https://app.example/callback", all)));
  await expectGood(window, "consent-local", open(requestOf("http://127.0.0.1:4711/callback", "openid")));
  await expectGood(window, "authorize-refused", open(requestOf("https://evil.example/", "openid")));
  await page.goto(requestOf("https://app.example/callback", all));
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.waitForURL((url) => url.host === "app.example");
  await expectGood(window, "applications", open("/account/applications"));
  await expectGood(window, "device", open("/device"));
  await expectGood(window, "device-wrong", async () => {
    await page.goto("/device");
    await page.locator("#user_code").fill("BBBB-BBBB");
    await page.locator("main button").click();
    await page.waitForLoadState();
  });
  const asked = await fetch(`${issuer}/oauth/device_authorization`, {
    method: "POST",
    body: new URLSearchParams({ client_id: clientId, scope: "openid email" }),
  });
  const { verification_uri_complete: complete } = (await asked.json()) as {
    verification_uri_complete: string;
  };
  await expectGood(window, "device-code", open(complete));
  await expectGood(window, "device-consent", async () => {
    await page.goto(complete);
    await page.locator("main button").first().click();
    await page.waitForLoadState();
  });
  await expectGood(window, "sign-out", open("/oauth/logout"));
  expect(troublesOf(window, [400, 404])).toEqual([]);
});
