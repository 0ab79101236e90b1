import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, issuer, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

type Said = Record<string, string>;
const door = "/v1/authenticate";
const envoy = { "x-gatehouse-ask": "forward-auth" };

/** A request as it comes off the wire: its URL as it was sent, which the constructor would have resolved. */
async function asSent(isolate: Isolate, path: string, headers: Said): Promise<Response> {
  const given = new Headers({ "cf-connecting-ip": isolate.address, ...headers });
  const request = { method: "GET", url: `${issuer}${path}`, headers: given, body: null };
  return await createApp(isolate.rooms).serve(request as unknown as Request, isolate.background);
}

/** A host whose root is public and whose `/admin` asks for a scope: what is judged shows in the answer. */
async function givenHost(isolate: Isolate) {
  const host = `${unique("api")}.test`;
  await givenRoute(isolate, { host, path: "/", credentials: ["public"] });
  await givenRoute(isolate, { host, path: "/admin", scopes: ["admin"] });
  const plain = await givenKey(isolate, { scopes: ["read"] });
  const admin = await givenKey(isolate, { scopes: ["admin"] });
  return { host, plain: { "x-api-key": plain.key }, admin: { "x-api-key": admin.key }, adminId: admin.id };
}

/** The three ways of saying which call is meant: path and headers of the question. */
const forms: [proxy: string, ask: (host: string, uri: string) => [path: string, headers: Said]][] = [
  [
    "Traefik or Caddy, in X-Forwarded-Method, -Uri and -Host",
    (host, uri) => [
      door,
      { "x-forwarded-method": "DELETE", "x-forwarded-uri": uri, "x-forwarded-host": host },
    ],
  ],
  ["Envoy, in the path", (host, uri) => [`${door}${uri}`, { ...envoy, "x-forwarded-host": host }]],
];

describe.each(forms)("asked by %s", (proxy, ask) => {
  test("the route of the forwarded host and path judges, and the answer says who is calling", async () => {
    const isolate = await givenIsolate();
    const { host, plain, admin, adminId } = await givenHost(isolate);
    const [path, headers] = ask(host, "/admin/users?x=1");
    const method = proxy.startsWith("Envoy") ? "PATCH" : "GET";
    const call = (more: Said) => isolate.fetch(path, { method, headers: { ...headers, ...more } });
    await expectProblem(await call({}), 401, "Missing API Key");
    await expectProblem(await call({ "x-api-key": "gk_live_x" }), 403, "Invalid API Key");
    await expectProblem(await call(plain), 403, "insufficient_scope");
    const admitted = await call(admin);
    expect(admitted.status).toBe(200);
    expect(await admitted.text()).toBe("");
    expect(admitted.headers.get("x-client-id")).toBe(adminId);
    expect(admitted.headers.get("x-user-scopes")).toBe("admin");
    expect(admitted.headers.get("x-session-id")).toBeNull();
    expect(decodeJwt(admitted.headers.get("x-gatehouse-identity") ?? "")).toMatchObject({
      aud: `forward-auth:https://${host}`,
      htm: proxy.startsWith("Envoy") ? "PATCH" : "DELETE",
      htu: `https://${host}/admin/users`,
      client_id: adminId,
    });
  });

  test("another path of that host is judged by its own route, and a host nobody claims takes any valid key", async () => {
    const isolate = await givenIsolate();
    const { host, plain } = await givenHost(isolate);
    const call = async (at: string, uri: string, more: Said) => {
      const [path, headers] = ask(at, uri);
      return (await isolate.fetch(path, { headers: { ...headers, ...more } })).status;
    };
    expect(await call(host, "/open", {})).toBe(200);
    expect(await call(host.toUpperCase(), "/ADMIN", {})).toBe(401);
    expect(await call("unclaimed.test", "/admin", {})).toBe(401);
    expect(await call("unclaimed.test", "/admin", plain)).toBe(200);
    for (const wrong of ["a b", "a.test, b.test", "a.test/x", "user@a.test"])
      expect([wrong, await call(wrong, "/open", {})]).toEqual([wrong, 400]);
  });

  test.each([
    "/open/../admin",
    "/open/%2e%2E/admin",
    "/open/./admin",
    "/open/%2e",
    "/open\\..\\admin",
    "/open#/../admin",
    "/open//admin",
    "/open/%2e%2e%2fadmin",
    "/open/..;/admin",
  ])("%s, which two servers may read differently, is refused whoever asks", async (uri) => {
    const isolate = await givenIsolate();
    const { host, admin } = await givenHost(isolate);
    const [path, headers] = ask(host, uri);
    await expectProblem(await asSent(isolate, path, { ...headers, ...admin }), 400, "ambiguous_path");
  });
});

test("nginx says X-Original-Method and -URI, and ?route= names the policy: a host it passes on is not believed", async () => {
  const isolate = await givenIsolate();
  const { host, plain } = await givenHost(isolate);
  const route = await givenRoute(isolate, { scopes: ["orders"] });
  const { key, id } = await givenKey(isolate, { scopes: ["orders", "read"] });
  const original = { "x-original-method": "PUT", "x-original-uri": "/open?x=1", "x-forwarded-host": host };
  const call = (query: string, more: Said) =>
    isolate.fetch(`${door}${query}`, { headers: { ...original, ...more } });
  await expectProblem(await call("", {}), 401, "Missing API Key");
  await expectProblem(await call(`?route=${route.name}`, plain), 403, "insufficient_scope");
  const admitted = await call(`?route=${route.name}`, { "x-api-key": key });
  expect(admitted.status).toBe(200);
  expect(decodeJwt(admitted.headers.get("x-gatehouse-identity") ?? "")).toMatchObject({
    aud: "forward-auth",
    htm: "PUT",
    htu: "https://forwarded.invalid/open",
    client_id: id,
  });
  await expectProblem(
    await call(`?route=${route.name}&scopes=orders,refund`, { "x-api-key": key }),
    403,
    "insufficient_scope",
  );
  expect((await call(`?route=${route.name}&scopes=orders+read`, { "x-api-key": key })).status).toBe(200);
  await expectProblem(
    await call(`?route=${unique("none")}`, { "x-api-key": key }),
    403,
    "credential_not_accepted",
  );
});

test("a call that is told in two ways at once is refused: one of them would be the caller's own", async () => {
  const isolate = await givenIsolate();
  const { host, admin } = await givenHost(isolate);
  const original = { "x-original-uri": "/open", "x-original-method": "GET" };
  const forwarded = { "x-forwarded-uri": "/admin", "x-forwarded-host": host };
  for (const [path, headers] of [
    [door, { ...original, ...forwarded }],
    [`${door}/admin`, { ...envoy, ...original }],
    [`${door}/admin`, { ...envoy, ...forwarded }],
  ] as const) {
    const { detail } = await expectProblem(
      await isolate.fetch(path, { headers: { ...headers, ...admin } }),
      400,
      "invalid_request",
    );
    expect(detail).toContain("more than one way");
  }
});

test("in the path form a caller's ?route= and ?scopes= are his own query, not ours to obey", async () => {
  const isolate = await givenIsolate();
  const { host } = await givenHost(isolate);
  const open = await givenRoute(isolate, { credentials: ["public"] });
  const path = `${door}/admin?route=${open.name}`;
  const answer = await isolate.fetch(path, { headers: { ...envoy, "x-forwarded-host": host } });
  await expectProblem(answer, 401, "Missing API Key");
});

test.each<[proxy: string, ask: (uri: string) => [path: string, headers: Said]]>([
  ["nginx", (uri) => [door, { "x-original-uri": uri }]],
  ["Traefik", (uri) => [door, { "x-forwarded-uri": uri }]],
  ["Envoy", (uri) => [`${door}${uri}`, envoy]],
])(
  "a credential in the URL that %s asks about (RFC 6750 §5.3) is refused with a good key too, and the one in it counts as leaked",
  async (_, ask) => {
    const isolate = await givenIsolate();
    const good = await givenKey(isolate);
    const leaked = await givenKey(isolate);
    for (const uri of [`/a?api_key=${leaked.key}`, `/a/${leaked.key}/b`, "/a?Access_Token=x"]) {
      const [path, headers] = ask(uri);
      const answer = await isolate.fetch(path, { headers: { ...headers, "x-api-key": good.key } });
      const { detail } = await expectProblem(answer, 400, "credentials_in_url");
      expect(detail).not.toContain(leaked.key);
    }
    await isolate.settle();
    expect((await isolate.rooms.apiKeys.get(leaked.id)).exposedAt).not.toBeNull();
    expect((await isolate.rooms.apiKeys.get(good.id)).exposedAt).toBeNull();
  },
);

describe("a question with x-gatehouse-ask", () => {
  test.each([
    "/health/live",
    "/.well-known/jwks.json",
    "/",
    door,
    "/v1/authenticated",
    `${door}/secret/%2e%2e/%2e%2e/%2e%2e/health/live`,
    `${door}/secret/../../../health/live`,
    `${door}/%2e%2e/authenticate?route=open`,
  ])("that its caller's dots lead to %s is 403, with a good key too", async (path) => {
    const isolate = await givenIsolate();
    const { key } = await givenKey(isolate);
    await expectProblem(
      await isolate.fetch(path, { headers: { ...envoy, "x-api-key": key } }),
      403,
      "misdirected",
    );
    await expectProblem(await asSent(isolate, path, { ...envoy, "x-api-key": key }), 403, "misdirected");
  });

  test("is answered under a hostname that a route claims, and never passed to that route's upstream", async () => {
    const isolate = await givenIsolate();
    const { host } = await givenHost(isolate);
    const asked = (path: string, more: Said) => isolate.fetch(`https://${host}${path}`, { headers: more });
    expect((await asked(`${door}/admin`, {})).status).toBe(200);
    const headers = { ...envoy, "x-forwarded-host": host };
    await expectProblem(await asked(`${door}/admin`, headers), 401, "Missing API Key");
    await expectProblem(await asked("/open", headers), 403, "misdirected");
  });
});

test("dots that reach us unresolved are never judged as another path, also without x-gatehouse-ask", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  for (const path of [
    `${door}/secret/%2e%2e/%2e%2e/%2e%2e/health/live`,
    `${door}/../authenticate/x`,
    "/v1/%61uthenticate",
  ])
    await expectProblem(await asSent(isolate, path, { "x-api-key": key }), 400, "ambiguous_path");
});
