import { expect, test } from "vitest";
import { givenRoute, issuer } from "../support/given.ts";
import { givenProvider } from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";
import { givenAccessToken } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

test("oidcc-discovery-endpoint-verification: both documents say the same, of this issuer, and only what is there (RFC 8414 §2)", async () => {
  const { isolate } = await givenProvider();
  const answers = await Promise.all(
    ["openid-configuration", "oauth-authorization-server"].map((name) =>
      isolate.fetch(`/.well-known/${name}`),
    ),
  );
  const [oidc, oauth] = (await Promise.all(answers.map((answer) => answer.json()))) as Record<
    string,
    unknown
  >[];
  expect(oauth).toEqual(oidc);
  for (const { status, headers } of answers) {
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("cache-control")).toMatch(/^public, max-age=\d+$/);
  }
  expect(oidc).toMatchObject({
    issuer,
    response_types_supported: ["code"],
    response_modes_supported: ["query", "fragment", "form_post"],
    code_challenge_methods_supported: ["S256"],
    subject_types_supported: ["public", "pairwise"],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    claims_parameter_supported: true,
    authorization_response_iss_parameter_supported: true,
    end_session_endpoint: `${issuer}/oauth/logout`,
  });
  expect(oidc?.["id_token_signing_alg_values_supported"]).toEqual(["RS256", "ES256", "EdDSA"]);
  expect(oidc?.["grant_types_supported"]).toEqual(
    expect.arrayContaining(["authorization_code", "refresh_token"]),
  );
  expect(oidc?.["scopes_supported"]).toEqual(["openid", "profile", "email", "offline_access"]);
  const known = new Set(isolate.endpoints.map(({ path }) => path));
  const endpoints = Object.entries(oidc ?? {}).filter(
    ([name]) => name.endsWith("_endpoint") || name === "jwks_uri",
  );
  expect(endpoints.length).toBeGreaterThanOrEqual(5);
  for (const [name, uri] of endpoints)
    expect([name, known.has(String(uri).slice(issuer.length))]).toEqual([name, true]);
});

test("a gateway route tells as a protected resource who gives tokens for it (RFC 9728 §2, RFC 9728 §3.1)", async () => {
  const { isolate } = await givenProvider();
  const route = await givenRoute(isolate, { credentials: ["access-token"], scopes: ["tools.call"] });
  const at = `/.well-known/oauth-protected-resource${route.url}`;
  const told = await isolate.fetch(at);
  expect([told.status, told.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect(await told.json()).toEqual({
    resource: `${issuer}${route.url}`,
    authorization_servers: [issuer],
    bearer_methods_supported: ["header"],
    resource_name: route.name,
    scopes_supported: ["tools.call"],
  });
  expect(await (await isolate.fetch("/.well-known/oauth-protected-resource")).json()).toMatchObject({
    resource: issuer,
  });
  const closed = await givenRoute(isolate, { credentials: ["api-key"] });
  for (const path of [closed.url, `${route.url}/deeper`, "/gateway/nobody"])
    await expectProblem(
      await isolate.fetch(`/.well-known/oauth-protected-resource${path}`),
      404,
      "not_found",
    );
});

test("a refusal at a route points there, and one without a token names every scope at once (RFC 9728 §5.1)", async () => {
  const { isolate } = await givenProvider();
  const scopes = ["tools.list", "tools.call"];
  const route = await givenRoute(isolate, { credentials: ["access-token"], scopes, level: "two-factor" });
  const pointer = `resource_metadata="${issuer}/.well-known/oauth-protected-resource${route.url}"`;
  const call = (token?: string) =>
    isolate.fetch(route.url, token === undefined ? {} : { headers: bearerOf(token) });
  const challenges = async (answer: Response) => [answer.status, answer.headers.get("www-authenticate")];
  const realm = 'Bearer realm="gatehouse"';
  expect(await challenges(await call())).toEqual([
    401,
    `${realm}, scope="tools.list tools.call", ${pointer}`,
  ]);
  expect(await challenges(await call("nonsense"))).toEqual([
    401,
    `${realm}, error="invalid_token", ${pointer}`,
  ]);
  const narrow = await givenAccessToken(isolate, { scopes: ["tools.list"], acr: "two-factor" });
  expect(await challenges(await call(narrow.accessToken))).toEqual([
    403,
    `${realm}, error="insufficient_scope", scope="tools.list tools.call", ${pointer}`,
  ]);
  const weak = await givenAccessToken(isolate, { scopes });
  const stepUp = await call(weak.accessToken);
  expect(stepUp.headers.get("www-authenticate")).toMatch(
    /insufficient_user_authentication.*acr_values="two-factor", resource_metadata=/,
  );
  expect(stepUp.headers.get("www-authenticate")?.endsWith(pointer)).toBe(true);
  const keys = await givenRoute(isolate, { credentials: ["api-key"] });
  expect((await isolate.fetch(keys.url)).headers.get("www-authenticate")).toBe(realm);
});
