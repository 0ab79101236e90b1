import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { issuer } from "../support/given.ts";
import { givenGrant, givenProvider, type TokenSet } from "../support/given-provider.ts";
import { bearerOf, givenSignedInPerson } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

test("userinfo is signed for a client that registered so, and for nobody else (OIDC Core §5.3.2)", async () => {
  for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
    const { isolate, client } = await givenProvider({
      userinfoAlgorithm: algorithm,
      idTokenAlgorithm: algorithm,
    });
    const { tokens, account } = await givenGrant(isolate, client, { scope: "openid email" });
    const told = await isolate.fetch("/oauth/userinfo", { headers: bearerOf(tokens.access_token) });
    expect([told.status, told.headers.get("content-type")]).toEqual([200, "application/jwt"]);
    const keys = createLocalJWKSet((await (await isolate.fetch("/.well-known/jwks.json")).json()) as never);
    const options = {
      issuer,
      audience: client.id,
      algorithms: [algorithm],
      currentDate: new Date(isolate.clock.now()),
    };
    const { payload } = await jwtVerify(await told.text(), keys, options);
    expect(payload).toMatchObject({ sub: account.id, email: account.email });
    const id = await jwtVerify(tokens.id_token ?? "", keys, options);
    // OIDC Core §3.1.3.6: half of SHA-256, or of SHA-512 where that is the signature's own.
    expect(String(id.payload["at_hash"])).toHaveLength(algorithm === "EdDSA" ? 43 : 22);
  }
});

test("userinfo opens to a living access token of openid for us, once, and to no ID token (OIDC Core §5.3, OIDC Core §5.3.1, RFC 6750 §2.2)", async () => {
  const { isolate, client } = await givenProvider({ resources: ["https://api.example"] });
  const { tokens } = await givenGrant(isolate, client);
  const ask = (init: RequestInit) => isolate.fetch("/oauth/userinfo", init);
  const of = (set: TokenSet) => ask({ headers: bearerOf(set.access_token) });
  await expectProblem(await ask({}), 401, "missing_credential");
  const idToken = await ask({ headers: bearerOf(tokens.id_token ?? "") });
  expect(idToken.headers.get("www-authenticate")).toContain('error="invalid_token"');
  await expectProblem(idToken, 401, "invalid_token");
  const body = new URLSearchParams({ access_token: tokens.access_token });
  const both = await ask({ method: "POST", body, headers: bearerOf(tokens.access_token) });
  await expectProblem(both, 400, "several_credentials");
  const elsewhere = await givenGrant(isolate, client, { resource: "https://api.example" });
  await expectProblem(await of(elsewhere.tokens), 401, "invalid_token");
  const narrow = await givenGrant(isolate, client, { scope: "email" });
  const refused = await of(narrow.tokens);
  expect(refused.headers.get("www-authenticate")).toContain('scope="openid"');
  await expectProblem(refused, 403, "insufficient_scope");
  const own = await givenSignedInPerson(isolate);
  await expectProblem(await ask({ headers: bearerOf(own.access_token) }), 403, "insufficient_scope");
});

test("an application in a browser reads userinfo from its own origin, and asks first where it must", async () => {
  const { isolate, client } = await givenProvider();
  const { tokens } = await givenGrant(isolate, client);
  const origin = "https://spa.example";
  const asked = await isolate.fetch("/oauth/userinfo", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "GET" },
  });
  expect([asked.status, asked.headers.get("access-control-allow-headers")]).toEqual([
    204,
    "authorization, dpop",
  ]);
  const told = await isolate.fetch("/oauth/userinfo", {
    headers: { origin, ...bearerOf(tokens.access_token) },
  });
  expect([told.status, told.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect(told.headers.has("access-control-allow-credentials")).toBe(false);
});
