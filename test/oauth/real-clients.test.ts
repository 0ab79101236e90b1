// Libraries that applications really use, in their strictest mode, through real HTTP answers.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { expect, test } from "vitest";
import { givenIsolate, type Isolate, issuer } from "../support/given.ts";
import { type Browser, givenSignedIn } from "../support/given-browser.ts";
import { givenClient, givenKeyClient } from "../support/given-clients.ts";
import {
  answerConsent,
  callback,
  follow,
  givenProvider,
  publicApp,
  sentBack,
} from "../support/given-provider.ts";

/** What these libraries call instead of the network. */
const fetchOf = (isolate: Isolate) => (url: string, init: RequestInit) => isolate.fetch(url, init);

async function throughBrowser(browser: Browser, to: URL): Promise<URL> {
  const first = await follow(
    browser,
    await browser.open(`${to.pathname}${to.search}`, { "sec-fetch-site": "cross-site" }),
  );
  const isAsked = first.forms.some(({ action }) => action === "/consent");
  const { fields } = sentBack(isAsked ? await answerConsent(browser, first, "allow") : first);
  return new URL(`${callback}?${fields}`);
}

test("openid-client: discovery, a code with PKCE, state and nonce, userinfo, refresh, revocation and the end of the session", async () => {
  const after = "https://app.example/out";
  const { isolate, client } = await givenProvider({ postLogoutRedirectUris: [after] });
  const { browser, account } = await givenSignedIn(isolate);
  const config = await openid.discovery(
    new URL(issuer),
    client.id,
    client.secret,
    openid.ClientSecretBasic(),
    {
      [openid.customFetch]: fetchOf(isolate) as never,
    },
  );
  const code_verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const to = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: "openid email offline_access",
    code_challenge: await openid.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    max_age: "3600",
  });
  const back = await throughBrowser(browser, to);
  const checks = {
    pkceCodeVerifier: code_verifier,
    expectedState: state,
    expectedNonce: nonce,
    maxAge: 3600,
    idTokenExpected: true,
  };
  const tokens = await openid.authorizationCodeGrant(config, back, checks);
  expect(tokens.claims()).toMatchObject({ sub: account.id, aud: client.id, nonce });
  const info = await openid.fetchUserInfo(config, tokens.access_token, account.id);
  expect(info.email).toBe(account.email);
  const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "", { scope: "openid" });
  expect([renewed.scope, renewed.claims()?.sub]).toEqual(["openid", account.id]);
  await openid.tokenRevocation(config, renewed.refresh_token ?? "");
  await expect(openid.refreshTokenGrant(config, renewed.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
  const end = openid.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? "",
    post_logout_redirect_uri: after,
    state: "bye",
  });
  const left = await browser.open(`${end.pathname}${end.search}`, { "sec-fetch-site": "cross-site" });
  expect(left.answer.headers.get("location")).toBe(`${after}?state=bye`);
});

test("oauth4webapi: a public client checks every answer, the one by form_post and the error with its issuer too", async () => {
  const { isolate, client } = await givenProvider(publicApp);
  const { browser, account } = await givenSignedIn(isolate);
  const options = { [oauth.customFetch]: fetchOf(isolate) as never };
  const at = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(
    at,
    await oauth.discoveryRequest(at, { ...options, algorithm: "oauth2" }),
  );
  const self: oauth.Client = { client_id: client.id };
  const code_verifier = oauth.generateRandomCodeVerifier();
  const to = new URL(as.authorization_endpoint ?? "");
  to.search = new URLSearchParams({
    client_id: client.id,
    redirect_uri: callback,
    response_type: "code",
    scope: "openid email",
    state: "s",
    nonce: "n",
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: "S256",
  }).toString();
  const params = oauth.validateAuthResponse(as, self, await throughBrowser(browser, to), "s");
  const answer = await oauth.authorizationCodeGrantRequest(
    as,
    self,
    oauth.None(),
    params,
    callback,
    code_verifier,
    options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(as, self, answer, {
    expectedNonce: "n",
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(as, answer, options);
  const told = await oauth.userInfoRequest(as, self, tokens.access_token, options);
  expect(await oauth.processUserInfoResponse(as, self, account.id, told)).toMatchObject({
    email: account.email,
  });
  to.searchParams.set("scope", "openid orders.nobody");
  const refused = await throughBrowser(browser, to);
  expect(() => oauth.validateAuthResponse(as, self, refused, "s")).toThrow(oauth.AuthorizationResponseError);
  const silent = await oauth.authorizationCodeGrantRequest(
    as,
    self,
    oauth.None(),
    params,
    callback,
    code_verifier,
    options,
  );
  await expect(oauth.processAuthorizationCodeResponse(as, self, silent)).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

test("oauth4webapi: a machine by its own key, or by a secret in the body: tokens, introspection signed and plain, revocation", async () => {
  const isolate = await givenIsolate();
  const [byKey, byPost] = [
    await givenKeyClient(isolate),
    await givenClient(isolate, { authenticationMethod: "client_secret_post" }),
  ];
  const options = { [oauth.customFetch]: fetchOf(isolate) as never };
  const at = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, options));
  const clients = [
    [byKey.id, oauth.PrivateKeyJwt({ key: byKey.privateKey, kid: "one" })],
    [byPost.id, oauth.ClientSecretPost(byPost.secret)],
  ] as const;
  for (const [id, proof] of clients) {
    const self: oauth.Client = { client_id: id, introspection_signed_response_alg: "RS256" };
    const asked = await oauth.clientCredentialsGrantRequest(
      as,
      self,
      proof,
      { scope: "orders.read" },
      options,
    );
    const { access_token, scope } = await oauth.processClientCredentialsResponse(as, self, asked);
    expect(scope).toBe("orders.read");
    for (const requestJwtResponse of [false, true]) {
      const told = await oauth.introspectionRequest(as, self, proof, access_token, {
        ...options,
        requestJwtResponse,
      });
      const shown = await oauth.processIntrospectionResponse(as, self, told);
      expect(shown).toMatchObject({ active: true, sub: id, client_id: id, scope: "orders.read" });
      if (requestJwtResponse) await oauth.validateApplicationLevelSignature(as, told, options);
    }
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, self, proof, access_token, options),
    );
    const dead = await oauth.introspectionRequest(as, self, proof, access_token, {
      ...options,
      requestJwtResponse: false,
    });
    expect(await oauth.processIntrospectionResponse(as, self, dead)).toEqual({ active: false });
  }
});
