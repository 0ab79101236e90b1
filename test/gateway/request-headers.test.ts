import { expect, test } from "vitest";
import { passedOn } from "../../src/gateway/forwarded-headers.ts";
import { type Echo, echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate } from "../support/given.ts";

/** What the upstream sees of a call with a good key and these headers on top. */
async function seen(headers: [string, string][] | Record<string, string>): Promise<Echo & { key: string }> {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { owner: { type: "user", id: "u1" }, scopes: ["a"] });
  const route = await givenRoute(isolate);
  const sent = new Headers(headers);
  sent.set("x-api-key", key);
  const answer = await isolate.fetch(route.url, { headers: sent });
  expect(answer.status).toBe(200);
  return { ...(await echoOf(answer)), key };
}

const names = (echo: Echo): string[] => echo.raw.filter((_, index) => index % 2 === 0);

async function publicEcho(isolate: Isolate, headers: Record<string, string>): Promise<Echo> {
  const route = await givenRoute(isolate, { credentials: ["public"] });
  const answer = await isolate.fetch(route.url, { headers });
  expect(answer.status).toBe(200);
  return echoOf(answer);
}

test("hop-by-hop fields, and those that Connection names, end at the gateway (RFC 9110 §7.6.1)", () => {
  const passed = passedOn(
    Object.entries({
      connection: "keep-alive, X-Secret-Hop",
      "keep-alive": "timeout=5",
      "proxy-connection": "keep-alive",
      "proxy-authenticate": "Basic",
      "proxy-authorization": "Basic abc",
      te: "trailers",
      trailer: "x-sum",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      "x-secret-hop": "1",
      "x-kept": "2",
      accept: "text/plain",
    }),
    { keepAuthorization: false, isWebSocket: false },
  );
  expect([...passed.keys()].sort()).toEqual(["accept", "x-kept"]);
});

test("identity headers are ours alone: what a client sends under their names, or a look-alike, never arrives", async () => {
  const echo = await seen([
    ["X-User-Id", "root"],
    ["x-user-id", "root-again"],
    ["X_User_Id", "root"],
    ["x.user.id", "root"],
    ["X~User~Id", "root"],
    ["X-User-Scopes", "everything"],
    ["x_user_scopes", "everything"],
    ["X-Client-Id", "key_root"],
    ["X-Session-Id", "ses_root"],
    ["X_Session.Id", "ses_root"],
    ["X-Auth-Method", "root"],
    ["X-Auth-Level", "9"],
    ["X_AUTH_LEVEL", "9"],
    ["X-Gatehouse-Identity", "root"],
    ["X_Gatehouse_Identity", "root"],
    ["X-Gatehouse-Admin", "root"],
    ["X_Request_Id", "root-request"],
  ]);
  expect(echo.headers).toMatchObject({ "x-user-id": "u1", "x-user-scopes": "a", "x-auth-method": "api-key" });
  expect(echo.headers["x-client-id"]).toMatch(/^key_[0-9A-Za-z]{22}$/);
  expect(echo.headers["x-gatehouse-identity"]).toMatch(/^ey/);
  expect(names(echo).filter((name) => /user.id/i.test(name))).toEqual(["x-user-id"]);
  expect(JSON.stringify(echo.raw)).not.toMatch(/root|everything/);
  for (const absent of ["x-session-id", "x-auth-level"]) expect(names(echo)).not.toContain(absent);
});

test("naming our headers or the credential in Connection removes neither what we say nor the check", async () => {
  const echo = await seen({
    connection:
      "close, x-user-id, x-user-scopes, x-gatehouse-identity, x-api-key, authorization, x-client-id",
    "x-user-id": "root",
  });
  expect(echo.headers).toMatchObject({ "x-user-id": "u1", "x-user-scopes": "a" });
  expect(echo.headers["x-client-id"]).toMatch(/^key_/);
  expect(echo.headers["x-gatehouse-identity"]).toMatch(/^ey/);
});

test("the key reaches the upstream in no form: X-API-Key, its look-alikes, Authorization", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  for (const headers of [
    { "x-api-key": key, x_api_key: key, "x.api.key": key },
    { authorization: `Bearer ${key}`, x_api_key: key },
    { authorization: `bearer   ${key} ` },
  ]) {
    const answer = await isolate.fetch(route.url, { headers: headers as Record<string, string> });
    expect(answer.status).toBe(200);
    const echo = await echoOf(answer);
    expect(JSON.stringify(echo)).not.toContain(key);
    expect(names(echo).filter((name) => /authorization|api.key/i.test(name))).toEqual([]);
  }
});

test("a public route passes an Authorization of the upstream's own on, but none that holds a key of ours", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const own = await publicEcho(isolate, { authorization: "Basic dXNlcjpwYXNz" });
  expect(own.headers["authorization"]).toBe("Basic dXNlcjpwYXNz");
  const token = await publicEcho(isolate, { authorization: "Bearer eyJhbGciOiJub25lIn0.e30." });
  expect(token.headers["authorization"]).toBe("Bearer eyJhbGciOiJub25lIn0.e30.");
  for (const authorization of [
    `Token ${key}`,
    `Basic ${btoa(`${key}:`)}`,
    `basic ${btoa(`user:${key}`)}`,
    `Custom a=1, key="${key}"`,
  ]) {
    const echo = await publicEcho(isolate, { authorization });
    expect(Object.keys(echo.headers)).not.toContain("authorization");
    expect(echo.headers["x-auth-method"]).toBe("public");
  }
  const ours = await publicEcho(isolate, { authorization: `Bearer ${key}` });
  expect(ours.headers["x-auth-method"]).toBe("api-key");
  expect(JSON.stringify(ours)).not.toContain(key);
});

test("what a client claims of proxies, original URLs, methods, certificates and Cloudflare is not passed on", async () => {
  const claims = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-user",
    "x_forwarded_for",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-original-host",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x_http_method_override",
    "x-method-override",
    "x-client-cert",
    "client-cert",
    "client-cert-chain",
    "x-ssl-client-verify",
    "x-ssl-client-cert",
    "cf-connecting-ipv6",
    "cf-ray",
    "cf-ipcountry",
    "cf_access_jwt_assertion",
    "proxy",
  ];
  const echo = await seen(claims.map((name): [string, string] => [name, "claimed-by-client"]));
  expect(JSON.stringify(echo.raw)).not.toContain("claimed-by-client");
  expect(echo.headers["x-forwarded-proto"]).toBe("https");
  expect(echo.headers["x-forwarded-host"]).toBe("auth.gatehouse.test");
  expect(echo.headers["x-forwarded-for"]).toMatch(/^2001:db8:[0-9a-f:]+::1$/);
});

test("our cookies are cut out of what the upstream gets, and its own are left", async () => {
  const echo = await seen({
    cookie:
      "theme=dark; __Host-refreshToken=rt1; refreshToken=rt2; __Secure-refreshToken=rt3; GATEHOUSE-x=rt4; a=b=c",
  });
  expect(echo.headers["cookie"]).toBe("theme=dark; a=b=c");
  const none = await seen({ cookie: "__Host-refreshToken=rt1" });
  expect(names(none)).not.toContain("cookie");
});

test("the request id and the trace of a client go on when well-formed, and others are made here", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const kept = await seen({ "x-request-id": "client-id-1", traceparent, tracestate: "congo=t61rcWkgMzE" });
  expect(kept.headers).toMatchObject({
    "x-request-id": "client-id-1",
    traceparent,
    tracestate: "congo=t61rcWkgMzE",
  });
  const made = await seen({
    "x-request-id": "too short\t",
    traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-01`,
    tracestate: "congo=t61rcWkgMzE",
  });
  expect(made.headers["x-request-id"]).toMatch(/^req_[0-9a-f]{32}$/);
  expect(made.headers["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(made.headers["traceparent"]).not.toContain("0".repeat(32));
  expect(names(made)).not.toContain("tracestate");
});

test("everything else is the client's and goes on as it came", async () => {
  const echo = await seen({
    accept: "application/json;q=0.9",
    "accept-language": "de",
    "content-language": "fr",
    "if-none-match": '"v1"',
    range: "bytes=0-1",
    "user-agent": "client/1",
    "x-custom": "1",
    "cache-control": "max-age=60",
  });
  expect(echo.headers).toMatchObject({
    accept: "application/json;q=0.9",
    "accept-language": "de",
    "content-language": "fr",
    "if-none-match": '"v1"',
    range: "bytes=0-1",
    "user-agent": "client/1",
    "x-custom": "1",
    "cache-control": "max-age=60",
  });
});
