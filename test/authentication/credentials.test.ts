import { expect, test } from "vitest";
import { createKeyFormat } from "../../src/api-keys/key-format.ts";
import { readPresented } from "../../src/authentication/presented.ts";
import { problemBody } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, unique } from "../support/given.ts";

const presented = (headers: [string, string][]) => readPresented(new Headers(headers));
const key = (digit: string) => `gk_live_${digit.repeat(60)}`;

test("a credential is read from X-API-Key or from Authorization: Bearer, in any case and spacing", () => {
  const text = key("a");
  const found = { found: "api-key", text };
  expect(presented([["x-api-key", text]])).toEqual(found);
  expect(presented([["X-Api-Key", ` ${text} `]])).toEqual(found);
  expect(presented([["authorization", `Bearer ${text}`]])).toEqual(found);
  expect(presented([["authorization", `bEaReR   ${text} `]])).toEqual(found);
  expect(presented([["authorization", "Bearer eyJ.e.s"]])).toEqual({ found: "bearer", text: "eyJ.e.s" });
});

// RFC 6750 §2: one way to send a token in each request. RFC 9110 §5.3: fields of one name arrive joined by a comma.
test.each<[string, [string, string][]]>([
  [
    "a key in both headers",
    [
      ["x-api-key", key("a")],
      ["authorization", `Bearer ${key("b")}`],
    ],
  ],
  [
    "one key in both headers",
    [
      ["x-api-key", key("a")],
      ["authorization", `Bearer ${key("a")}`],
    ],
  ],
  [
    "a key and a token",
    [
      ["x-api-key", key("a")],
      ["authorization", "Bearer eyJ.e.s"],
    ],
  ],
  [
    "a key and a foreign scheme",
    [
      ["x-api-key", key("a")],
      ["authorization", "Basic dTpw"],
    ],
  ],
  [
    "a key and an empty Authorization",
    [
      ["x-api-key", key("a")],
      ["authorization", ""],
    ],
  ],
  [
    "X-API-Key twice",
    [
      ["x-api-key", key("a")],
      ["x-api-key", key("b")],
    ],
  ],
  [
    "X-API-Key twice with one key",
    [
      ["x-api-key", key("a")],
      ["x-api-key", key("a")],
    ],
  ],
  [
    "X-API-Key twice, once empty",
    [
      ["x-api-key", ""],
      ["x-api-key", key("a")],
    ],
  ],
  ["two keys in one X-API-Key", [["x-api-key", `${key("a")},${key("b")}`]]],
  [
    "Authorization twice",
    [
      ["authorization", `Bearer ${key("a")}`],
      ["authorization", `Bearer ${key("b")}`],
    ],
  ],
  [
    "Authorization twice with one key",
    [
      ["authorization", `Bearer ${key("a")}`],
      ["authorization", `Bearer ${key("a")}`],
    ],
  ],
  [
    "Bearer and Basic",
    [
      ["authorization", `Bearer ${key("a")}`],
      ["authorization", "Basic dTpw"],
    ],
  ],
  [
    "Basic and Bearer",
    [
      ["authorization", "Basic dTpw"],
      ["authorization", `Bearer ${key("a")}`],
    ],
  ],
  ["two tokens in one Bearer", [["authorization", `Bearer ${key("a")},${key("b")}`]]],
  ["two tokens in one Bearer, spaced", [["authorization", `Bearer ${key("a")}, ${key("b")}`]]],
])("%s is several credentials: 400, and neither is used", async (_, headers) => {
  expect(presented(headers)).toEqual({ found: "several" });
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const sent = new Headers();
  for (const [name, value] of headers) sent.append(name, value);
  const answer = await isolate.fetch(route.url, { headers: sent });
  expect(answer.status).toBe(400);
  expect((await problemBody(answer)).error).toBe("several_credentials");
});

test("two good keys at once are refused as well", async () => {
  const isolate = await givenIsolate();
  const [one, other] = [await givenKey(isolate), await givenKey(isolate)];
  const route = await givenRoute(isolate);
  const headers = { "x-api-key": one.key, authorization: `Bearer ${other.key}` };
  const answer = await isolate.fetch(route.url, { headers });
  expect(answer.status).toBe(400);
  expect((await problemBody(answer)).error).toBe("several_credentials");
});

test.each<[string, Record<string, string>]>([
  ["nothing", {}],
  ["an empty X-API-Key", { "x-api-key": "" }],
  ["a blank X-API-Key", { "x-api-key": "   " }],
  ["an empty Authorization", { authorization: "" }],
  ["a Bearer without a token", { authorization: "Bearer" }],
  ["a foreign scheme", { authorization: "Basic dXNlcjpwYXNz" }],
  ["a key in a cookie", { cookie: `api_key=${key("a")}; x-api-key=${key("a")}` }],
  ["a key under a look-alike name", { x_api_key: key("a"), apikey: key("a"), "x-apikey": key("a") }],
])("with %s the answer is 401, Missing API Key, and how to authenticate", async (_, headers) => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const answer = await isolate.fetch(route.url, { headers });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="gatehouse"');
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await problemBody(answer)).toMatchObject({
    error: "Missing API Key",
    status: 401,
    type: "about:blank",
  });
});

test("a token is not a key: 401 invalid_token with the challenge of RFC 6750 §3", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const answer = await isolate.fetch(route.url, { headers: { authorization: "Bearer eyJ.e.s" } });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="gatehouse", error="invalid_token"');
  expect((await problemBody(answer)).error).toBe("invalid_token");
});

test("malformed, forged, unknown, revoked, deleted, expired and disabled keys are told apart by nothing in the answer", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const expiresAt = new Date(isolate.clock.now() + 60_000);
  const requestId = unique("same-request");
  const operator = {
    actor: { type: "operator", id: "given" } as const,
    origin: { requestId: "given", address: "192.0.2.1", country: null },
    background: isolate.background,
  };
  const [revoked, deleted, disabled] = [
    await givenKey(isolate),
    await givenKey(isolate),
    await givenKey(isolate),
  ];
  const expired = await givenKey(isolate, { expiresAt });
  await isolate.rooms.apiKeys.revoke(revoked.id, operator);
  await isolate.rooms.apiKeys.remove(deleted.id, operator);
  await isolate.rooms.apiKeys.update(disabled.id, { enabled: false }, operator);
  const forged = (await createKeyFormat([{ version: 1, secret: new Uint8Array(32).fill(1) }])).make("live");
  const unknown = (await createKeyFormat(isolate.rooms.config.apiKeyTagSecrets)).make("live");
  isolate.clock.advance(61_000);

  const texts = [
    "gk_live_x",
    key("a"),
    await forged,
    await unknown,
    revoked.key,
    deleted.key,
    disabled.key,
    expired.key,
  ];
  const told = await Promise.all(
    texts.map(async (text) => {
      const answer = await isolate.fetch(route.url, {
        headers: { "x-api-key": text, "x-request-id": requestId },
      });
      return { status: answer.status, headers: [...answer.headers], body: await answer.text() };
    }),
  );
  const [first] = told;
  expect(first).toMatchObject({ status: 403, body: expect.stringContaining('"error":"Invalid API Key"') });
  for (const one of told) expect(one).toEqual(first);

  // Audit knows each of them.
  await isolate.settle();
  const { rows } = await isolate.rooms.database.execute<{ reason: string }>(
    `select distinct reason from audit_events where request_id = '${requestId}'`,
  );
  expect(rows.map(({ reason }) => reason).sort()).toEqual([
    "deleted",
    "disabled",
    "expired",
    "forged",
    "malformed",
    "revoked",
    "unknown",
  ]);
});

// Each on an isolate that has its routes and on one that has not read them yet.
test.each([true, false])(
  "a public route asks nobody, but a key of ours that is shown must be good (warm: %s)",
  async (isWarm) => {
    const isolate = await givenIsolate();
    const { key: good, id } = await givenKey(isolate);
    const route = await givenRoute(isolate, { credentials: ["public"] });
    const call = async (headers: Record<string, string>) => {
      const asked = isWarm ? isolate : await givenIsolate();
      const answer = await asked.fetch(route.url, { headers });
      const body = (await answer.json()) as { error?: string; headers?: Record<string, string> };
      // The header ends here in each case: no key of ours can reach an upstream by way of a foreign one.
      expect(body.headers ?? {}).not.toHaveProperty("x-api-key");
      return [answer.status, body.error ?? body.headers?.["x-client-id"] ?? body.headers?.["x-auth-method"]];
    };
    expect(await call({})).toEqual([200, "public"]);
    expect(await call({ "x-api-key": good })).toEqual([200, id]);
    expect(await call({ authorization: "Basic dXNlcjpwYXNz" })).toEqual([200, "public"]);
    expect(await call({ authorization: "Bearer eyJ.e.s" })).toEqual([200, "public"]);
    expect(await call({ "x-api-key": "sk_of_another_service" })).toEqual([200, "public"]);
    expect(await call({ "x-api-key": "a", authorization: "Basic dXNlcjpwYXNz" })).toEqual([200, "public"]);
    expect(await call({ "x-api-key": "gk_live_x" })).toEqual([403, "Invalid API Key"]);
    expect(await call({ "x-api-key": "legacy_short" })).toEqual([403, "Invalid API Key"]);
    expect(await call({ "x-api-key": "legacy_long_enough_and_unknown" })).toEqual([403, "Invalid API Key"]);
  },
);

test("a foreign X-API-Key is still refused where a key is asked for", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const answer = await isolate.fetch(route.url, { headers: { "x-api-key": "sk_of_another_service" } });
  expect(answer.status).toBe(403);
  expect((await problemBody(answer)).error).toBe("Invalid API Key");
});

test("a route that takes no keys says so: 401 without one, 403 with one", async () => {
  const isolate = await givenIsolate();
  const { key: good } = await givenKey(isolate);
  const route = await givenRoute(isolate, {
    credentials: ["client-certificate"],
    name: unique("certificates"),
  });
  const without = await isolate.fetch(route.url);
  expect(without.status).toBe(401);
  expect((await problemBody(without)).error).toBe("missing_credential");
  const withKey = await isolate.fetch(route.url, { headers: { "x-api-key": good } });
  expect(withKey.status).toBe(403);
  expect((await problemBody(withKey)).error).toBe("credential_not_accepted");
});
