import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

/** Names that a cache takes for things without secrets. */
const bait = [
  "x.css",
  "x.js",
  "%78.css",
  "x.png?v=1",
  "x.css?",
  "a%20b.woff2",
  "x.html",
  ".well-known/jwks.json",
];

/** What any shared cache may do with an answer (RFC 9111 §3): keep it for others, or not. */
function mayBeShared(headers: Headers): boolean {
  const directives = (headers.get("cache-control") ?? "").split(",").map((one) => one.trim().toLowerCase());
  const cdn = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control"];
  return (
    !directives.some((one) => one === "no-store" || one === "private") ||
    cdn.some((name) => headers.has(name))
  );
}

const cacheable: [string, string][] = [
  ["cache-control", "public, max-age=3600, s-maxage=3600"],
  ["cdn-cache-control", "max-age=3600"],
  ["cloudflare-cdn-cache-control", "max-age=3600"],
  ["surrogate-control", "max-age=3600"],
  ["expires", "Thu, 31 Dec 2099 23:59:59 GMT"],
];
const asked = `?${cacheable.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;

/** A route to an upstream that says of everything that it may be kept by anyone. */
const givenCarelessRoute = (isolate: Isolate, base: string, more: object = {}) =>
  givenRoute(isolate, { upstream: { kind: "url", url: `${base}/headers` }, ...more });

function upstreamOf(isolate: Isolate): Promise<string> {
  return givenRoute(isolate).then(({ upstream }) =>
    upstream.kind === "url" ? new URL(upstream.url).origin : "",
  );
}

test("GW-06: an answer to a key is never for a shared cache, whatever its name looks like and whatever the upstream says", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const base = await upstreamOf(isolate);
  for (const credentials of [["api-key"], ["public"]] as const) {
    const route = await givenCarelessRoute(isolate, base, { credentials });
    for (const name of bait) {
      const path = `${route.url}/${name.split("?")[0]}${asked}`;
      const answer = await isolate.fetch(path, { headers: { "x-api-key": key } });
      expect([credentials[0], name, answer.status]).toEqual([credentials[0], name, 200]);
      // The upstream was told who calls, so what it said is theirs alone.
      expect((await echoOf(answer)).headers["x-auth-method"]).toBe("api-key");
      expect([credentials[0], name, mayBeShared(answer.headers)]).toEqual([credentials[0], name, false]);
      expect(answer.headers.get("vary")).toContain("X-API-Key");
    }
  }
});

test("GW-06: the platform's own cache, which goes by URL alone, is passed by whenever the upstream is told who calls", async () => {
  const kept: Request[] = [];
  const service = {
    fetch: async (request: Request) => {
      kept.push(request);
      return Response.json({ whose: request.headers.get("x-user-id") ?? "nobody" });
    },
  };
  const environment = { ORDERS: service } as unknown as Record<string, string>;
  const isolate = await givenIsolate({ environment });
  const owner = { type: "user", id: unique("victim") } as const;
  const { key } = await givenKey(isolate, { owner });
  for (const credentials of [["api-key"], ["public"]] as const) {
    const route = await givenRoute(isolate, {
      credentials,
      upstream: { kind: "service", service: "ORDERS" },
    });
    const mine = await isolate.fetch(`${route.url}/me.css`, { headers: { "x-api-key": key } });
    expect(await mine.json()).toEqual({ whose: owner.id });
    expect([credentials[0], kept.at(-1)?.cache]).toEqual([credentials[0], "no-store"]);
  }
  // What the upstream knows its own callers by tells one from another as well.
  const open = await givenRoute(isolate, {
    credentials: ["public"],
    upstream: { kind: "service", service: "ORDERS" },
  });
  for (const headers of [{ authorization: "Basic dXNlcjpwYXNz" }, { cookie: "session=1" }]) {
    await isolate.fetch(`${open.url}/me.css`, { headers: headers as Record<string, string> });
    expect([headers, kept.at(-1)?.cache]).toEqual([headers, "no-store"]);
  }
  await isolate.fetch(`${open.url}/logo.css`);
  expect(kept.map(({ cache }) => cache)).toEqual([...Array(4).fill("no-store"), undefined]);
});

test("GW-06: a second, anonymous caller of the victim's URL gets a refusal or an anonymous answer, never the victim's", async () => {
  const isolate = await givenIsolate();
  const owner = { type: "user", id: unique("victim") } as const;
  const { key } = await givenKey(isolate, { owner });
  const guarded = await givenRoute(isolate);
  const open = await givenRoute(isolate, { credentials: ["public"] });
  for (const name of bait) {
    for (const url of [guarded.url, open.url]) {
      const mine = await echoOf(await isolate.fetch(`${url}/${name}`, { headers: { "x-api-key": key } }));
      expect(mine.headers["x-user-id"]).toBe(owner.id);
    }
    const stolen = await isolate.fetch(`${guarded.url}/${name}`);
    expect(stolen.headers.get("cache-control")).toBe("no-store");
    await expectProblem(stolen, 401, "Missing API Key");
    const text = await (await isolate.fetch(`${open.url}/${name}`)).text();
    expect(text).not.toContain(owner.id);
  }
});

test("GW-06: refusals are kept by nobody, or a victim would be refused by a cache", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { scopes: ["admin"], corsOrigins: ["https://app.example"] });
  const { key } = await givenKey(isolate);
  const refusals: [string, Record<string, string>, number][] = [
    [`${route.url}/x.css`, {}, 401],
    [`${route.url}/x.css`, { "x-api-key": "gk_live_bad" }, 403],
    [`${route.url}/x.css`, { "x-api-key": key }, 403],
    [`${route.url}//x.css`, {}, 400],
    ["/gateway/nowhere/x.css", {}, 404],
    ["/nowhere.css", {}, 404],
    ["/.well-known/nothing.json", {}, 404],
    [`${route.url}/x.css?token=1`, {}, 400],
  ];
  for (const [path, headers, status] of refusals) {
    const answer = await isolate.fetch(path, { headers: { ...headers, origin: "https://app.example" } });
    expect([path, answer.status, answer.headers.get("cache-control")]).toEqual([path, status, "no-store"]);
  }
});

test("GW-06: our own answers about keys and callers are kept by nobody, and have no second address that looks static", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const { id } = await givenKey(isolate);
  const created = await isolate.fetch(
    "/admin/v1/keys",
    json({ name: "n", owner: { type: "user", id: unique("u") } }, withAdmin(admin)),
  );
  expect([created.status, created.headers.get("cache-control")]).toEqual([201, "no-store"]);
  for (const path of ["/admin/v1/keys", `/admin/v1/keys/${id}`, "/admin/v1/audit", "/v1/authenticate"]) {
    const answer = await isolate.fetch(path, { headers: withAdmin(admin) });
    expect([path, answer.status, answer.headers.get("cache-control")]).toEqual([path, 200, "no-store"]);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
  const verify = json({ key: admin }, withAdmin(admin));
  const verified = await isolate.fetch("/v1/keys/verify", verify);
  expect([verified.status, verified.headers.get("cache-control")]).toEqual([200, "no-store"]);
  for (const path of [
    "/admin/v1/keys.css",
    "/admin/v1/keys/x.css",
    `/admin/v1/keys/${id}.css`,
    `/admin/v1/keys/${id}/x.js`,
    `/admin/v1/keys/${id}%2fx.css`,
    `/admin/v1/keys/${id};x.css`,
    `/admin/v1/keys/${id}%00.css`,
  ]) {
    const answer = await isolate.fetch(path, { headers: withAdmin(admin) });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    await expectProblem(answer, 404, "not_found");
  }
});
