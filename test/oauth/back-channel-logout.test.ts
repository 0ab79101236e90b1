import { decodeProtectedHeader } from "jose";
import { afterEach, expect, test } from "vitest";
import { attemptsMax } from "../../src/oauth/back-channel-logout.ts";
import { createLogoutClient, isReachable } from "../../src/oauth/logout.client.ts";
import { givenAdminKey, type Isolate, issuer, unique, withAdmin } from "../support/given.ts";
import { askedNow, basic, form } from "../support/given-clients.ts";
import { asOperator, asPerson } from "../support/given-people.ts";
import {
  type App,
  authorize,
  claimsIn,
  givenApp,
  givenCode,
  givenGrant,
  givenProvider,
  redeem,
  sentBack,
  tokensIn,
} from "../support/given-provider.ts";

type Told = { readonly url: string; readonly init: RequestInit; readonly token: string };

const direct = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = direct;
});

/** Where a client waits for logout tokens: what it was sent, and what it answers. */
function givenReceiver(answer: () => Response | Promise<Response> = () => new Response(null)) {
  const uri = `https://${unique("rp")}.example/logout`;
  const told: Told[] = [];
  const beneath = globalThis.fetch;
  globalThis.fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (input !== uri) return await beneath(input, init);
    told.push({ url: uri, init, token: new URLSearchParams(String(init.body)).get("logout_token") ?? "" });
    return await answer();
  };
  return { uri, told };
}

const noticesOf = async (isolate: Isolate, { id }: App) =>
  (await isolate.rooms.backChannelLogout.list(id)).map(({ state, attempts, lastStatus }) => [
    state,
    attempts,
    lastStatus,
  ]);

test("oidcc-backchannel-rp-initiated-logout: the client is told by a signed token of its own sid, and the session is over (OIDC Back-Channel Logout §2.4, OIDC Back-Channel Logout §2.5)", async () => {
  const { uri, told } = givenReceiver();
  const { isolate, client } = await givenProvider({ backchannelLogoutUri: uri });
  const { browser, account, tokens } = await givenGrant(isolate, client);
  const hint = { id_token_hint: tokens.id_token ?? "" };
  await browser.open(`/oauth/logout?${new URLSearchParams(hint)}`, { "sec-fetch-site": "cross-site" });
  await isolate.settle();
  expect(told).toHaveLength(1);
  const [{ init, token } = { init: {}, token: "" }] = told;
  expect(init).toMatchObject({ method: "POST", redirect: "manual" });
  expect(new Headers(init.headers).get("content-type")).toBe("application/x-www-form-urlencoded");
  const { kid, ...header } = decodeProtectedHeader(token);
  expect(header).toEqual({ alg: "RS256", typ: "logout+jwt" });
  expect(await isolate.rooms.signingKeys.verificationKey("id-token", String(kid))).not.toBeNull();
  const iat = Math.floor(isolate.clock.now() / 1000);
  expect(claimsIn(token)).toEqual({
    iss: issuer,
    sub: account.id,
    aud: client.id,
    iat,
    exp: iat + 120,
    jti: expect.stringMatching(/^lgt_[0-9A-Za-z]{22}$/),
    sid: claimsIn(tokens.id_token)["sid"],
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  expect(await noticesOf(isolate, client)).toEqual([["delivered", 1, 200]]);
  const silent = await authorize(browser, client, { prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("login_required");
  // It is no ID token, however alike.
  const asHint = new URLSearchParams({ id_token_hint: token });
  expect((await browser.open(`/oauth/logout?${asHint}`)).answer.status).toBe(400);
  const discovery = await (await isolate.fetch("/.well-known/openid-configuration")).json();
  expect(discovery).toMatchObject({
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  });
});

test("every way in which a session ends is told, once for each grant, also of what outlives it, and of no other session", async () => {
  const { uri, told } = givenReceiver();
  const { isolate, client } = await givenProvider({ backchannelLogoutUri: uri });
  const silent = await givenApp(isolate);
  const pairwise = await givenApp(isolate, { backchannelLogoutUri: uri, subjectType: "pairwise" });
  const { sessions, accounts } = isolate.rooms;
  type Given = Awaited<ReturnType<typeof givenGrant>>;
  const sidOf = ({ tokens }: Given) => String(claimsIn(tokens.access_token)["sid"]);
  const sessionOf = async ({ account }: Given) => (await sessions.list(account.id))[0]?.id ?? "";
  const ways: readonly ((given: Given) => Promise<unknown>)[] = [
    ({ browser }) => browser.submit("/account", {}, "/account/sign-out"),
    async (given) =>
      sessions.end(
        await sessionOf(given),
        given.account.id,
        "by_person",
        asPerson(isolate, given.account.id),
      ),
    ({ account }) => sessions.endAll(account.id, "by_operator", asOperator(isolate)),
    ({ account }) => accounts.disable(account.id, asOperator(isolate)),
  ];
  for (const end of ways) {
    const kept = await givenGrant(isolate, client);
    const given = await givenGrant(isolate, client, { scope: "openid offline_access" });
    await tokensIn(await redeem(isolate, silent, await givenCode(given.browser, silent)));
    const other = await tokensIn(await redeem(isolate, pairwise, await givenCode(given.browser, pairwise)));
    told.length = 0;
    await end(given);
    await isolate.settle();
    await isolate.rooms.backChannelLogout.retry();
    const seen = told.map(({ token }) => claimsIn(token));
    expect(seen.map(({ sid }) => sid).toSorted()).toEqual(
      [sidOf(given), String(claimsIn(other.access_token)["sid"])].toSorted(),
    );
    expect(seen.map(({ sid }) => sid)).not.toContain(sidOf(kept));
    expect(seen.find(({ aud }) => aud === pairwise.id)?.["sub"]).toBe(claimsIn(other.id_token)["sub"]);
  }
  expect(await noticesOf(isolate, silent)).toEqual([]);
});

test("a grant that ends alone ends nobody's session: its client is told when the session does, unless it gave the grant back itself", async () => {
  const { uri, told } = givenReceiver();
  const { isolate, client } = await givenProvider({ backchannelLogoutUri: uri });
  const { browser, account, tokens } = await givenGrant(isolate, client);
  await isolate.rooms.consents.revoke(account.id, client.id, asPerson(isolate, account.id));
  const second = await tokensIn(await redeem(isolate, client, await givenCode(browser, client)));
  const given = form({ token: second.refresh_token ?? "" }, basic(client.id, client.secret));
  expect((await isolate.fetch("/oauth/revoke", given)).status).toBe(200);
  await isolate.settle();
  await isolate.rooms.backChannelLogout.retry();
  expect(told).toEqual([]);
  await browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect(told.map(({ token }) => claimsIn(token)["sid"])).toEqual([claimsIn(tokens.access_token)["sid"]]);
});

test("what could not be queued or read behind the answer is told by the cron trigger, once, also by two at once", async () => {
  const { uri, told } = givenReceiver();
  const { isolate, clock, client } = await givenProvider({ backchannelLogoutUri: uri });
  const { retry } = isolate.rooms.backChannelLogout;
  const [first, second] = [await givenGrant(isolate, client), await givenGrant(isolate, client)];
  const sids = [first, second].map(({ tokens }) => claimsIn(tokens.access_token)["sid"]);
  await isolate.postgresFault([{ kind: "refuse", match: "logout_notices" }]);
  const left = await first.browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect([left.answer.status, told]).toEqual([303, []]);
  await isolate.postgresFault([]);
  await Promise.all([retry(), retry()]);
  expect(told.map(({ token }) => claimsIn(token)["sid"])).toEqual([sids[0]]);
  // The client cannot be read: nobody takes that for a client that is gone.
  await isolate.postgresFault([{ kind: "refuse", match: "registered_by" }]);
  await second.browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  await isolate.postgresFault([]);
  expect([told.length, (await noticesOf(isolate, client)).toSorted()]).toEqual([
    1,
    [
      ["delivered", 1, 200],
      ["waiting", 0, null],
    ],
  ]);
  clock.advance(120_000);
  await retry();
  expect(told.map(({ token }) => claimsIn(token)["sid"])).toEqual(sids);
});

test("signing out waits for no client, and what a hung one holds comes back", async () => {
  const held = Promise.withResolvers<Response>();
  const { uri, told } = givenReceiver(() => held.promise);
  const { isolate, clock, client } = await givenProvider({ backchannelLogoutUri: uri });
  const { browser } = await givenGrant(isolate, client);
  expect((await browser.submit("/account", {}, "/account/sign-out")).answer.status).toBe(303);
  await expect.poll(() => told.length).toBe(1);
  expect(told[0]?.init.signal).toBeInstanceOf(AbortSignal);
  await isolate.rooms.backChannelLogout.retry();
  expect(told).toHaveLength(1);
  held.reject(new DOMException("too long", "TimeoutError"));
  await isolate.settle();
  expect(await noticesOf(isolate, client)).toEqual([["waiting", 1, null]]);
  // A client that is disabled meanwhile hears nothing more.
  const { rooms } = isolate;
  await rooms.clients.update(client.id, { enabled: false }, asOperator(isolate));
  clock.advance(60_000);
  await rooms.backChannelLogout.retry();
  expect([told.length, await noticesOf(isolate, client)]).toEqual([1, [["given_up", 2, null]]]);
  expect(await rooms.clients.find(client.id, askedNow(isolate))).toBeNull();
});

test("nothing is sent but over HTTPS to a public name; to this very machine only where we run on it", async () => {
  const refused = [
    "http://app.example/out",
    "https://localhost/out",
    "https://127.0.0.1/out",
    "https://2130706433/out",
    "https://0x7f.1/out",
    "https://[::1]/out",
    "https://[::ffff:10.0.0.1]/out",
    "https://169.254.169.254/latest",
    "https://metadata.google.internal/",
    "https://router.local/out",
    "https://intranet/out",
    "https://user:pass@app.example/out",
    "https://localhost./out",
    "file:///etc/passwd",
    "no URL",
  ];
  for (const uri of refused) {
    expect([uri, isReachable(uri, false)]).toEqual([uri, false]);
    let calls = 0;
    globalThis.fetch = async () => {
      calls += 1;
      return new Response(null);
    };
    expect(await createLogoutClient({ isLocal: false }).send(uri, "token")).toEqual({ status: null });
    expect(calls).toBe(0);
  }
  expect(isReachable("https://app.example/out", false)).toBe(true);
  expect(isReachable("http://localhost:4000/out", true)).toBe(true);
  expect(isReachable("http://10.0.0.1/out", true)).toBe(false);
});

// The last: its clock, far ahead, sweeps what the tests before it left.
test("a client that does not answer is told again with growing pauses, eight times in all, and then given up", async () => {
  const { uri, told } = givenReceiver(() => new Response("no", { status: 503 }));
  const { isolate, clock, client } = await givenProvider({ backchannelLogoutUri: uri });
  const { browser, account } = await givenGrant(isolate, client);
  await browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect([told.length, await noticesOf(isolate, client)]).toEqual([1, [["waiting", 1, 503]]]);
  const { retry } = isolate.rooms.backChannelLogout;
  for (const [index, minutes] of [1, 2, 4, 8, 16, 32, 60].entries()) {
    clock.advance(minutes * 60_000 - 1);
    await retry();
    expect(told).toHaveLength(index + 1);
    clock.advance(1);
    await Promise.all([retry(), retry()]);
    expect(told).toHaveLength(index + 2);
  }
  expect(await noticesOf(isolate, client)).toEqual([["given_up", attemptsMax, 503]]);
  const headers = withAdmin(await givenAdminKey(isolate));
  const shown = await isolate.fetch(`/admin/v1/clients/${client.id}/logout-notices`, { headers });
  expect([shown.status, await shown.json()]).toEqual([
    200,
    {
      data: [
        {
          session_id: expect.stringMatching(/^gnt_/),
          user_id: account.id,
          state: "given_up",
          attempts: attemptsMax,
          last_status: 503,
          noted_at: expect.any(String),
          next_attempt_at: null,
          settled_at: new Date(clock.now()).toISOString(),
        },
      ],
    },
  ]);
  const unknown = await isolate.fetch("/admin/v1/clients/app_none/logout-notices", { headers });
  expect(unknown.status).toBe(404);
  clock.advance(7_200_000);
  await retry();
  expect(told).toHaveLength(attemptsMax);
  expect(new Set(told.map(({ token }) => claimsIn(token)["jti"])).size).toBe(attemptsMax);
  clock.advance(7 * 24 * 3_600_000);
  await retry();
  expect(await noticesOf(isolate, client)).toEqual([]);
});
