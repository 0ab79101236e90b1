import fc from "fast-check";
import { expect, test } from "vitest";
import type { Route } from "../../src/gateway/route.ts";
import { publicUrlOf } from "../../src/gateway/route.ts";
import { canonicalPath, matchRoute } from "../../src/gateway/route-match.ts";
import { upstreamTarget } from "../../src/gateway/upstream-target.ts";
import { echoOf, problemBody } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, issuer, unique } from "../support/given.ts";

const route = (path: string, more: Partial<Route> = {}): Route => ({
  id: `rte_${path}`,
  name: "given",
  host: null,
  path,
  upstream: { kind: "url", url: "https://upstream.test/base" },
  keepPath: false,
  credentials: ["api-key"],
  scopes: [],
  level: null,
  maxAgeSeconds: null,
  limits: [],
  timeoutSeconds: 5,
  corsOrigins: [],
  audiences: [],
  enabled: true,
  version: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  ...more,
});

const matched = (routes: readonly Route[], pathname: string) =>
  matchRoute(routes, { hostname: "auth.gatehouse.test", pathname, isIssuer: true });

test("the longest prefix of whole segments wins, whatever the order of the routes", () => {
  const routes = [route("/"), route("/orders"), route("/orders/archive")];
  for (const order of [routes, routes.toReversed()]) {
    expect(matched(order, "/gateway/orders/archive/7")).toMatchObject({
      route: { path: "/orders/archive" },
      rest: "/7",
    });
    expect(matched(order, "/gateway/orders/archives")).toMatchObject({
      route: { path: "/orders" },
      rest: "/archives",
    });
    expect(matched(order, "/gateway/ordersarchive")).toMatchObject({
      route: { path: "/" },
      rest: "/ordersarchive",
    });
    expect(matched(order, "/gateway/orders")).toMatchObject({ route: { path: "/orders" }, rest: "" });
  }
  expect(matched([route("/orders")], "/gateway/order")).toBeNull();
  expect(matched([route("/orders")], "/orders")).toBeNull();
});

test("a path matches without regard to case, so that /ADMIN is judged as /admin", () => {
  const routes = [route("/"), route("/Admin")];
  for (const path of ["/gateway/admin/x", "/gateway/ADMIN/x", "/gateway/aDmIn/x"]) {
    expect(matched(routes, path)).toMatchObject({ route: { path: "/Admin" }, rest: "/x" });
  }
});

test("a disabled route closes its path instead of leaving it to a shorter route with a weaker policy", () => {
  const routes = [route("/", { credentials: ["public"] }), route("/admin", { enabled: false })];
  expect(matched(routes, "/gateway/admin/users")).toBeNull();
  expect(matched(routes, "/gateway/other")).toMatchObject({ route: { path: "/" } });
});

test("a host matches without regard to case or a trailing dot (RFC 9110 §4.2.3), and only routes of that host", () => {
  const routes = [route("/x"), route("/x", { id: "whole", host: "api.example.test" })];
  const at = (hostname: string) => matchRoute(routes, { hostname, pathname: "/x/1", isIssuer: false });
  for (const host of ["api.example.test", "API.Example.TEST", "api.example.test."]) {
    expect(at(host)).toMatchObject({ route: { id: "whole" }, rest: "/1" });
  }
  expect(at("api2.example.test")).toBeNull();
  expect(at("x.api.example.test")).toBeNull();
});

test("escaped letters are read as the letters they are (RFC 3986 §6.2.2.2), and other escapes stay as they came", () => {
  expect(canonicalPath("/%61dmin/%7Ejoe")).toBe("/admin/~joe");
  expect(canonicalPath("/caf%C3%A9/a%20b")).toBe("/caf%C3%A9/a%20b");
});

test.each([
  ["a doubled slash", "/a//b"],
  ["an encoded slash", "/a%2fb"],
  ["an encoded backslash", "/a%5Cb"],
  ["a backslash", "/a\\b"],
  ["an encoded dot", "/a/%2E%2e/b"],
  ["a path parameter", "/admin;x=1"],
  ["an encoded path parameter", "/admin%3bx"],
  ["an encoded null", "/admin%00"],
  ["an encoded line break", "/admin%0d%0a"],
  ["a segment that ends in a dot", "/admin./x"],
  ["a path that ends in a dot", "/admin."],
  ["a segment that ends in a space", "/admin%20/x"],
  ["a slash encoded twice", "/a%252fb"],
  ["a letter encoded twice", "/%2561dmin"],
  ["a letter encoded twice, its digits too", "/%25%36%31dmin"],
  ["a broken escape", "/%6%31dmin"],
  ["a cut escape", "/a%2"],
  // RFC 3629 §3: no overlong forms, no surrogates, nothing above U+10FFFF.
  ["an overlong dot", "/a/%c0%ae%c0%ae/b"],
  ["an overlong slash", "/a%c0%afb"],
  ["an overlong slash of three bytes", "/a%E0%80%AFb"],
  ["an overlong letter", "/%c1%a1dmin"],
  ["half a surrogate pair", "/a%ED%A0%80"],
  ["a lone continuation", "/a%80"],
  ["a character cut short", "/a%C3/b"],
  ["a Latin-1 letter", "/caf%E9"],
  ["a code point above all", "/a%F4%90%80%80"],
])("%s is ambiguous", (_, path) => {
  expect(canonicalPath(path)).toBeNull();
});

test("no spelling of a guarded path reaches the upstream by a weaker route", () => {
  const guarded = "/admin/keys";
  const routes = [route("/", { id: "weak" }), route("/admin", { id: "strong" })];
  const spelling = fc.tuple(
    ...[...guarded].map((character) => {
      const code = character.charCodeAt(0).toString(16);
      const disguised = fc.constantFrom(
        character.toUpperCase(),
        `%${code}`,
        `%${code.toUpperCase()}`,
        `%25${code}`,
        `/.${character}`,
        `${character};`,
        `/${character}`,
      );
      return fc.oneof({ weight: 5, arbitrary: fc.constant(character) }, { weight: 1, arbitrary: disguised });
    }),
  );
  fc.assert(
    fc.property(spelling, (parts) => {
      const { pathname } = new URL(`https://auth.gatehouse.test/gateway${parts.join("")}`);
      const path = canonicalPath(pathname);
      const match = path === null ? null : matched(routes, path);
      if (match === null || match.route.id === "strong") return true;
      // The weak route may have it only when no server would read it as the guarded path.
      const read = decodeURIComponent(decodeURIComponent(match.rest)).toLowerCase();
      return !new URL(`https://upstream.test${read}`).pathname.startsWith("/admin/");
    }),
    { numRuns: 1000 },
  );
});

test("the upstream's URL is its own path and the rest of the call's, cut or kept as the route says", () => {
  const given = route("/orders", { upstream: { kind: "url", url: "https://upstream.test/base/" } });
  expect(upstreamTarget("https://upstream.test/base/", { route: given, rest: "/7" })).toBe(
    "https://upstream.test/base/7",
  );
  expect(upstreamTarget("https://upstream.test", { route: given, rest: "" })).toBe("https://upstream.test/");
  const kept = { route: { ...given, keepPath: true }, rest: "/7" };
  expect(upstreamTarget("https://upstream.test/base", kept)).toBe("https://upstream.test/base/orders/7");
  const whole = { route: route("/", { keepPath: true }), rest: "/7" };
  expect(upstreamTarget("https://upstream.test", whole)).toBe("https://upstream.test/7");
});

test("a route's public URL names it as a resource (RFC 8707 §2): absolute, without query or fragment", () => {
  expect(publicUrlOf({ host: null, path: "/orders" }, issuer)).toBe(`${issuer}/gateway/orders`);
  expect(publicUrlOf({ host: "api.example.test", path: "/" }, issuer)).toBe("https://api.example.test");
  expect(publicUrlOf({ host: "api.example.test", path: "/v1" }, issuer)).toBe("https://api.example.test/v1");
});

test("a call reaches the upstream of the longest route, with its prefix cut off or kept as the route says", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const outer = await givenRoute(isolate);
  const inner = await givenRoute(isolate, { path: `${outer.path}/inner`, keepPath: true });
  const headers = { "x-api-key": key };
  const query = "?q=a%2Fb&q=%20&e=";

  const cut = await isolate.fetch(`${outer.url}/x/1${query}`, { headers });
  expect((await echoOf(cut)).url).toBe(`/echo/x/1${query}`);
  const kept = await isolate.fetch(`${inner.url}/x${query}`, { headers });
  expect((await echoOf(kept)).url).toBe(`/echo${inner.path}/x${query}`);
  const escaped = await isolate.fetch(`${outer.url}/%78/caf%C3%A9`, { headers });
  expect((await echoOf(escaped)).url).toBe("/echo/x/caf%C3%A9");
});

test("a path no route has is 404 problem+json, and an ambiguous one is 400", async () => {
  const isolate = await givenIsolate();
  const given = await givenRoute(isolate, { credentials: ["public"] });
  const missing = await isolate.fetch(`/gateway/${unique("nowhere")}`);
  expect(missing.status).toBe(404);
  expect(missing.headers.get("content-type")).toBe("application/problem+json");
  expect((await problemBody(missing)).error).toBe("not_found");
  const ambiguous = await isolate.fetch(`${given.url}/a%2f..%2fb`);
  expect(ambiguous.status).toBe(400);
  expect((await problemBody(ambiguous)).error).toBe("ambiguous_path");
});

test("a hostname that a route claims is served by that route alone; its own paths cannot be reached under it", async () => {
  const isolate = await givenIsolate();
  const host = `${unique("api")}.test`;
  const { key } = await givenKey(isolate);
  await givenRoute(isolate, { host, path: "/v1" });
  const headers = { "x-api-key": key };

  const answer = await isolate.fetch(`https://${host.toUpperCase()}/v1/orders?x=1`, { headers });
  expect(answer.status).toBe(200);
  const echo = await echoOf(answer);
  expect(echo.url).toBe("/echo/orders?x=1");
  expect(echo.headers["x-forwarded-host"]).toBe(host);
  for (const path of ["/health/live", "/.well-known/jwks.json", "/admin/v1/keys", "/gateway/v1"]) {
    const own = await isolate.fetch(`https://${host}${path}`, { headers });
    expect([path, own.status, (await problemBody(own)).error]).toEqual([path, 404, "not_found"]);
  }
});
