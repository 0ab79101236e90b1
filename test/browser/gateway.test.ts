import { expect, test } from "vitest";
import { call, cookieNames, givenWindow, pathOf, refresh, watch } from "./browser.ts";
import { givenSignedIn, press } from "./people.ts";

/** The stack of the suite is started with this bound. */
const boundMs = 1000;

test("an application's access token passes the gateway until its person signs out on the page, and within the bound no longer", async () => {
  const window = await givenWindow();
  await givenSignedIn(window);
  const { access_token, session_id } = (await refresh(window)).body;
  const bearer = String(access_token);
  const orders = () => call(window, "/gateway/orders/42", { method: "GET", bearer });

  const passed = await orders();
  expect(passed.status).toBe(200);
  expect(passed.body).toMatchObject({ "x-session-id": session_id, "x-auth-method": "access-token" });
  expect(String(passed.body["x-user-id"])).toMatch(/^usr_/);
  expect(String(passed.body["cookie"])).not.toContain(cookieNames.refresh);
  expect(String(passed.body["cookie"])).not.toContain(cookieNames.session);
  await press(window.page, "Sign out");

  await expect
    .poll(async () => (await orders()).status, { timeout: boundMs + 1000, interval: 100 })
    .toBe(401);
  expect((await call(window, "/auth/sessions", { method: "GET", bearer })).status).toBe(401);
});

test("what an upstream serves under the issuer's origin runs no script there and speaks for nobody", async () => {
  const window = await givenWindow();
  await givenSignedIn(window);
  const { page } = window;
  const refreshes = watch(page, "/auth/refresh");

  const answer = await page.goto("/gateway/app/");

  expect([answer?.status(), pathOf(page)]).toEqual([200, "/gateway/app/"]);
  expect(await page.title()).toBe("unmoved");
  expect(await refreshes.seen()).toEqual([]);
  expect(window.troubles.join("\n")).toMatch(/sandbox/);
});
