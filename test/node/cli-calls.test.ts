import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { operations } from "../../src/admin/operations.ts";
import {
  clientId,
  givenGatehouse,
  jti,
  key,
  keyId,
  problem,
  routeId,
  run,
  sessionId,
  userId,
} from "./command-line.ts";

const directory = mkdtempSync(join(tmpdir(), "gatehouse-cli-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function givenFile(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const asked: Readonly<Record<keyof typeof operations, readonly string[]>> = {
  createKey: ["keys", "create", "--name", "a", "--owner", "user:u1"],
  importKeys: ["keys", "import", givenFile("empty.json", "[]")],
  listKeys: ["keys", "list"],
  getKey: ["keys", "show", keyId],
  updateKey: ["keys", "disable", keyId],
  rotateKey: ["keys", "rotate", keyId],
  revokeKey: ["keys", "revoke", keyId],
  deleteKey: ["keys", "delete", keyId],
  revokeOwnerKeys: ["keys", "revoke-owner", "user:u1"],
  createRoute: [
    "routes",
    "create",
    "--name",
    "a",
    "--path",
    "/a",
    "--service",
    "A",
    "--credential",
    "public",
  ],
  listRoutes: ["routes", "list"],
  getRoute: ["routes", "show", routeId],
  updateRoute: ["routes", "update", routeId, "--timeout", "5s"],
  deleteRoute: ["routes", "delete", routeId],
  createClient: ["clients", "create", "--name", "a"],
  listClients: ["clients", "list"],
  getClient: ["clients", "show", clientId],
  listLogoutNotices: ["clients", "logouts", clientId],
  updateClient: ["clients", "disable", clientId],
  rotateClientSecret: ["clients", "rotate-secret", clientId],
  deleteClient: ["clients", "delete", clientId],
  listSigningKeys: ["signing-keys", "list"],
  rotateSigningKeys: ["signing-keys", "rotate"],
  createUser: ["users", "create", "--email", "ana@example.com"],
  listUsers: ["users", "list"],
  getUser: ["users", "show", userId],
  updateUser: ["users", "disable", userId],
  deleteUser: ["users", "delete", userId],
  logOutUser: ["users", "logout", userId],
  listUserSessions: ["sessions", "list", userId],
  endUserSession: ["sessions", "end", sessionId, "--user", userId],
  listUserFactors: ["users", "factors", userId],
  resetUserFactors: ["users", "reset-factors", userId],
  revokeTokens: ["tokens", "revoke", "--jti", jti],
  listEvents: ["audit", "list"],
};

describe("the management API", () => {
  test.each(Object.entries(operations))(
    "%s is reached by a command, and its refusal is told in one sentence with the request's id",
    async (operationId, { method, path }) => {
      await using gatehouse = await givenGatehouse(problem);
      const typed = asked[operationId as keyof typeof operations];
      const { code, out, err } = await run(typed, gatehouse.environment);
      expect(gatehouse.sent).toHaveLength(1);
      expect(gatehouse.sent[0]?.method).toBe(method.toUpperCase());
      expect(gatehouse.sent[0]?.path).toMatch(new RegExp(`^/admin/v1${path.replaceAll(/:\w+/g, "[^/]+")}$`));
      expect(gatehouse.sent[0]?.request.headers.authorization).toBe(`Bearer ${key}`);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toBe("Refused: the key is revoked (409, conflict, request req_7).");
    },
  );
});

describe("what is sent", () => {
  const limits = ["--limit", "a=5/1m", "--limit", "b=9/1h"];
  const sentLimits = [
    { name: "a", limit: 5, window_seconds: 60 },
    { name: "b", limit: 9, window_seconds: 3600 },
  ];

  test.each([
    [asked.createKey, { name: "a", owner: { type: "user", id: "u1" } }],
    [
      [
        ...["keys", "create", "--name", "a b", "--owner", "service:x:y", "--environment", "test", ...limits],
        ...[
          "--scope",
          "r",
          "--scope",
          "w",
          "--expires",
          "1d",
          "--allow",
          "10.0.0.0/8",
          "--metadata",
          '{"k":1}',
        ],
      ],
      {
        name: "a b",
        owner: { type: "service", id: "x:y" },
        environment: "test",
        scopes: ["r", "w"],
        expires_at: "2026-11-25T12:00:00.000Z",
        allowed_addresses: ["10.0.0.0/8"],
        limits: sentLimits,
        metadata: { k: 1 },
      },
    ],
    [
      [
        ...["users", "create", "--email", "ana@example.com", "--scope", "r", "--scope", "w"],
        ...["--password-from", givenFile("password", "seven green kettles\nand more\n")],
      ],
      { email: "ana@example.com", scopes: ["r", "w"], password: "seven green kettles" },
    ],
    [asked.createUser, { email: "ana@example.com" }],
    [["users", "update", userId, "--scope", "r"], { scopes: ["r"] }],
    [["users", "update", userId, "--no-scopes"], { scopes: [] }],
    [["users", "disable", userId], { enabled: false }],
    [["users", "enable", userId], { enabled: true }],
    [["users", "logout", userId], undefined],
    [["users", "reset-factors", userId], undefined],
    [asked.revokeTokens, { jti }],
    [
      [
        ...[
          "clients",
          "create",
          "--name",
          "Shop",
          "--auth",
          "private_key_jwt",
          "--scope",
          "r",
          "--scope",
          "w",
        ],
        ...["--grant", "client_credentials", "--grant", "token-exchange", "--first-party"],
        ...[
          "--jwks",
          givenFile("jwks.json", '{"keys":[]}'),
          "--metadata",
          givenFile("m.json", '{"contacts":["a"]}'),
        ],
      ],
      {
        client_name: "Shop",
        token_endpoint_auth_method: "private_key_jwt",
        scope: "r w",
        grant_types: ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        response_types: [],
        first_party: true,
        jwks: { keys: [] },
        contacts: ["a"],
      },
    ],
    [
      ["clients", "update", clientId, "--redirect-uri", "https://a.example/cb"],
      { redirect_uris: ["https://a.example/cb"] },
    ],
    [["clients", "enable", clientId], { enabled: true }],
    [["clients", "rotate-secret", clientId, "--overlap", "1h"], { overlap_seconds: 3600 }],
    [["tokens", "revoke", "--jti", jti, "--expires", "5m"], { jti, expires_at: "2026-11-24T12:05:00.000Z" }],
    [["tokens", "revoke", "--client", "first-party"], { client_id: "first-party" }],
    [["tokens", "revoke", "--token-from", givenFile("token", "eyJ.a.b\r\n")], { token: "eyJ.a.b" }],
    [["routes", "update", routeId, "--audience", "https://a.example"], { audiences: ["https://a.example"] }],
    [["routes", "update", routeId, "--no-audiences"], { audiences: [] }],
    [
      ["routes", "update", routeId, "--level", "two-factor", "--max-age", "5m"],
      { level: "two-factor", max_age_seconds: 300 },
    ],
    [["routes", "update", routeId, "--no-level", "--no-max-age"], { level: null, max_age_seconds: null }],
    [["keys", "update", keyId, "--name", "n", "--expires", "never"], { name: "n", expires_at: null }],
    [
      ["keys", "update", keyId, "--no-scopes", "--no-allow", "--no-limits"],
      { scopes: [], allowed_addresses: [], limits: [] },
    ],
    [["keys", "disable", keyId], { enabled: false }],
    [["keys", "enable", keyId], { enabled: true }],
    [["keys", "rotate", keyId], {}],
    [
      ["keys", "rotate", keyId, "--overlap", "1h", "--expires", "never"],
      { overlap_seconds: 3600, expires_at: null },
    ],
    [
      [
        ...["routes", "create", "--name", "a", "--path", "/a", "--host", "api.example.com", "--keep-path"],
        ...["--upstream", "https://up.example", "--credential", "api-key", "--credential", "access-token"],
        ...["--scope", "r", "--timeout", "1m", "--cors-origin", "https://app.example", "--disabled"],
        ...["--limit", "a=5/1m,per=owner,when-unavailable=closed"],
      ],
      {
        name: "a",
        match: { path: "/a", host: "api.example.com" },
        upstream: { url: "https://up.example" },
        credentials: ["api-key", "access-token"],
        scopes: ["r"],
        limits: [{ name: "a", limit: 5, window_seconds: 60, per: "owner", when_unavailable: "closed" }],
        cors_origins: ["https://app.example"],
        timeout_seconds: 60,
        keep_path: true,
        enabled: false,
      },
    ],
    [
      [
        "routes",
        "update",
        routeId,
        "--service",
        "UP",
        "--cut-path",
        "--no-scopes",
        "--no-limits",
        "--no-cors-origins",
      ],
      { upstream: { service: "UP" }, keep_path: false, scopes: [], limits: [], cors_origins: [] },
    ],
    [["routes", "disable", routeId], { enabled: false }],
    [["routes", "enable", routeId], { enabled: true }],
  ])("%j sends what was said and nothing else", async (typed, body) => {
    await using gatehouse = await givenGatehouse(problem);
    await run(typed, gatehouse.environment);
    expect(gatehouse.sent.map((sent) => sent.body)).toEqual([body]);
  });

  test.each([
    [
      ["keys", "list", "--owner", "user:a&b", "--environment", "live", "--limit", "200", "--cursor", "c"],
      "?owner_type=user&owner_id=a%26b&environment=live&limit=200&cursor=c",
    ],
    [
      ["users", "list", "--email", "a+b@example.com", "--state", "disabled", "--limit", "5", "--cursor", "c"],
      "?email=a%2Bb%40example.com&state=disabled&limit=5&cursor=c",
    ],
    [
      [
        ...["audit", "list", "--type", "key.revoked", "--actor", "a", "--subject", "s", "--request", "r"],
        ...["--from", "1h", "--until", "2026-11-24T11:30:00Z", "--limit", "7", "--cursor", "c"],
      ],
      "?type=key.revoked&actor_id=a&subject_id=s&request_id=r&from=2026-11-24T11%3A00%3A00.000Z" +
        "&until=2026-11-24T11%3A30%3A00.000Z&limit=7&cursor=c",
    ],
  ])("%j asks for exactly these", async (typed, query) => {
    await using gatehouse = await givenGatehouse(problem);
    await run(typed, gatehouse.environment);
    expect(gatehouse.sent.map((sent) => sent.query)).toEqual([query]);
  });

  test("an owner's id stays one part of the path, whatever it holds", async () => {
    await using gatehouse = await givenGatehouse(problem);
    await run(["keys", "revoke-owner", "user:a/../b?c#d%41"], gatehouse.environment);
    expect(gatehouse.sent[0]?.path).toBe("/admin/v1/owners/user/a%2F..%2Fb%3Fc%23d%2541/revoke-keys");
    const { code, err } = await run(["keys", "revoke-owner", "user:.."], gatehouse.environment);
    expect([code, err]).toEqual([1, 'The id ".." cannot be part of an address.']);
    expect(gatehouse.sent).toHaveLength(1);
  });

  test("a person is named by id or by address: an address is looked for, and nobody behind it is one sentence", async () => {
    const found = { status: 200, body: JSON.stringify({ data: [{ id: userId }], next_cursor: null }) };
    await using gatehouse = await givenGatehouse(found, problem);
    await run(["users", "logout", "ana@example.com"], gatehouse.environment);
    expect(gatehouse.sent.map(({ method, path, query }) => [method, path, query])).toEqual([
      ["GET", "/admin/v1/users", "?email=ana%40example.com"],
      ["POST", `/admin/v1/users/${userId}/logout`, ""],
    ]);
    await using empty = await givenGatehouse({ status: 200, body: '{"data":[],"next_cursor":null}' });
    const typed = ["sessions", "end", sessionId, "--user", "ana@example.com"];
    const { code, err } = await run(typed, empty.environment);
    expect([code, err, empty.sent.length]).toEqual([1, 'Nobody has the address "ana@example.com".', 1]);
  });

  test("a password or token comes from a file or standard input alone, and an empty one is one sentence", async () => {
    const empty = givenFile("nothing", "\nsecond line");
    for (const typed of [
      ["users", "create", "--email", "ana@example.com", "--password-from", empty],
      ["tokens", "revoke", "--token-from", empty],
    ]) {
      const { code, err } = await run(typed, { GATEHOUSE_URL: "http://localhost:9" });
      expect([code, err]).toEqual([1, `${empty} has nothing on its first line.`]);
    }
  });

  test("a new path alone keeps a route's host, and a new host its path", async () => {
    const route = { status: 200, body: JSON.stringify({ match: { host: "api.example.com", path: "/a" } }) };
    for (const [typed, match] of [
      [["--path", "/b"], { host: "api.example.com", path: "/b" }],
      [["--host", "b.example.com"], { host: "b.example.com", path: "/a" }],
      [["--no-host"], { host: null, path: "/a" }],
    ] as const) {
      await using gatehouse = await givenGatehouse(route, problem);
      await run(["routes", "update", routeId, ...typed], gatehouse.environment);
      expect(gatehouse.sent.map(({ method, body }) => [method, body])).toEqual([
        ["GET", undefined],
        ["PATCH", { match }],
      ]);
    }
  });

  test("keys to import come from a list or from the API's own body, and a broken file is one sentence", async () => {
    const entry = { name: "a", owner: { type: "user", id: "u1" }, sha256: "0".repeat(64), prefix: "legacy_" };
    for (const content of [[entry], { keys: [entry] }]) {
      await using gatehouse = await givenGatehouse(problem);
      await run(["keys", "import", givenFile("keys.json", JSON.stringify(content))], gatehouse.environment);
      expect(gatehouse.sent.map((sent) => sent.body)).toEqual([{ keys: [entry] }]);
    }
    for (const [path, sentence] of [
      [givenFile("broken.json", `[{"key":"${key}"`), "is not JSON."],
      [givenFile("other.json", '{"key":1}'), 'must hold a list of keys, or { "keys": list }.'],
      [join(directory, "absent.json"), "cannot be read: ENOENT."],
    ] as const) {
      const { code, err } = await run(["keys", "import", path], { GATEHOUSE_URL: "http://localhost:9" });
      expect([code, err]).toEqual([1, `${path} ${sentence}`]);
    }
  });
});
