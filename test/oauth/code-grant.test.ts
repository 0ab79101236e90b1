import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Isolate, issuer } from "../support/given.ts";
import { givenBrowser, givenSignedIn } from "../support/given-browser.ts";
import { notesOf } from "../support/given-families.ts";
import {
  callback,
  claimsIn,
  exchange,
  expectOauthError,
  givenApp,
  givenCode,
  givenGrant,
  givenProvider,
  publicApp,
  redeem,
  tokensIn,
  verifier,
} from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

const userinfo = (isolate: Isolate, token: string) =>
  isolate.fetch("/oauth/userinfo", { headers: bearerOf(token) });

const familiesAt = async (isolate: Isolate, sid: unknown) =>
  (
    await isolate.rooms.database.execute<{ ended: string | null; sign_in: string; client: string }>(
      sql`select revoked_reason as ended, sign_in_session_id as sign_in, client_id as client
          from refresh_families where session_id = ${String(sid)}`,
    )
  ).rows;

test("a code is worth an access token, a refresh token and an ID token of one grant (RFC 6749 §4.1.4, OIDC Core §3.1.3.3)", async () => {
  const { isolate, client } = await givenProvider();
  const { tokens, account } = await givenGrant(isolate, client, { scope: "openid email" });
  expect(tokens).toMatchObject({ token_type: "Bearer", scope: "openid email" });
  expect(tokens.refresh_token).toMatch(/^gr_/);
  const access = claimsIn(tokens.access_token);
  expect(access).toMatchObject({ aud: issuer, client_id: client.id, sub: account.id, scope: "openid email" });
  expect(access["sid"]).toMatch(/^gnt_[0-9A-Za-z]{22}$/);
  const id = claimsIn(tokens.id_token);
  expect(id).toMatchObject({
    iss: issuer,
    aud: client.id,
    sub: account.id,
    nonce: "a nonce",
    sid: access["sid"],
  });
  expect(id).toMatchObject({ acr: "one-factor", amr: ["pwd"] });
  expect(Object.keys(id)).not.toContain("email");
  const told = await userinfo(isolate, tokens.access_token);
  expect(await told.json()).toEqual({ sub: account.id, email: account.email, email_verified: true });
  const [family] = await familiesAt(isolate, access["sid"]);
  expect(family).toMatchObject({ ended: null, client: client.id, sign_in: expect.stringMatching(/^ses_/) });
});

test("a client without refresh tokens gets none, and its grant ends like any other", async () => {
  const { isolate, client } = await givenProvider({ grantTypes: ["authorization_code"] });
  const { tokens, browser } = await givenGrant(isolate, client);
  expect(tokens.refresh_token).toBeUndefined();
  await browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(401);
});

test("TK-03: of fifty redemptions of one code at once one succeeds, and the others end what it gave (RFC 9700 §4.5)", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const code = await givenCode(browser, client);
  const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(isolate, client, code)));
  const good = answers.filter(({ status }) => status === 200);
  expect([good.length, answers.filter(({ status }) => status === 400).length]).toEqual([1, 49]);
  const { access_token, refresh_token } = await tokensIn(good[0] as Response);
  await isolate.settle();
  const { sid } = claimsIn(access_token);
  expect(await familiesAt(isolate, sid)).toMatchObject([{ ended: "replayed" }]);
  expect(await notesOf(isolate, [String(sid)])).toEqual([`session:${sid}`]);
  expect((await userinfo(isolate, access_token)).status).toBe(401);
  const refreshed = await exchange(isolate, client, {
    grant_type: "refresh_token",
    refresh_token: refresh_token ?? "",
  });
  await expectOauthError(refreshed, 400, "invalid_grant");
});

test("a code that is used again, also long after its end, ends what the first use gave and no other client's", async () => {
  const { isolate, clock, client } = await givenProvider();
  const other = await givenApp(isolate);
  const { browser, tokens, code } = await givenGrant(isolate, client);
  const kept = await tokensIn(await redeem(isolate, other, await givenCode(browser, other)));
  clock.advance(120_000);
  await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(401);
  expect((await userinfo(isolate, kept.access_token)).status).toBe(200);
});

test("TK-02, TK-04, TK-05, TK-06: a use with the wrong proof is none: it neither consumes the code nor ends its tokens (RFC 6749 §4.1.3, RFC 7636 §4.1, RFC 7636 §4.6)", async () => {
  const { isolate, client } = await givenProvider();
  const thief = await givenApp(isolate);
  const { browser } = await givenSignedIn(isolate);
  const code = await givenCode(browser, client);
  const wrong = `${verifier.slice(0, -1)}x`;
  const tries: [Record<string, string | null>, string][] = [
    [{ code_verifier: wrong }, "invalid_grant"],
    [{ code_verifier: null }, "invalid_grant"],
    [{ code_verifier: "a".repeat(42) }, "invalid_request"],
    [{ code_verifier: "a".repeat(129) }, "invalid_request"],
    [{ code_verifier: `${verifier}%` }, "invalid_request"],
    [{ redirect_uri: `${callback}/` }, "invalid_grant"],
    [{ redirect_uri: null }, "invalid_grant"],
    [{ resource: "https://api.example" }, "invalid_target"],
    [{ code: `${code}x` }, "invalid_grant"],
    [{ code: null }, "invalid_request"],
  ];
  for (const [change, error] of tries)
    await expectOauthError(await redeem(isolate, client, code, change), 400, error);
  await expectOauthError(await redeem(isolate, thief, code), 400, "invalid_grant");
  const tokens = await tokensIn(await redeem(isolate, client, code));
  await expectOauthError(await redeem(isolate, client, code, { code_verifier: wrong }), 400, "invalid_grant");
  await expectOauthError(await redeem(isolate, thief, code), 400, "invalid_grant");
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(200);
  const waived = await givenApp(isolate, { requirePkce: false });
  const bare = { code_challenge: null, code_challenge_method: null };
  const plain = await givenCode(browser, waived, bare);
  await expectOauthError(await redeem(isolate, waived, plain), 400, "invalid_grant");
  expect((await redeem(isolate, waived, plain, { code_verifier: null })).status).toBe(200);
});

test("a code lives for a minute, and dies with its session or its account", async () => {
  const { isolate, clock, client } = await givenProvider();
  const first = await givenSignedIn(isolate);
  const old = await givenCode(first.browser, client);
  clock.advance(60_001);
  await expectOauthError(await redeem(isolate, client, old), 400, "invalid_grant");
  const code = await givenCode(first.browser, client);
  await first.browser.submit("/account", {}, "/account/sign-out");
  await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
});

test("signing out ends what applications had of the session, but what may act without the person (OIDC Core §11)", async () => {
  const { isolate, client } = await givenProvider();
  const bound = await givenGrant(isolate, client);
  const code = await givenCode(bound.browser, client, { scope: "openid offline_access" });
  const lasting = await tokensIn(await redeem(isolate, client, code));
  await bound.browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect((await userinfo(isolate, bound.tokens.access_token)).status).toBe(401);
  const refresh = (token = "") =>
    exchange(isolate, client, { grant_type: "refresh_token", refresh_token: token });
  await expectOauthError(await refresh(bound.tokens.refresh_token), 400, "invalid_grant");
  expect((await userinfo(isolate, lasting.access_token)).status).toBe(200);
  const renewed = await tokensIn(await refresh(lasting.refresh_token));
  const again = givenBrowser(isolate);
  const { email, password } = bound;
  await again.submit("/login", { email, password });
  await again.submit("/account/sessions", {}, "/account/sessions/end-all");
  await isolate.settle();
  expect((await userinfo(isolate, renewed.access_token)).status).toBe(401);
  await expectOauthError(await refresh(renewed.refresh_token), 400, "invalid_grant");
});

test("a sign-out and a redemption at once: whoever was first, nothing of the grant outlives the session", async () => {
  const { isolate, client } = await givenProvider();
  for (let round = 0; round < 5; round += 1) {
    const { browser } = await givenSignedIn(isolate);
    const code = await givenCode(browser, client);
    const [, redeemed] = await Promise.all([
      browser.submit("/account", {}, "/account/sign-out"),
      redeem(isolate, client, code),
    ]);
    await isolate.settle();
    expect([200, 400]).toContain(redeemed.status);
    if (redeemed.status !== 200) continue;
    const { access_token, refresh_token = "" } = await tokensIn(redeemed);
    expect((await userinfo(isolate, access_token)).status).toBe(401);
    const refreshed = await exchange(isolate, client, { grant_type: "refresh_token", refresh_token });
    await expectOauthError(refreshed, 400, "invalid_grant");
  }
});

test("a session that is proved anew takes what applications had of it along", async () => {
  const { isolate, clock, client } = await givenProvider();
  const { browser, password, tokens } = await givenGrant(isolate, client);
  clock.advance(5000);
  await browser.submit("/login/again?max_age=0", { password }, "/login/again");
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(200);
  await browser.submit("/account", {}, "/account/sign-out");
  await isolate.settle();
  expect((await userinfo(isolate, tokens.access_token)).status).toBe(401);
});

test("a refresh may narrow and never widen; more than was granted leaves the token as it is (RFC 6749 §6, RFC 8707 §2.2, OIDC Core §12.2)", async () => {
  const { isolate, client } = await givenProvider({
    resources: ["https://api.example", "https://other.example"],
  });
  const sent = { scope: "openid email", resource: "https://api.example" };
  const { tokens } = await givenGrant(isolate, client, sent);
  expect(claimsIn(tokens.access_token)["aud"]).toBe("https://api.example");
  const refresh = (presented = "", more: Record<string, string> = {}) =>
    exchange(isolate, client, { grant_type: "refresh_token", refresh_token: presented, ...more });
  const token = tokens.refresh_token;
  await expectOauthError(await refresh(token, { scope: "openid profile" }), 400, "invalid_scope");
  await expectOauthError(await refresh(token, { resource: "https://other.example" }), 400, "invalid_target");
  await expectOauthError(await refresh(token, { resource: "https://nobody.example" }), 400, "invalid_target");
  const narrow = await tokensIn(await refresh(token, { scope: "openid", resource: "https://api.example" }));
  expect([narrow.scope, claimsIn(narrow.access_token)["scope"]]).toEqual(["openid", "openid"]);
  const id = claimsIn(narrow.id_token);
  expect(id).toMatchObject({
    sid: claimsIn(tokens.id_token)["sid"],
    auth_time: claimsIn(tokens.id_token)["auth_time"],
  });
  expect(id["nonce"]).toBeUndefined();
  const whole = await tokensIn(await refresh(narrow.refresh_token));
  expect(whole.scope).toBe("openid email");
});

test("nobody gives away what is not theirs: a right that the person has not is left out (RFC 6749 §3.3)", async () => {
  const { isolate, client } = await givenProvider();
  const { tokens } = await givenGrant(isolate, client, { scope: "openid orders.read orders.write" });
  expect(tokens.scope).toBe("openid");
});

test("a public client redeems by its verifier alone, and a loopback port may be any", async () => {
  const { isolate, client } = await givenProvider({ ...publicApp, redirectUris: ["http://localhost/cb"] });
  const { browser } = await givenSignedIn(isolate);
  const redirect = { redirect_uri: "http://localhost:50123/cb" };
  const code = await givenCode(browser, client, redirect);
  await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
  expect((await redeem(isolate, client, code, redirect)).status).toBe(200);
});

test("people of a pairwise client have a name there that no other sector knows (OIDC Core §8.1)", async () => {
  const { isolate, client } = await givenProvider({ subjectType: "pairwise" });
  const { browser, tokens, account } = await givenGrant(isolate, client);
  const other = await givenApp(isolate, {
    subjectType: "pairwise",
    redirectUris: ["https://else.example/cb"],
  });
  const sibling = await givenApp(isolate, { subjectType: "pairwise" });
  const subAt = async (app: typeof client) =>
    claimsIn((await tokensIn(await redeem(isolate, app, await givenCode(browser, app)))).id_token)["sub"];
  const { sub } = claimsIn(tokens.id_token);
  expect(sub).toMatch(/^sub_[0-9A-Za-z]{22}$/);
  expect(sub).not.toBe(account.id);
  expect(await subAt(sibling)).toBe(sub);
  expect(await subAt(other)).not.toBe(sub);
  expect(((await (await userinfo(isolate, tokens.access_token)).json()) as { sub: string }).sub).toBe(sub);
});

test("claims asked for one by one are told where they were asked for, after the person agreed (OIDC Core §5.4, OIDC Core §5.5, OIDC Core §5.5.1)", async () => {
  const { isolate, client } = await givenProvider();
  const claims = JSON.stringify({
    id_token: { email: { essential: true } },
    userinfo: { updated_at: null, name: null },
  });
  const { tokens, account } = await givenGrant(isolate, client, { claims });
  expect(claimsIn(tokens.id_token)).toMatchObject({ email: account.email });
  const told = (await (await userinfo(isolate, tokens.access_token)).json()) as object;
  expect(Object.keys(told).sort()).toEqual(["sub", "updated_at"]);
  const modest = await givenApp(isolate, { scopes: ["openid"] });
  const little = await givenGrant(isolate, modest, { claims });
  expect(claimsIn(little.tokens.id_token)["email"]).toBeUndefined();
});
