import { expect, test } from "vitest";
import { givenSignedIn } from "../support/given-browser.ts";
import { clientOperator } from "../support/given-clients.ts";
import { asOperator } from "../support/given-people.ts";
import {
  answerConsent,
  authorize,
  claimsIn,
  exchange,
  follow,
  givenCode,
  givenProvider,
  publicApp,
  redeem,
  sentBack,
  tokensIn,
} from "../support/given-provider.ts";

test("what was taken from the person between the page and the code's use is not given, nor by any refresh after it", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, account } = await givenSignedIn(isolate);
  const { accounts } = isolate.rooms;
  await accounts.setScopes(account.id, ["orders.read", "orders.write"], asOperator(isolate));
  const scope = "openid orders.read orders.write offline_access";
  const code = await givenCode(browser, client, { scope });
  await accounts.setScopes(account.id, ["orders.read"], asOperator(isolate));
  const tokens = await tokensIn(await redeem(isolate, client, code));
  const left = "openid orders.read offline_access";
  expect([tokens.scope, claimsIn(tokens.access_token)["scope"]]).toEqual([left, left]);
  const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
  expect((await tokensIn(await exchange(isolate, client, refresh))).scope).toBe(left);
});

test("what was taken from a client is in none of its tokens any more: neither by a code nor by a refresh from before", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, account } = await givenSignedIn(isolate);
  await isolate.rooms.accounts.setScopes(account.id, ["orders.read"], asOperator(isolate));
  const scope = "openid orders.read offline_access";
  const first = await tokensIn(await redeem(isolate, client, await givenCode(browser, client, { scope })));
  expect(first.scope).toBe(scope);
  const late = await givenCode(browser, client, { scope });
  await isolate.rooms.clients.update(
    client.id,
    { scopes: ["openid", "offline_access"] },
    clientOperator(isolate),
  );
  await isolate.settle();
  const left = "openid offline_access";
  expect((await tokensIn(await redeem(isolate, client, late))).scope).toBe(left);
  const refresh = { grant_type: "refresh_token", refresh_token: first.refresh_token ?? "" };
  const next = await tokensIn(await exchange(isolate, client, refresh));
  expect([next.scope, claimsIn(next.access_token)["scope"]]).toEqual([left, left]);
});

test("RFC 9126 §6: a demand for pushed requests, which nothing would hold anybody to, is not taken", async () => {
  const { isolate, client } = await givenProvider();
  const demanded = isolate.rooms.clients.update(
    client.id,
    { requirePushedRequests: true },
    clientOperator(isolate),
  );
  await expect(demanded).rejects.toMatchObject({
    detail: expect.stringContaining("require_pushed_authorization_requests"),
  });
});

test("a grant without offline_access ends with its sign-in at the latest, by the clock as well; one with it has a life of its own", async () => {
  const { isolate, client, clock } = await givenProvider();
  const { browser, account } = await givenSignedIn(isolate);
  const end = new Date(clock.now() + 3_600_000);
  await isolate.rooms.database.execute(
    `update refresh_families set absolute_expires_at = '${end.toISOString()}' where account_id = '${account.id}'`,
  );
  const bound = await givenCode(browser, client);
  const free = await givenCode(browser, client, { scope: "openid offline_access" });
  for (const code of [bound, free]) await tokensIn(await redeem(isolate, client, code));
  const { rows } = await isolate.rooms.database.execute<Record<string, string>>(
    `select 'offline_access' = any(scopes) as outlives, absolute_expires_at, idle_expires_at from refresh_families
     where account_id = '${account.id}' and client_id = '${client.id}' order by 1`,
  );
  const days = (text = "") => Math.round((new Date(text).getTime() - clock.now()) / 3_600_000);
  expect(rows.map((row) => [days(row["absolute_expires_at"]), days(row["idle_expires_at"])])).toEqual([
    [1, 1],
    [720, 168],
  ]);
});

test("what a page of consent did not show is not agreed to by it: who was given more meanwhile is asked again", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, account } = await givenSignedIn(isolate);
  const everything = { scope: null };
  const page = await follow(browser, await authorize(browser, client, everything));
  expect(page.html).not.toContain("orders.write");
  await isolate.rooms.accounts.setScopes(account.id, ["orders.write"], asOperator(isolate));
  const { answer } = await answerConsent(browser, page, "allow");
  expect([answer.status, answer.headers.get("location")?.startsWith("/consent?")]).toEqual([303, true]);
  const { rows } = await isolate.rooms.database.execute(
    `select 1 from consents where account_id = '${account.id}' union all
     select 1 from authorization_codes where account_id = '${account.id}'`,
  );
  expect(rows).toEqual([]);
  const anew = await follow(browser, await authorize(browser, client, everything));
  expect(anew.html).toContain("orders.write");
});

test("RFC 8252 §8.6: what any program on a device could pose as is asked about, the house's own application too, and gets nothing in silence", async () => {
  const native = { ...publicApp, redirectUris: ["http://127.0.0.1/cb"], firstParty: true };
  const { isolate, client } = await givenProvider(native);
  const { browser } = await givenSignedIn(isolate);
  const uri = { redirect_uri: "http://127.0.0.1:49152/cb" };
  const asked = await follow(browser, await authorize(browser, client, uri));
  expect(asked.html).toContain('action="/consent"');
  const silent = await authorize(browser, client, { ...uri, prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("consent_required");
});
