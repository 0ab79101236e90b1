import { expect, test } from "vitest";
import { givenSignedIn } from "../support/given-browser.ts";
import { clientOperator } from "../support/given-clients.ts";
import { asOperator } from "../support/given-people.ts";
import { claimsIn, exchange, givenCode, givenProvider, redeem, tokensIn } from "../support/given-provider.ts";

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
