import { expect, test } from "vitest";
import { eventTypes } from "../../src/audit/events.ts";
import { type Isolate, unique } from "../support/given.ts";
import { type Browser, givenSignedIn } from "../support/given-browser.ts";
import {
  answerConsent,
  authorize,
  exchange,
  expectOauthError,
  follow,
  givenApp,
  givenCode,
  givenGrant,
  givenProvider,
  redeem,
  sentBack,
} from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

const page = "/account/applications";
const revoke = (browser: Browser) => browser.submit(page, {}, `${page}/revoke`);
const userinfo = (isolate: Isolate, token: string) =>
  isolate.fetch("/oauth/userinfo", { headers: bearerOf(token) });

test("what was allowed stands in the account, and ends there with all that it gave", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, tokens } = await givenGrant(isolate, client, { scope: "openid email offline_access" });
  const other = await givenApp(isolate);
  const kept = await redeem(isolate, other, await givenCode(browser, other));
  const { access_token: keptToken } = (await kept.json()) as { access_token: string };
  const unused = await givenCode(browser, client);
  const shown = await browser.open(page);
  for (const word of [client.client.name, "See your email address", "Act for you when you are not there"])
    expect(shown.html).toContain(word);
  const form = shown.forms.find(({ hidden }) => hidden["client"] === client.id);
  const stranger = (await givenSignedIn(isolate)).browser;
  expect((await stranger.post(`${page}/revoke`, form?.hidden ?? {})).answer.status).toBe(403);
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(200);
  const done = await browser.post(`${page}/revoke`, form?.hidden ?? {});
  expect([done.answer.status, done.answer.headers.get("location")]).toEqual([303, page]);
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(401);
  const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
  await expectOauthError(await exchange(isolate, client, refresh), 400, "invalid_grant");
  await expectOauthError(await redeem(isolate, client, unused), 400, "invalid_grant");
  expect((await userinfo(isolate, keptToken)).status).toBe(200);
  expect((await browser.open(page)).html).not.toContain(client.client.name);
  const silent = await authorize(browser, client, { prompt: "none" });
  expect(sentBack(silent).fields.get("error")).toBe("consent_required");
});

test("who allowed nothing is told what would stand there, and a name cannot be markup", async () => {
  const { isolate, client } = await givenProvider({ name: `<b>${unique("Evil")}</b> & Co` });
  const { browser } = await givenSignedIn(isolate);
  expect((await browser.open(page)).html).toContain("There are none.");
  const consent = await follow(browser, await authorize(browser, client));
  expect(consent.html).toContain("&lt;b&gt;Evil");
  await answerConsent(browser, consent, "allow");
  const shown = await browser.open(page);
  expect(shown.html).toContain("&lt;b&gt;Evil");
  expect(shown.html).not.toContain("<b>Evil");
});

test("every event of consents and codes is written once, with who and at which application", async () => {
  const { isolate, client } = await givenProvider();
  const { browser, account, tokens, code } = await givenGrant(isolate, client);
  const wider = await follow(browser, await authorize(browser, client, { prompt: "consent" }));
  await answerConsent(browser, wider, "deny");
  await redeem(isolate, client, code);
  await revoke(browser);
  await isolate.settle();
  const eventsOf = async (type: (typeof eventTypes)[number]) =>
    (await isolate.rooms.audit.list({ type, limit: 10_000 })).filter(
      ({ actor, subject }) => subject?.id === client.id || actor.id === client.id,
    );
  const person = { actor: { type: "user", id: account.id }, subject: { type: "client", id: client.id } };
  expect(await eventsOf("consent.given")).toMatchObject([{ ...person, outcome: "done", reason: null }]);
  expect(await eventsOf("consent.denied")).toMatchObject([{ ...person, reason: "by_person" }]);
  expect(await eventsOf("consent.revoked")).toMatchObject([{ ...person, reason: "by_person" }]);
  expect(await eventsOf("code.replayed")).toMatchObject([
    { actor: { type: "client", id: client.id }, subject: { type: "session" }, reason: "replayed" },
  ]);
  expect(tokens.access_token).not.toBe("");
  expect(eventTypes.filter((type) => /^(consent|code)\./.test(type))).toHaveLength(4);
});
