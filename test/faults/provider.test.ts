// A store that is away between a person's answer and the client's tokens: nothing is given by halves, and what can be
// asked again can be.
import { expect, test } from "vitest";
import { givenSignedIn } from "../support/given-browser.ts";
import {
  answerConsent,
  authorize,
  expectOauthError,
  follow,
  givenCode,
  givenProvider,
  redeem,
  sentBack,
  tokensIn,
} from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

test("a code that could not be redeemed is as good as before, and nothing was born of it", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const code = await givenCode(browser, client);
  await isolate.postgresFault([{ kind: "refuse" }]);
  await expectOauthError(await redeem(isolate, client, code), 503, "temporarily_unavailable");
  await isolate.postgresFault([]);
  expect((await tokensIn(await redeem(isolate, client, code))).token_type).toBe("Bearer");
});

test("a redemption whose answer was lost counts as used: its retry gets nothing, and ends what nobody holds", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const code = await givenCode(browser, client);
  await isolate.postgresFault([{ kind: "drop-after", match: "authorization_codes", times: 1 }]);
  await expectOauthError(await redeem(isolate, client, code), 503, "temporarily_unavailable");
  await isolate.postgresFault([]);
  await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
  const { rows } = await isolate.rooms.database.execute<{ ended: string }>(
    `select revoked_reason as ended from refresh_families where client_id = '${client.id}'`,
  );
  expect(rows).toEqual([{ ended: "replayed" }]);
});

test("without Redis codes are redeemed and replays end, felt in this isolate at once", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const code = await givenCode(browser, client);
  await isolate.redisFault([{ kind: "refuse" }]);
  const { access_token } = await tokensIn(await redeem(isolate, client, code));
  await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
  await isolate.settle();
  const told = await isolate.fetch("/oauth/userinfo", { headers: bearerOf(access_token) });
  expect(told.status).toBe(401);
  await isolate.redisFault([]);
});

test("a store that is away while the person is asked is a page that says so, and the same answer counts afterwards", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  await isolate.postgresFault([{ kind: "refuse" }]);
  const away = await authorize(browser, client);
  expect([away.answer.status, away.answer.headers.get("location")]).toEqual([503, null]);
  expect(away.answer.headers.get("content-type")).toContain("text/html");
  await isolate.postgresFault([]);
  const page = await follow(browser, await authorize(browser, client));
  await isolate.postgresFault([{ kind: "refuse", match: "authorization_codes" }]);
  const failed = await answerConsent(browser, page, "allow");
  expect([failed.answer.status, failed.answer.headers.get("refresh")]).toEqual([503, null]);
  await isolate.postgresFault([]);
  expect(sentBack(await answerConsent(browser, page, "allow")).fields.get("code")).toMatch(/^gc_/);
});
