import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";

type Client = { client_id: string; client_secret?: string } & Record<string, unknown>;

const secretShape = /^gcs_[0-9A-Za-z]{43}$/;
const shop = { client_name: "Shop", redirect_uris: ["https://shop.example/cb"] };
const machine = { client_name: "Machine", grant_types: ["client_credentials"] };

/** Everything that the wire says, each other than it is by default. */
const everything = async () => ({
  client_name: "Whole",
  client_uri: "https://shop.example/",
  logo_uri: "https://shop.example/logo.png",
  policy_uri: "https://shop.example/policy",
  tos_uri: "https://shop.example/tos",
  contacts: ["it@shop.example"],
  redirect_uris: ["https://shop.example/cb", "https://shop.example/cb2"],
  post_logout_redirect_uris: ["https://shop.example/out"],
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  response_types: ["code"],
  token_endpoint_auth_method: "private_key_jwt",
  jwks: { keys: [await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey)] },
  jwks_uri: null,
  scope: "openid orders.read",
  resources: ["https://api.shop.example/"],
  subject_type: "pairwise",
  sector_identifier_uri: "https://shop.example/sector.json",
  id_token_signed_response_alg: "ES256",
  userinfo_signed_response_alg: "RS256",
  access_token_signed_response_alg: "EdDSA",
  default_max_age: 600,
  require_auth_time: true,
  default_acr_values: ["two-factor"],
  backchannel_logout_uri: "https://shop.example/logout",
  backchannel_logout_session_required: true,
  initiate_login_uri: "https://shop.example/login",
  require_pushed_authorization_requests: false,
  require_pkce: false,
  first_party: true,
});

test("a registration answers 201 with what is registered, every default said aloud, and the secret this once (RFC 7591 §3.2.1)", async () => {
  const { ask, isolate } = await givenOperator();
  const at = isolate.clock.now();
  const made = await ask<Client>(201, "POST", "/clients", shop);
  const { client_secret: secret, client_secret_expires_at: end, ...client } = made;
  expect([secret, end]).toEqual([expect.stringMatching(secretShape), 0]);
  expect(client).toEqual({
    client_id: expect.stringMatching(/^cli_[0-9A-Za-z]{22}$/),
    client_id_issued_at: Math.floor(at / 1000),
    client_name: "Shop",
    client_uri: null,
    logo_uri: null,
    policy_uri: null,
    tos_uri: null,
    contacts: [],
    redirect_uris: shop.redirect_uris,
    post_logout_redirect_uris: [],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
    jwks: null,
    jwks_uri: null,
    scope: "",
    resources: [],
    subject_type: "public",
    sector_identifier_uri: null,
    id_token_signed_response_alg: "RS256",
    userinfo_signed_response_alg: null,
    access_token_signed_response_alg: "RS256",
    default_max_age: null,
    require_auth_time: false,
    default_acr_values: [],
    backchannel_logout_uri: null,
    backchannel_logout_session_required: false,
    initiate_login_uri: null,
    require_pushed_authorization_requests: false,
    require_pkce: true,
    first_party: false,
    secrets: [{ created_at: new Date(at).toISOString(), expires_at: null }],
    enabled: true,
    registered_by: "operator",
    created_at: new Date(at).toISOString(),
    updated_at: new Date(at).toISOString(),
  });
  expect(await ask(200, "GET", `/clients/${made.client_id}`)).toEqual(client);
  const { data } = await ask<{ data: Client[] }>(200, "GET", "/clients?limit=1");
  expect(data).toEqual([client]);
});

test("every member is kept as given, and a PATCH changes only what it names", async () => {
  const { ask } = await givenOperator();
  const given = await everything();
  const made = await ask<Client>(201, "POST", "/clients", given);
  expect(made).toMatchObject({ ...given, secrets: [] });
  expect(made.client_secret).toBeUndefined();
  const changed = await ask<Client>(200, "PATCH", `/clients/${made.client_id}`, { client_name: "Renamed" });
  expect(changed).toMatchObject({ ...given, client_name: "Renamed" });
  const { client_secret: secret } = await ask<Client>(200, "PATCH", `/clients/${made.client_id}`, {
    token_endpoint_auth_method: "client_secret_post",
  });
  expect(secret).toMatch(secretShape);
});

test("a rotation shows one more secret, the overlap ends the old one, and a deleted client is gone", async () => {
  const { ask, call, isolate } = await givenOperator();
  const { client_id: id, client_secret: first } = await ask<Client>(201, "POST", "/clients", machine);
  const rotated = await ask<Client>(201, "POST", `/clients/${id}/rotate-secret`, { overlap_seconds: 60 });
  expect(rotated.client_secret).toMatch(secretShape);
  expect(rotated.client_secret).not.toBe(first);
  expect(rotated["secrets"]).toMatchObject([
    { expires_at: new Date(isolate.clock.now() + 60_000).toISOString() },
    { expires_at: null },
  ]);
  expect(await ask(200, "DELETE", `/clients/${id}`)).toEqual({
    effective_everywhere_by: expect.any(String),
  });
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { enabled: true }],
    ["DELETE", "", undefined],
    ["POST", "/rotate-secret", {}],
  ] as const)
    await expectProblem(await call(method, `/clients/${id}${path}`, body), 404, "not_found");
  const publicOne = await ask<Client>(201, "POST", "/clients", {
    ...shop,
    token_endpoint_auth_method: "none",
  });
  await expectProblem(
    await call("POST", `/clients/${publicOne.client_id}/rotate-secret`, {}),
    409,
    "conflict",
  );
});

test("a list of clients is walked by its cursor to the end", async () => {
  const { ask, isolate } = await givenOperator();
  const made: string[] = [];
  for (let one = 0; one < 3; one += 1) {
    isolate.clock.advance(1);
    made.unshift((await ask<Client>(201, "POST", "/clients", machine)).client_id);
  }
  const page = await ask<{ data: Client[]; next_cursor: string }>(200, "GET", "/clients?limit=2");
  const next = await ask<{ data: Client[] }>(200, "GET", `/clients?limit=1&cursor=${page.next_cursor}`);
  expect([...page.data, ...next.data].map(({ client_id }) => client_id)).toEqual(made);
});

const canary = "canary-4f1d";
const rsa = { kty: "RSA", e: "AQAB", n: "A".repeat(342) };
const ec = { kty: "EC", crv: "P-256", x: "x", y: "y" };

/** RFC 7591 §3.2.2 and RFC 7591 §2.1: the word, and the member that is named. */
const refused: [error: string, member: string, given: Record<string, unknown>][] = [
  ["invalid_redirect_uri", "redirect_uris", { redirect_uris: [] }],
  ...[
    `javascript:${canary}`,
    `data:text/html,${canary}`,
    `http://shop.example/${canary}`,
    `https://*.shop.example/${canary}`,
    `https://shop.example/cb#${canary}`,
    `https://${canary}@shop.example/`,
    `${canary}://cb`,
  ].map((uri): [string, string, Record<string, unknown>] => [
    "invalid_redirect_uri",
    "redirect_uris",
    { redirect_uris: [uri] },
  ]),
  ["invalid_redirect_uri", "redirect_uris", { redirect_uris: ["https://a.example/", "https://a.example/"] }],
  ["invalid_redirect_uri", "post_logout_redirect_uris", { post_logout_redirect_uris: [`http://${canary}/`] }],
  ["invalid_client_metadata", "client_name", { client_name: `a\u200b${canary}` }],
  ["invalid_client_metadata", "grant_types", { grant_types: [] }],
  ["invalid_client_metadata", "response_types", { response_types: [] }],
  ["invalid_client_metadata", "response_types", { ...machine, response_types: ["code"] }],
  [
    "invalid_client_metadata",
    "grant_types",
    { grant_types: ["client_credentials", "refresh_token"], response_types: [] },
  ],
  [
    "invalid_client_metadata",
    "grant_types",
    { grant_types: ["authorization_code", "client_credentials"], token_endpoint_auth_method: "none" },
  ],
  ["invalid_client_metadata", "require_pkce", { require_pkce: false, token_endpoint_auth_method: "none" }],
  ["invalid_client_metadata", "jwks", { token_endpoint_auth_method: "private_key_jwt" }],
  ["invalid_client_metadata", "jwks_uri", { jwks_uri: "https://shop.example/jwks" }],
  ...[
    [],
    [{ ...ec, d: canary }],
    [{ kty: "oct", k: canary }],
    [{ kty: "EC", crv: "P-521", x: "x", y: "y" }],
    [{ ...rsa, n: "AQAB" }],
    [ec, ec],
    [[canary]],
  ].map((keys): [string, string, Record<string, unknown>] => [
    "invalid_client_metadata",
    "jwks",
    { jwks: { keys } },
  ]),
  ["invalid_client_metadata", "logo_uri", { logo_uri: `javascript:${canary}` }],
  ["invalid_client_metadata", "backchannel_logout_uri", { backchannel_logout_uri: `http://${canary}/` }],
  ["invalid_client_metadata", "scope", { scope: `a"${canary}` }],
  ["invalid_client_metadata", "scope", { scope: "a a" }],
  ["invalid_client_metadata", "resources", { resources: [canary] }],
  ["invalid_client_metadata", "resources", { resources: ["https://a.example/#x"] }],
  // OIDC Core §8.1.
  [
    "invalid_client_metadata",
    "sector_identifier_uri",
    { subject_type: "pairwise", redirect_uris: ["https://a.example/", "https://b.example/"] },
  ],
  ["invalid_request", "grant_types.0", { grant_types: ["password"] }],
  ["invalid_request", "response_types.0", { response_types: ["token"] }],
  ["invalid_request", "client_id", { client_id: "cli_mine" }],
  ["invalid_request", "trusted", { trusted: true }],
];

describe("what is refused", () => {
  test.each(
    refused.map(([error, member, given]) => ({ error, member, given, shown: JSON.stringify(given) })),
  )(
    "$shown is $error, named $member, never with the value, when made and when changed",
    async ({ error, member, given }) => {
      const { ask, call } = await givenOperator();
      const { client_id: id } = await ask<Client>(201, "POST", "/clients", shop);
      const before = await ask(200, "GET", `/clients/${id}`);
      for (const answer of [
        await call("POST", "/clients", { ...shop, ...given }),
        await call("PATCH", `/clients/${id}`, given),
      ]) {
        const { detail } = await expectProblem(answer, 400, error);
        expect(detail).toMatch(new RegExp(`(^|; )${member}: `));
        expect(detail).not.toContain(canary);
      }
      expect(await ask(200, "GET", `/clients/${id}`)).toEqual(before);
    },
  );
});
