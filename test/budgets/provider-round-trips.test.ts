import { expect, test } from "vitest";
import type { Isolate } from "../support/given.ts";
import { askForDevice, deviceApp, givenDevice, poll } from "../support/given-devices.ts";
import {
  authorize,
  exchange,
  givenApp,
  givenGrant,
  givenProvider,
  redeem,
  sentBack,
} from "../support/given-provider.ts";

/** Calls until the answer is there; what is one after the other is no more than these. */
async function callsUntil<Answer>(isolate: Isolate, ask: () => Promise<Answer>) {
  await isolate.settle();
  await isolate.forgetCalls();
  const answer = await ask();
  const { postgres, redis } = await isolate.calls();
  return { answer, calls: [postgres, redis] };
}

test("authorize with a session: two trips, the session and the code; a code for tokens: one; a refresh: one", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenGrant(isolate, client, { scope: "openid email" });
  const asked = await callsUntil(isolate, () => authorize(browser, client, { scope: "openid email" }));
  const code = sentBack(asked.answer).fields.get("code") ?? "";
  expect(asked.calls).toEqual([2, 0]);
  const redeemed = await callsUntil(isolate, () => redeem(isolate, client, code));
  expect([redeemed.answer.status, redeemed.calls]).toEqual([200, [1, 0]]);
  const { refresh_token } = (await redeemed.answer.json()) as { refresh_token: string };
  const fields = { grant_type: "refresh_token", refresh_token };
  const refreshed = await callsUntil(isolate, () => exchange(isolate, client, fields));
  expect([refreshed.answer.status, refreshed.calls]).toEqual([200, [1, 0]]);
});

test("a device that begins: one trip; that asks and waits: one; that gets its tokens: two; its person's answer: three", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenGrant(isolate, client);
  const app = await givenApp(isolate, deviceApp);
  const device = await givenDevice(isolate, app);
  const begun = await callsUntil(isolate, () => askForDevice(isolate, app));
  // Redis counts it behind the answer.
  expect([begun.answer.status, begun.calls]).toEqual([200, [1, 1]]);
  const waiting = await callsUntil(isolate, () => poll(isolate, app, device));
  expect([waiting.answer.status, waiting.calls]).toEqual([400, [1, 0]]);
  const page = await browser.submit("/device", { user_code: device.user_code });
  const allow = page.forms.find(({ action }) => action === "/device/allow")?.hidden ?? {};
  const allowed = await callsUntil(isolate, () => browser.post("/device/allow", allow));
  // The fourth is the event, written behind the answer.
  expect([allowed.answer.answer.status, allowed.calls]).toEqual([200, [4, 0]]);
  const redeemed = await callsUntil(isolate, () => poll(isolate, app, device));
  expect([redeemed.answer.status, redeemed.calls]).toEqual([200, [2, 0]]);
});
