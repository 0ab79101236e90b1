import { expect, inject, test } from "vitest";
import { issuer, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";

type Route = { id: string; name: string } & Record<string, unknown>;

function draft(more: Record<string, unknown> = {}) {
  const name = unique("route");
  return {
    name,
    match: { path: `/${name}/*` },
    upstream: { url: "https://orders.example/base" },
    credentials: ["api-key"],
    ...more,
  };
}

test("creating answers 201 with every default said aloud, and the route is reached where the answer says", async () => {
  const { ask, isolate, key } = await givenOperator();
  const given = draft({ upstream: { url: `${inject("stores").upstream}/echo` } });
  const now = isolate.clock.now();

  const created = await ask<Route>(201, "POST", "/routes", given);

  expect(created).toEqual({
    id: expect.stringMatching(/^rte_[0-9A-Za-z]{22}$/),
    name: given.name,
    match: { host: null, path: `/${given.name}` },
    upstream: given.upstream,
    public_url: `${issuer}/gateway/${given.name}`,
    keep_path: false,
    credentials: ["api-key"],
    scopes: [],
    level: null,
    max_age_seconds: null,
    limits: [],
    timeout_seconds: 30,
    cors_origins: [],
    audiences: [],
    enabled: true,
    created_at: new Date(now).toISOString(),
    updated_at: new Date(now).toISOString(),
    effective_everywhere_by: new Date(now + 10_000).toISOString(),
  });
  const { effective_everywhere_by: _, ...route } = created;
  expect(await ask(200, "GET", `/routes/${created.id}`)).toEqual(route);
  const passed = await isolate.fetch(`${created["public_url"]}/hello`, { headers: { "x-api-key": key } });
  expect(passed.status).toBe(200);
  expect(await passed.json()).toMatchObject({ url: "/echo/hello" });
});

test("every field of a route is kept as given, and a PATCH changes only what it names", async () => {
  const { ask, call, isolate } = await givenOperator();
  const given = draft({
    match: { host: `${unique("h").toLowerCase()}.example.com`, path: "/v1" },
    keep_path: true,
    scopes: ["orders:read"],
    level: "two-factor",
    max_age_seconds: 2_592_000,
    limits: [
      { name: "each", limit: 10, window_seconds: 60, per: "owner", when_unavailable: "closed" },
      { name: "all", limit: 1000, window_seconds: 3600 },
    ],
    timeout_seconds: 3,
    cors_origins: ["https://app.example.com"],
    credentials: ["api-key", "access-token"],
  });
  const { effective_everywhere_by: _, ...created } = await ask<Route>(201, "POST", "/routes", given);
  expect(created).toMatchObject({
    ...given,
    limits: [
      given["limits" as never][0],
      { name: "all", limit: 1000, window_seconds: 3600, per: "key", when_unavailable: "local" },
    ],
    public_url: `https://${(given.match as { host?: string }).host}/v1`,
  });
  let expected: Record<string, unknown> = created;
  for (const edit of [
    { enabled: false },
    { timeout_seconds: 300 },
    { scopes: [] },
    { level: "phishing-resistant" },
    { level: null },
    { max_age_seconds: 1 },
    { max_age_seconds: null },
    { limits: [] },
    { upstream: { url: "https://other.example" } },
    { name: unique("renamed"), keep_path: false },
  ]) {
    isolate.clock.advance(1000);
    const updatedAt = new Date(isolate.clock.now()).toISOString();
    expected = { ...expected, ...edit, updated_at: updatedAt };
    const { effective_everywhere_by: at, ...changed } = await ask(
      200,
      "PATCH",
      `/routes/${created.id}`,
      edit,
    );
    expect(changed).toEqual(expected);
    expect(at).toBe(new Date(isolate.clock.now() + 10_000).toISOString());
  }
  const nothing = await call("PATCH", `/routes/${created.id}`, {});
  expect((await expectProblem(nothing, 400, "invalid_request")).detail).toMatch(/at least one field/);
  expect(await ask(200, "GET", `/routes/${created.id}`)).toEqual(expected);
});

test("two routes cannot share a name, nor host and path in any case of letters: 409, and the first stays", async () => {
  const { ask, call } = await givenOperator();
  const first = draft();
  const { id } = await ask<Route>(201, "POST", "/routes", first);
  const before = await ask(200, "GET", `/routes/${id}`);
  await expectProblem(await call("POST", "/routes", { ...draft(), name: first.name }), 409, "conflict");
  const samePath = { ...draft(), match: { path: `/${first.name.toUpperCase()}` } };
  await expectProblem(await call("POST", "/routes", samePath), 409, "conflict");
  const other = await ask<Route>(201, "POST", "/routes", draft());
  await expectProblem(await call("PATCH", `/routes/${other.id}`, { name: first.name }), 409, "conflict");
  expect(await ask(200, "GET", `/routes/${id}`)).toEqual(before);
  expect(await ask(200, "GET", `/routes/${other.id}`)).toMatchObject({ name: other.name });
});

test("a deleted route is gone: 200 with when it is felt, then 404 for every call by its id and at its address", async () => {
  const { ask, call, isolate, key } = await givenOperator();
  const given = draft();
  const { id } = await ask<Route>(201, "POST", "/routes", given);
  const effective = new Date(isolate.clock.now() + 10_000).toISOString();
  expect(await ask(200, "DELETE", `/routes/${id}`)).toEqual({ effective_everywhere_by: effective });
  for (const method of ["GET", "DELETE"])
    await expectProblem(await call(method, `/routes/${id}`), 404, "not_found");
  await expectProblem(await call("PATCH", `/routes/${id}`, { enabled: true }), 404, "not_found");
  const lost = await isolate.fetch(`/gateway/${given.name}`, { headers: { "x-api-key": key } });
  await expectProblem(lost, 404, "not_found");
  await ask(201, "POST", "/routes", given);
});

test("the list holds every route by name", async () => {
  const { ask } = await givenOperator();
  const made = [
    await ask<Route>(201, "POST", "/routes", draft()),
    await ask<Route>(201, "POST", "/routes", draft()),
  ];
  const { data, next_cursor } = await ask<{ data: Route[]; next_cursor: null }>(200, "GET", "/routes");
  expect(next_cursor).toBeNull();
  const names = data.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(made.map(({ name }) => name)));
  expect(new Set(names).size).toBe(names.length);
});

test("a route cannot become public while it asks for scopes, nor ask for scopes while it is public", async () => {
  const { ask, call } = await givenOperator();
  const scoped = await ask<Route>(201, "POST", "/routes", draft({ scopes: ["read"] }));
  const open = await ask<Route>(201, "POST", "/routes", draft({ credentials: ["public"] }));
  for (const [{ id }, edit] of [
    [scoped, { credentials: ["public"] }],
    [open, { scopes: ["read"] }],
  ] as const) {
    const before = await ask(200, "GET", `/routes/${id}`);
    const { detail } = await expectProblem(
      await call("PATCH", `/routes/${id}`, edit),
      400,
      "invalid_request",
    );
    expect(detail).toBe("scopes: public asks nobody; leave scopes out");
    expect(await ask(200, "GET", `/routes/${id}`)).toEqual(before);
  }
  await ask(200, "PATCH", `/routes/${scoped.id}`, { credentials: ["public"], scopes: [] });
});

/** What no route may be: the field that is named, and an input that is wrong in it alone. */
const refused: [field: string, more: Record<string, unknown>][] = [
  ["name", { name: "Upper" }],
  ["name", { name: "" }],
  ["name", { name: "x".repeat(64) }],
  ["match", { match: undefined }],
  ["match.path", { match: { path: "" } }],
  ["match.path", { match: { path: "/a/../b" } }],
  ["match.path", { match: { path: "/a//b" } }],
  ["match.path", { match: { path: "/a/%2e%2e" } }],
  ["match.path", { match: { path: "/a?b" } }],
  ["match.path", { match: { path: `/${"x".repeat(200)}` } }],
  ["match.host", { match: { path: "/a", host: "localhost" } }],
  ["match.host", { match: { path: "/a", host: "192.0.2.1" } }],
  ["match.host", { match: { path: "/a", host: "a.example:8443" } }],
  ["match.host", { match: { path: "/a", host: "*.example.com" } }],
  ["match.host", { match: { path: "/a", host: new URL(issuer).hostname } }],
  ["match.port", { match: { path: "/a", port: 1 } }],
  ["upstream", { upstream: undefined }],
  ["upstream", { upstream: "https://a.example" }],
  ["upstream", { upstream: { url: "https://a.example", service: "ORDERS" } }],
  ["upstream.url", { upstream: { url: "ftp://a.example" } }],
  ["upstream.url", { upstream: { url: "http://a.example" } }],
  ["upstream.url", { upstream: { url: "https://user:secret-word@a.example" } }],
  ["upstream.url", { upstream: { url: "https://a.example/?key=secret-word" } }],
  ["upstream.url", { upstream: { url: "https://a.example/#secret-word" } }],
  ["upstream.url", { upstream: { url: "https://a.example/\0" } }],
  ["upstream.url", { upstream: { url: "not a url" } }],
  ["upstream.url", { upstream: { url: `${issuer}/gateway/a` } }],
  ["upstream.service", { upstream: { service: "NOT_BOUND" } }],
  ["upstream.service", { upstream: { service: "lower" } }],
  ["credentials", { credentials: [] }],
  ["credentials", { credentials: ["api-key", "public"] }],
  ["credentials", { credentials: ["api-key", "api-key"] }],
  ["credentials.0", { credentials: ["password"] }],
  ["scopes", { credentials: ["public"], scopes: ["read"] }],
  ["scopes.0", { scopes: ["two words"] }],
  ["scopes", { scopes: ["a", "a"] }],
  ["level", { level: "three-factor" }],
  ["level", { level: "" }],
  ["level", { level: "two-factor" }],
  ["level", { level: "two-factor", credentials: ["public"] }],
  ["max_age_seconds", { max_age_seconds: 0 }],
  ["max_age_seconds", { max_age_seconds: 2_592_001 }],
  ["max_age_seconds", { max_age_seconds: 1.5 }],
  ["max_age_seconds", { max_age_seconds: 60 }],
  ["limits.0.per", { limits: [{ name: "a", limit: 1, window_seconds: 1, per: "planet" }] }],
  [
    "limits.0.when_unavailable",
    { limits: [{ name: "a", limit: 1, window_seconds: 1, when_unavailable: "maybe" }] },
  ],
  ["limits.0.limit", { limits: [{ name: "a", limit: 0, window_seconds: 1 }] }],
  ["limits.0.window_seconds", { limits: [{ name: "a", limit: 1, window_seconds: 0.5 }] }],
  [
    "limits",
    { limits: Array.from({ length: 9 }, (_, at) => ({ name: `l${at}`, limit: 1, window_seconds: 1 })) },
  ],
  ["timeout_seconds", { timeout_seconds: 0 }],
  ["timeout_seconds", { timeout_seconds: 301 }],
  ["timeout_seconds", { timeout_seconds: "30" }],
  ["cors_origins.0", { cors_origins: ["*"] }],
  ["cors_origins.0", { cors_origins: ["https://app.example.com/"] }],
  ["cors_origins.0", { cors_origins: ["null"] }],
  ["enabled", { enabled: "yes" }],
  ["keep_path", { keep_path: 1 }],
  ["hosts", { hosts: [] }],
];

test.each(refused)(
  "a route with a wrong %s is refused by that name, on creation and on change: %j",
  async (field, more) => {
    const { ask, call } = await givenOperator();
    const onCreate = await call("POST", "/routes", { ...draft(), ...more });
    const { detail } = await expectProblem(onCreate, 400, "invalid_request");
    expect(detail.startsWith(`${field}: `), detail).toBe(true);
    expect(detail).not.toContain("secret-word");
    const isMissing = Object.values(more).includes(undefined);
    if (isMissing) return;
    const { effective_everywhere_by: _, ...route } = await ask<Route>(201, "POST", "/routes", draft());
    const onChange = await call("PATCH", `/routes/${route.id}`, more);
    expect((await expectProblem(onChange, 400, "invalid_request")).detail).toBe(detail);
    expect(await ask(200, "GET", `/routes/${route.id}`)).toEqual(route);
  },
);
