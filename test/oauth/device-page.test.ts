import { expect, test } from "vitest";
import { networkOf } from "../../src/api-keys/addresses.ts";
import { givenSignedIn } from "../support/given-browser.ts";
import { answerDevice, givenDevice, givenDeviceProvider, poll, typeCode } from "../support/given-devices.ts";
import { expectOauthError, givenBrowser, tokensIn } from "../support/given-provider.ts";

const stillWaits = async (...asked: Parameters<typeof poll>) =>
  await expectOauthError(await poll(...asked), 400, "authorization_pending");

test("a link with the code fills it in and allows nothing: its person sees who asks, and a warning, and answers (RFC 8628 §3.3, RFC 8628 §5.4)", async () => {
  const { isolate, client } = await givenDeviceProvider({ name: "<b>Telly</b>", firstParty: true });
  const { browser, account } = await givenSignedIn(isolate);
  const device = await givenDevice(isolate, client, { scope: "openid email" });
  const link = device.verification_uri_complete.replace(/^https:\/\/[^/]+/, "");
  const stranger = await givenBrowser(isolate).open(link);
  const back = `/device?user_code=${device.user_code}`;
  expect([stranger.answer.status, stranger.answer.headers.get("location")]).toEqual([
    303,
    `/login?${new URLSearchParams({ return_to: back })}`,
  ]);
  const opened = await browser.open(link, { "sec-fetch-site": "cross-site" });
  expect(opened.html).toContain(`value="${device.user_code}"`);
  expect(opened.html).not.toContain("Telly");
  await stillWaits(isolate, client, device);
  // As somebody types it on a telephone.
  const asked = await typeCode(browser, ` ${device.user_code.toLowerCase().replace("-", " ")} `);
  for (const text of ["&lt;b&gt;Telly", "only if you began this yourself", device.user_code, account.email])
    expect(asked.html).toContain(text);
  expect(asked.html).toContain("See your email address");
  expect(asked.html).not.toContain("<b>Telly");
  expect(asked.answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  isolate.clock.advance(6_000);
  await stillWaits(isolate, client, device);
  const allow = asked.forms.find(({ action }) => action === "/device/allow");
  const done = await browser.post("/device/allow", allow?.hidden ?? {});
  expect([done.answer.status, done.html.includes("Your device is connected")]).toEqual([200, true]);
  await tokensIn(await poll(isolate, client, device));
});

test("an answer counts from the session that typed the code, from a page of ours, once, and for that device alone", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const { browser, account } = await givenSignedIn(isolate);
  const { browser: other } = await givenSignedIn(isolate);
  const [device, second] = [await givenDevice(isolate, client), await givenDevice(isolate, client)];
  const asked = await typeCode(browser, device.user_code);
  const [allow, deny] = ["allow", "deny"].map(
    (what) => asked.forms.find(({ action }) => action === `/device/${what}`)?.hidden ?? {},
  ) as [Record<string, string>, Record<string, string>];
  const code = (await browser.open("/device")).forms[0]?.hidden ?? {};
  const refusals = [
    await other.post("/device/allow", allow),
    await browser.post("/device/allow", { ...allow, user_code: second.user_code }),
    await browser.post("/device/allow", deny),
    await browser.post("/device/allow", { ...code, user_code: device.user_code }),
    await browser.post("/device/allow", allow, {
      origin: "https://evil.example",
      "sec-fetch-site": "cross-site",
    }),
    await other.post("/device", { ...code, user_code: device.user_code }),
  ];
  expect(refusals.map(({ answer }) => answer.status)).toEqual(refusals.map(() => 403));
  await stillWaits(isolate, client, device);
  await stillWaits(isolate, client, second);
  const answers = await Promise.all([
    browser.post("/device/allow", allow),
    browser.post("/device/deny", deny),
  ]);
  expect(answers.filter(({ answer }) => answer.status === 200)).toHaveLength(1);
  expect((await browser.post("/device/allow", allow)).answer.status).toBe(400);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ limit: 10_000 });
  const consents = events.filter(({ type, actor }) => type.startsWith("consent.") && actor.id === account.id);
  expect(consents).toMatchObject([{ subject: { type: "client", id: client.id } }]);
});

test("wrong codes are counted at the account and at the network, and past the limit even a right one waits (RFC 8628 §5.1)", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const { browser, account } = await givenSignedIn(isolate);
  const device = await givenDevice(isolate, client);
  const malformed = await typeCode(browser, "AEIOU");
  expect([malformed.answer.status, malformed.html.includes("No device is waiting")]).toEqual([400, true]);
  for (let at = 0; at < 20; at += 1) expect((await typeCode(browser, "BBBB-BBBB")).answer.status).toBe(400);
  const over = await typeCode(browser, device.user_code);
  expect(over.answer.status).toBe(429);
  expect(Number(over.answer.headers.get("retry-after"))).toBeGreaterThan(0);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "device.refused", limit: 10_000 });
  const own = events.filter(({ actor }) => actor.id === account.id);
  expect(own[0]).toMatchObject({ outcome: "refused", reason: "wrong_code", subject: null });
  const { browser: neighbour } = await givenSignedIn(isolate);
  for (let at = 0; at < 40; at += 1)
    isolate.rooms.rateLimits.note("wrongUserCodesOfNetwork", `address:${networkOf(isolate.address)}`);
  expect((await typeCode(neighbour, device.user_code)).answer.status).toBe(429);
});

test("a client that demands a stronger sign-in, or a recent one, gets it here too", async () => {
  const { isolate, clock, client } = await givenDeviceProvider({ defaultMaxAgeSeconds: 60 });
  const { browser } = await givenSignedIn(isolate);
  clock.advance(61_000);
  const device = await givenDevice(isolate, client);
  const old = await typeCode(browser, device.user_code);
  const wanted = { max_age: "60", return_to: `/device?user_code=${device.user_code}` };
  expect([old.answer.status, old.answer.headers.get("location")]).toEqual([
    303,
    `/login/again?${new URLSearchParams(wanted)}`,
  ]);
  const { browser: fresh } = await givenSignedIn(isolate);
  clock.advance(61_000);
  await answerDevice(fresh, device.user_code);
  await tokensIn(await poll(isolate, client, device));
  const strict = await givenDeviceProvider({ defaultAcrValues: ["two-factor"] });
  const { browser: weak } = await givenSignedIn(strict.isolate);
  const asked = await typeCode(weak, (await givenDevice(strict.isolate, strict.client)).user_code);
  expect(asked.answer.headers.get("location")).toMatch(/^\/login\/again\?level=two-factor&/);
});
