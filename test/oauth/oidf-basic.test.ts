// OpenID Foundation's conformance suite, plan oidcc-basic-certification-test-plan: each test is one module, by its name.
// The same modules make the plan oidcc-formpost-basic: what differs there is the way back, which stands at the end.
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import type { ClientMetadata } from "../../src/oauth/client.ts";
import { type Isolate, issuer } from "../support/given.ts";
import { type Browser, givenBrowser, givenSignedIn } from "../support/given-browser.ts";
import {
  type App,
  answerConsent,
  authorize,
  callback,
  exchange,
  expectOauthError,
  follow,
  givenApp,
  givenProvider,
  requestOf,
  type Sent,
  sentBack,
  type TokenSet,
  tokensIn,
} from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

/** As the suite registers its clients: it sends no PKCE. */
const ofSuite: Partial<ClientMetadata> = {
  requirePkce: false,
  scopes: ["openid", "profile", "email", "address", "phone", "offline_access"],
};
const bare = { code_challenge: null, code_challenge_method: null };

async function givenOp(metadata: Partial<ClientMetadata> = {}) {
  const { isolate, clock, client } = await givenProvider({ ...ofSuite, ...metadata });
  return { isolate, clock, client, ...(await givenSignedIn(isolate)) };
}

/** The answer at the redirect URI, the page of consent answered on the way. */
async function answerTo(browser: Browser, client: App, sent: Sent = {}) {
  const seen = await follow(browser, await authorize(browser, client, { ...bare, ...sent }));
  const isAsked = seen.forms.some(({ action }) => action === "/consent");
  return sentBack(isAsked ? await answerConsent(browser, seen, "allow") : seen).fields;
}

const redeem = (isolate: Isolate, client: App, code: string) =>
  exchange(isolate, client, { grant_type: "authorization_code", code, redirect_uri: callback });

async function verified(isolate: Isolate, client: App, token = "") {
  const keys = await (await isolate.fetch("/.well-known/jwks.json")).json();
  const currentDate = new Date(isolate.clock.now());
  const options = { issuer, audience: client.id, algorithms: ["RS256"], currentDate };
  return await jwtVerify(token, createLocalJWKSet(keys as never), options);
}

/** Code, tokens, ID token and userinfo, each held to what the suite checks on the way. */
async function flow(isolate: Isolate, browser: Browser, client: App, sent: Sent = {}) {
  const fields = await answerTo(browser, client, sent);
  expect([fields.get("state"), fields.get("iss"), fields.get("error")]).toEqual(["a state", issuer, null]);
  const code = fields.get("code") ?? "";
  expect(new Set(code).size).toBeGreaterThan(16);
  const tokens = await tokensIn(await redeem(isolate, client, code));
  expect(tokens.expires_in).toBeGreaterThan(0);
  const { payload, protectedHeader } = await verified(isolate, client, tokens.id_token);
  const told = await isolate.fetch("/oauth/userinfo", { headers: bearerOf(tokens.access_token) });
  const userinfo = (await told.json()) as Record<string, unknown>;
  expect([told.status, userinfo["sub"]]).toEqual([200, payload.sub]);
  return { code, tokens, payload, header: protectedHeader, userinfo };
}

test("oidcc-server", async () => {
  const { isolate, client, browser } = await givenOp();
  const { payload, tokens } = await flow(isolate, browser, client);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(tokens.access_token));
  const half = btoa(String.fromCharCode(...new Uint8Array(hash).slice(0, 16)));
  expect(payload["at_hash"]).toBe(half.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""));
  expect(payload["nonce"]).toBe("a nonce");
  const known = "acr amr at_hash aud auth_time exp iat iss nonce sid sub".split(" ");
  expect(Object.keys(payload).sort()).toEqual(known);
  const second = await givenApp(isolate, ofSuite);
  const other = await flow(isolate, browser, second);
  await expectOauthError(
    await exchange(isolate, second, {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token ?? "",
    }),
    400,
    "invalid_grant",
  );
  expect(other.payload.sub).toBe(payload.sub);
});

test("oidcc-response-type-missing", async () => {
  const { client, browser } = await givenOp();
  const fields = await answerTo(browser, client, { response_type: null });
  expect([fields.get("error"), fields.get("code"), fields.get("iss")]).toEqual([
    "invalid_request",
    null,
    issuer,
  ]);
});

test("oidcc-idtoken-signature", async () => {
  const { isolate, client, browser } = await givenOp();
  expect((await flow(isolate, browser, client)).header).toMatchObject({
    alg: "RS256",
    kid: expect.any(String),
  });
});

test("oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body", async () => {
  const { isolate, client, browser } = await givenOp();
  const { tokens, payload } = await flow(isolate, browser, client);
  const headers = bearerOf(tokens.access_token);
  const body = new URLSearchParams({ access_token: tokens.access_token });
  for (const init of [{ headers }, { method: "POST", headers }, { method: "POST", body }]) {
    const told = await isolate.fetch("/oauth/userinfo", init);
    expect([told.status, await told.json()]).toEqual([200, { sub: payload.sub }]);
  }
});

test("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", async () => {
  const { isolate, client, browser } = await givenOp();
  expect((await flow(isolate, browser, client, { nonce: null })).payload["nonce"]).toBeUndefined();
});

test("oidcc-scope-profile, -email, -address, -phone, -all", async () => {
  const { isolate, client, browser, email } = await givenOp();
  for (const scope of ["profile", "email", "address", "phone", "profile email address phone"]) {
    const { userinfo, tokens } = await flow(isolate, browser, client, { scope: `openid ${scope}` });
    expect(tokens.scope).toBe(`openid ${scope}`);
    expect(userinfo["email"]).toBe(scope.includes("email") ? email : undefined);
    expect(typeof userinfo["updated_at"]).toBe(scope.includes("profile") ? "number" : "undefined");
  }
});

test("oidcc-alternate-happy-flow", async () => {
  const { isolate, client, browser } = await givenOp();
  const request = await requestOf(client, { ...bare, scope: "email openid" });
  const reversed = new URLSearchParams([...request].reverse());
  const seen = await follow(browser, await browser.open(`/oauth/authorize?${reversed}`));
  const { fields } = sentBack(await answerConsent(browser, seen, "allow"));
  expect((await redeem(isolate, client, fields.get("code") ?? "")).status).toBe(200);
});

test("oidcc-display-page, -display-popup, -login-hint, -ui-locales, -claims-locales, -ensure-request-with-unknown-parameter-succeeds", async () => {
  const { isolate, client, browser, email } = await givenOp();
  for (const sent of [
    { display: "page" },
    { display: "popup" },
    { login_hint: email },
    { ui_locales: "se" },
    { claims_locales: "se" },
    { extra: "foobar" },
  ])
    expect((await flow(isolate, browser, client, sent)).tokens.scope).toBe("openid");
});

/** Proves anew on the page that asks for it, and goes on to the client. */
async function proveAnew(browser: Browser, client: App, sent: Sent, password: string) {
  const page = await follow(browser, await authorize(browser, client, { ...bare, ...sent }));
  const form = page.forms.find(({ action }) => action === "/login/again");
  expect(form, page.html.slice(0, 300)).toBeDefined();
  return sentBack(await follow(browser, await browser.post("/login/again", { ...form?.hidden, password })))
    .fields;
}

for (const [module, sent, seconds] of [
  ["oidcc-prompt-login", { prompt: "login" }, 2],
  ["oidcc-max-age-1", { max_age: "1" }, 2],
] as const) {
  test(module, async () => {
    const { isolate, clock, client, browser, password } = await givenOp();
    const first = await flow(isolate, browser, client);
    clock.advance(seconds * 1000);
    const fields = await proveAnew(browser, client, sent, password);
    const tokens = await tokensIn(await redeem(isolate, client, fields.get("code") ?? ""));
    const { payload } = await verified(isolate, client, tokens.id_token);
    expect(payload.sub).toBe(first.payload.sub);
    expect(Number(payload["auth_time"])).toBeGreaterThan(Number(first.payload["auth_time"]));
  });
}

test("oidcc-prompt-none-not-logged-in", async () => {
  const { isolate, client } = await givenOp();
  const fields = await answerTo(givenBrowser(isolate), client, { prompt: "none" });
  expect([fields.get("error"), fields.get("code"), fields.get("state")]).toEqual([
    "login_required",
    null,
    "a state",
  ]);
});

test("oidcc-prompt-none-logged-in, oidcc-max-age-10000, oidcc-id-token-hint", async () => {
  const { isolate, clock, client, browser } = await givenOp();
  const first = await flow(isolate, browser, client);
  clock.advance(60_000);
  for (const sent of [
    { prompt: "none" },
    { max_age: "10000" },
    { prompt: "none", id_token_hint: first.tokens.id_token ?? "" },
  ]) {
    const { payload } = await flow(isolate, browser, client, sent);
    expect([payload.sub, payload["auth_time"]]).toEqual([first.payload.sub, first.payload["auth_time"]]);
  }
});

test("oidcc-ensure-request-with-acr-values-succeeds", async () => {
  const { isolate, client, browser } = await givenOp();
  const { payload } = await flow(isolate, browser, client, { acr_values: "one-factor two-factor" });
  expect(payload["acr"]).toBe("one-factor");
});

for (const [module, seconds] of [
  ["oidcc-codereuse", 0],
  ["oidcc-codereuse-30seconds", 30],
] as const) {
  test(module, async () => {
    const { isolate, clock, client, browser } = await givenOp();
    const { code, tokens } = await flow(isolate, browser, client);
    clock.advance(seconds * 1000);
    await expectOauthError(await redeem(isolate, client, code), 400, "invalid_grant");
    await isolate.settle();
    const told = await isolate.fetch("/oauth/userinfo", { headers: bearerOf(tokens.access_token) });
    expect(told.status).toBe(401);
  });
}

test("oidcc-ensure-registered-redirect-uri", async () => {
  const { client, browser } = await givenOp();
  const { answer } = await authorize(browser, client, { ...bare, redirect_uri: `${callback}/unregistered` });
  expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  expect(answer.headers.get("content-type")).toContain("text/html");
});

test("oidcc-ensure-post-request-succeeds", async () => {
  const { client, browser } = await givenOp({ firstParty: true });
  const request = await requestOf(client, bare);
  const posted = await browser.post("/oauth/authorize", Object.fromEntries(request), {
    origin: "https://app.example",
  });
  expect(sentBack(await follow(browser, posted)).fields.get("code")).toMatch(/^gc_/);
});

test("oidcc-server-client-secret-post", async () => {
  const { isolate, client, browser } = await givenOp({ authenticationMethod: "client_secret_post" });
  const code = (await answerTo(browser, client)).get("code") ?? "";
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    redirect_uri: callback,
    client_id: client.id,
    client_secret: client.secret,
  });
  expect((await isolate.fetch("/oauth/token", { method: "POST", body })).status).toBe(200);
});

test("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", async () => {
  const { client, browser } = await givenOp();
  const fields = await answerTo(browser, client, { request_uri: "https://app.example/request.jwt" });
  expect([fields.get("error"), fields.get("state")]).toEqual(["request_uri_not_supported", "a state"]);
});

test("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", async () => {
  const { client, browser } = await givenOp();
  const fields = await answerTo(browser, client, {
    request: `${btoa('{"alg":"none"}').replace(/=+$/, "")}.e30.`,
  });
  expect([fields.get("error"), fields.get("code")]).toEqual(["request_not_supported", null]);
});

test("oidcc-claims-essential", async () => {
  const { isolate, client, browser } = await givenOp();
  const claims = JSON.stringify({ userinfo: { name: { essential: true }, email: { essential: true } } });
  expect((await flow(isolate, browser, client, { claims })).userinfo["email_verified"]).toBeUndefined();
});

test("oidcc-refresh-token", async () => {
  const { isolate, clock, client, browser } = await givenOp();
  const first = await flow(isolate, browser, client, { scope: "openid offline_access" });
  clock.advance(1000);
  const refresh_token = first.tokens.refresh_token ?? "";
  expect(refresh_token).toMatch(/^[\x20-\x7e]+$/);
  const renewed = await tokensIn(
    await exchange(isolate, client, { grant_type: "refresh_token", refresh_token }),
  );
  const { payload } = await verified(isolate, client, renewed.id_token);
  const same = ({ iss, sub, aud, auth_time }: TokenSet & Record<string, unknown>) => [
    iss,
    sub,
    aud,
    auth_time,
  ];
  expect(same(payload as never)).toEqual(same(first.payload as never));
  expect(Number(payload.iat)).toBeGreaterThan(Number(first.payload.iat));
  const second = await givenApp(isolate, ofSuite);
  const stolen = await exchange(isolate, second, {
    grant_type: "refresh_token",
    refresh_token: renewed.refresh_token ?? "",
  });
  await expectOauthError(stolen, 400, "invalid_grant");
});

test("oidcc-ensure-request-with-valid-pkce-succeeds", async () => {
  const { isolate, client, browser } = await givenOp();
  const code = sentBack(
    await answerConsent(browser, await follow(browser, await authorize(browser, client)), "allow"),
  ).fields.get("code");
  const request = { grant_type: "authorization_code", code: code ?? "", redirect_uri: callback };
  const code_verifier = "a-verifier-of-forty-three-characters-or-more-0123";
  expect((await exchange(isolate, client, { ...request, code_verifier })).status).toBe(200);
});

test("oidcc-formpost-basic: what is posted to the client is a code that is good, and nothing leaks into its address", async () => {
  const { isolate, client, browser } = await givenOp({ firstParty: true });
  const { answer, forms } = await authorize(browser, client, { ...bare, response_mode: "form_post" });
  const form = forms.find(({ action }) => action === callback);
  expect([answer.status, form?.hidden["state"], form?.hidden["iss"]]).toEqual([200, "a state", issuer]);
  expect((await redeem(isolate, client, form?.hidden["code"] ?? "")).status).toBe(200);
  const nobody = await authorize(givenBrowser(isolate), client, {
    ...bare,
    response_mode: "form_post",
    prompt: "none",
  });
  const refused = nobody.forms.find(({ action }) => action === callback);
  expect([refused?.hidden["error"], refused?.hidden["code"]]).toEqual(["login_required", undefined]);
});
