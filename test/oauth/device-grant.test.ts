import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { networkOf } from "../../src/api-keys/addresses.ts";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { type Isolate, issuer } from "../support/given.ts";
import { givenSignedIn } from "../support/given-browser.ts";
import { form } from "../support/given-clients.ts";
import {
  answerDevice,
  askForDevice,
  deviceApp,
  deviceGrant,
  givenDevice,
  givenDeviceProvider,
  poll,
} from "../support/given-devices.ts";
import {
  claimsIn,
  exchange,
  expectOauthError,
  givenApp,
  publicApp,
  tokensIn,
} from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

const userinfo = (isolate: Isolate, token: string) =>
  isolate.fetch("/oauth/userinfo", { headers: bearerOf(token) });

test("a device gets a code of 256 bits, kept as its hash, and one to type of unmistakable letters (RFC 8628 §3.1, RFC 8628 §3.2, RFC 8628 §5.2, RFC 8628 §6.1)", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const answer = await askForDevice(isolate, client);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const told = (await answer.json()) as Record<string, string>;
  expect(told).toEqual({
    device_code: expect.stringMatching(/^gd_[0-9A-Za-z]{43}$/),
    user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
    verification_uri: `${issuer}/device`,
    verification_uri_complete: `${issuer}/device?user_code=${told["user_code"]}`,
    expires_in: 600,
    interval: 5,
  });
  const { rows } = await isolate.rooms.database.execute(
    sql`select * from device_authorizations where user_code = ${told["user_code"]?.replace("-", "")}`,
  );
  expect(rows).toMatchObject([
    { device_code_hash: await sha256Hex(told["device_code"] ?? ""), state: "pending", client_id: client.id },
  ]);
  expect(JSON.stringify(rows)).not.toContain(told["device_code"]);
});

test("who is not registered for it, proves nothing, asks for too much or in the wrong way begins nothing", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const without = await givenApp(isolate);
  await expectOauthError(await askForDevice(isolate, without), 400, "unauthorized_client");
  const wrong = { ...client, secret: "gs_wrong" };
  await expectOauthError(await askForDevice(isolate, wrong), 401, "invalid_client");
  await expectOauthError(await askForDevice(isolate, client, { scope: "root" }), 400, "invalid_scope");
  const foreign = { resource: "https://elsewhere.example" };
  await expectOauthError(await askForDevice(isolate, client, foreign), 400, "invalid_target");
  const twice = form([
    ["client_id", client.id],
    ["client_id", client.id],
  ]);
  await expectOauthError(await isolate.fetch("/oauth/device_authorization", twice), 400, "invalid_request");
  expect((await isolate.fetch("/oauth/device_authorization")).status).toBe(405);
  const { rows } = await isolate.rooms.database.execute(
    sql`select 1 from device_authorizations where client_id in (${client.id}, ${without.id})`,
  );
  expect(rows).toEqual([]);
});

test("devices of one network that ask without end are told to wait", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const subject = `address:${networkOf(isolate.address)}`;
  for (let at = 0; at < 300; at += 1) isolate.rooms.rateLimits.note("deviceRequests", subject);
  const over = await askForDevice(isolate, client);
  expect(Number(over.headers.get("retry-after"))).toBeGreaterThan(0);
  await expectOauthError(over, 429, "rate_limited");
});

test("a device that asks too soon is slowed down, each time by five seconds more, and of two polls at once one is too soon (RFC 8628 §3.5)", async () => {
  const { isolate, clock, client } = await givenDeviceProvider();
  const device = await givenDevice(isolate, client);
  const word = async () => ((await (await poll(isolate, client, device)).json()) as { error: string }).error;
  expect(await word()).toBe("authorization_pending");
  clock.advance(5_000);
  expect(await word()).toBe("authorization_pending");
  clock.advance(3_000);
  expect(await word()).toBe("slow_down");
  clock.advance(6_000);
  expect(await word()).toBe("slow_down");
  clock.advance(15_000);
  expect(await word()).toBe("authorization_pending");
  clock.advance(15_000);
  expect((await Promise.all([word(), word(), word()])).toSorted()).toEqual([
    "authorization_pending",
    "slow_down",
    "slow_down",
  ]);
  clock.advance(25_000);
  expect(await word()).toBe("authorization_pending");
});

test("a device code is its client's alone, ends after ten minutes, and a refusal is told (RFC 8628 §3.5)", async () => {
  const { isolate, clock, client } = await givenDeviceProvider();
  const other = await givenApp(isolate, deviceApp);
  const [denied, late] = [await givenDevice(isolate, client), await givenDevice(isolate, client)];
  await expectOauthError(await poll(isolate, other, denied), 400, "invalid_grant");
  await expectOauthError(await poll(isolate, client, { device_code: "gd_none" }), 400, "invalid_grant");
  await expectOauthError(await poll(isolate, client, denied, { device_code: null }), 400, "invalid_request");
  const { browser } = await givenSignedIn(isolate);
  expect((await answerDevice(browser, denied.user_code, "deny")).answer.status).toBe(200);
  await expectOauthError(await poll(isolate, client, denied), 400, "access_denied");
  clock.advance(600_000);
  await expectOauthError(await poll(isolate, client, late), 400, "expired_token");
  expect((await browser.submit("/device", { user_code: late.user_code })).answer.status).toBe(400);
  await isolate.rooms.sweepCodes();
  await expectOauthError(await poll(isolate, client, late), 400, "expired_token");
  clock.advance(24 * 3_600_000 + 1);
  await isolate.rooms.sweepCodes();
  await expectOauthError(await poll(isolate, client, late), 400, "invalid_grant");
});

test("an approved device gets the tokens of one grant, of whoever approved it and of what they hold (RFC 8628 §3.4)", async () => {
  const { isolate, client } = await givenDeviceProvider(publicApp);
  const { browser, account } = await givenSignedIn(isolate);
  const scope = "openid email offline_access orders.read";
  const device = await givenDevice(isolate, client, { scope });
  await answerDevice(browser, device.user_code);
  const tokens = await tokensIn(await poll(isolate, client, device));
  // A right at an API that the person has not is not theirs to give.
  expect(tokens.scope).toBe("openid email offline_access");
  const access = claimsIn(tokens.access_token);
  expect(claimsIn(tokens.id_token)).toMatchObject({ sub: account.id, aud: client.id, sid: access["sid"] });
  expect(await (await userinfo(isolate, tokens.access_token)).json()).toMatchObject({ email: account.email });
  const fields = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
  await tokensIn(await exchange(isolate, client, fields));
  const page = await browser.open("/account/applications");
  expect(page.html).toContain(client.client.name);
  const revoke = page.forms.find(({ hidden }) => hidden["client"] === client.id);
  await browser.post("/account/applications/revoke", revoke?.hidden ?? {});
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(401);
});

test("of fifty polls at once one gets tokens, and a later use of the code ends them", async () => {
  const { isolate, client } = await givenDeviceProvider();
  const { browser } = await givenSignedIn(isolate);
  const device = await givenDevice(isolate, client);
  await answerDevice(browser, device.user_code);
  const answers = await Promise.all(Array.from({ length: 50 }, () => poll(isolate, client, device)));
  const good = answers.filter(({ status }) => status === 200);
  expect([good.length, answers.filter(({ status }) => status === 400).length]).toEqual([1, 49]);
  const { access_token } = await tokensIn(good[0] as Response);
  await isolate.settle();
  expect((await userinfo(isolate, access_token)).status).toBe(401);
  const replays = await isolate.rooms.audit.list({ type: "code.replayed", limit: 200 });
  expect(replays.filter(({ actor }) => actor.id === client.id)).toHaveLength(49);
});

test("a device's code opens nothing as an authorization code, and nothing once its person has left", async () => {
  const { isolate, client } = await givenDeviceProvider({
    grantTypes: ["authorization_code", deviceGrant],
    responseTypes: ["code"],
    redirectUris: ["https://app.example/callback"],
    requirePkce: false,
  });
  const { browser, account } = await givenSignedIn(isolate);
  const device = await givenDevice(isolate, client);
  await answerDevice(browser, device.user_code);
  for (const redirect_uri of [null, "", "https://app.example/callback"])
    await expectOauthError(
      await exchange(isolate, client, {
        grant_type: "authorization_code",
        code: device.device_code,
        redirect_uri,
      }),
      400,
      "invalid_grant",
    );
  await isolate.rooms.sessions.endAll(account.id, "signed_out_everywhere", {
    actor: { type: "user", id: account.id },
    origin: { requestId: "given", address: "192.0.2.1", country: null },
    background: isolate.background,
  });
  await expectOauthError(await poll(isolate, client, device), 400, "invalid_grant");
});
