// GW-03. The grammar of ambiguous paths and a property over spellings are in test/gateway/route-matching.test.ts; here a
// guarded and an open route share one upstream, which is how such a disguise pays.
import { expect, test } from "vitest";
import { type Echo, echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

/** An open route, and inside it a guarded one to the same upstream: `/open/admin` needs a key with a scope. */
async function givenFortress(more: { keepPath?: boolean } = {}) {
  const isolate = await givenIsolate();
  const open = await givenRoute(isolate, { credentials: ["public"], ...more });
  const guarded = await givenRoute(isolate, { path: `${open.path}/admin`, scopes: ["admin"], ...more });
  return { isolate, open, guarded };
}

/** What a server behind us may make of a path: decoded once or twice, without case, dots, doubled slashes, parameters. */
function readLoosely(path: string): string {
  let read = path.split("?")[0] ?? "";
  for (let turn = 0; turn < 3; turn += 1) {
    // Overlong UTF-8 (`%c0%af` for a slash), as decoders read it that do not check.
    read = read.replace(/%c0%(..)/gi, (_, low: string) =>
      String.fromCharCode(Number.parseInt(low, 16) & 0x3f),
    );
    try {
      read = decodeURIComponent(read);
    } catch {
      read = unescape(read);
    }
  }
  const folded = read
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("\\", "/")
    .replace(/;[^/]*/g, "");
  const segments: string[] = [];
  for (const part of folded.split(/\/+/)) {
    const segment = part.replace(/[.\s\0]+$/, part === ".." ? ".." : "");
    if (segment === "..") segments.pop();
    else if (segment !== "") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}

const disguises = [
  "//admin/keys",
  "/x/../admin/keys",
  "/./admin/keys",
  "/%2e%2e/admin/keys",
  "/x/%2e%2e/admin/keys",
  "/x/%2E./admin/keys",
  "/x/..%2fadmin/keys",
  "/x%2f..%2fadmin/keys",
  "/admin%2fkeys",
  "/%2fadmin/keys",
  "/admin;x/keys",
  "/admin;jsessionid=1/keys",
  "/x/..;/admin/keys",
  "/;/admin/keys",
  "/ADMIN/keys",
  "/aDmIn/keys",
  "/%61dmin/keys",
  "/%41DMIN/keys",
  "/%2561dmin/keys",
  "/%25%36%31dmin/keys",
  "/admin./keys",
  "/admin%2e/keys",
  "/admin%20/keys",
  "/admin%00/keys",
  "/admin%09/keys",
  "/\\admin/keys",
  "/x\\..\\admin\\keys",
  "/%5cadmin/keys",
  "/x%5c..%5cadmin/keys",
  "/%c0%afadmin/keys",
  "/x/%c0%ae%c0%ae/admin/keys",
  "/x/%c0%ae./admin/keys",
  "/%e0%80%afadmin/keys",
  "/%f0%80%80%afadmin/keys",
  "/x/%ef%bc%8e%ef%bc%8e/admin/keys",
  "/%ef%bc%8fadmin/keys",
  "/x%ef%bc%8f..%ef%bc%8fadmin/keys",
  "/admin%ef%bc%9bx/keys",
  "/x/%e2%80%a5/admin/keys",
  "/%ef%bc%bcadmin/keys",
  "/%u002fadmin/keys",
  "/.%0d./admin/keys",
  "/\t/admin/keys",
] as const;

test("GW-03: no disguise of a guarded path reaches its upstream through the open route beside it", async () => {
  for (const keepPath of [false, true]) {
    const { isolate, open, guarded } = await givenFortress({ keepPath });
    const opened: string[] = [];
    for (const disguise of disguises) {
      const answer = await isolate.fetch(open.url + disguise);
      if (answer.status === 200) {
        const { url } = await echoOf(answer);
        const inside = readLoosely(url).replace(/^\/echo/, "");
        const isAdmin = inside.startsWith(keepPath ? readLoosely(guarded.path) : "/admin");
        if (isAdmin) opened.push(disguise);
        continue;
      }
      const { error } = (await answer.json()) as { error: string };
      // 404: dots that climb out of the route altogether.
      const told = { 401: "Missing API Key", 404: "not_found" }[answer.status];
      expect([disguise, answer.status, error]).toEqual([
        disguise,
        told ? answer.status : 400,
        told ?? "ambiguous_path",
      ]);
    }
    expect(opened).toEqual([]);
  }
});

test("GW-03: what only looks a little like a disguise is an honest path and passes as it came", async () => {
  // RFC 3629 §3: these are the shortest forms, or no UTF-8 at all.
  const { isolate, open } = await givenFortress();
  const honest = [
    "/caf%C3%A9/a%20b",
    "/%E6%9D%B1%E4%BA%AC",
    "/wait%E2%80%A6",
    "/%EF%BC%A1%EF%BC%91",
    "/50%25-off",
    "/v1.2/x.tar.gz",
    "/..x/.well-known",
  ];
  for (const path of honest) {
    const answer = await isolate.fetch(open.url + path);
    expect([path, answer.status, (await echoOf(answer)).url]).toEqual([path, 200, `/echo${path}`]);
  }
});

test("GW-03: a key without the scope gains nothing by a disguise, and one with it is judged by the guarded route", async () => {
  const { isolate, open } = await givenFortress();
  const weak = await givenKey(isolate, { scopes: ["other"] });
  const strong = await givenKey(isolate, { scopes: ["admin"] });
  for (const disguise of ["/ADMIN/keys", "/%61dmin/keys", "/x/../admin/keys", "/./admin/keys"]) {
    const refused = await isolate.fetch(open.url + disguise, { headers: { "x-api-key": weak.key } });
    await expectProblem(refused, 403, "insufficient_scope");
    const passed = await isolate.fetch(open.url + disguise, { headers: { "x-api-key": strong.key } });
    const echo = await echoOf(passed);
    expect([disguise, passed.status, echo.url]).toEqual([disguise, 200, "/echo/keys"]);
  }
});

test("GW-03: the host's way in, too: a whole-host route's guarded path has one policy under every spelling of the host", async () => {
  const isolate = await givenIsolate();
  const host = `w${crypto.randomUUID().slice(0, 8)}.example.test`;
  await givenRoute(isolate, { host, path: "/", credentials: ["public"] });
  await givenRoute(isolate, { host, path: "/admin" });
  for (const spelt of [host, host.toUpperCase(), `${host}.`, `${host}:443`, host.replaceAll(".", "%2e")]) {
    await expectProblem(await isolate.fetch(`https://${spelt}/admin/keys`), 401, "Missing API Key");
    await expectProblem(await isolate.fetch(`https://${spelt}/%c0%afadmin/keys`), 400, "ambiguous_path");
  }
});

const overrides: Record<string, string>[] = [
  { "x-http-method-override": "DELETE" },
  { "x-http-method": "DELETE" },
  { "x-method-override": "DELETE" },
  { x_http_method_override: "DELETE" },
  { "x-original-method": "DELETE" },
];

test("GW-03: a method override is neither obeyed by the management API nor told to an upstream", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const { id, key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  for (const override of overrides) {
    const headers = { ...override, ...withAdmin(admin) };
    const form = { ...headers, "content-type": "application/x-www-form-urlencoded" };
    const post = await isolate.fetch(`/admin/v1/keys/${id}`, { method: "POST", headers, body: "{}" });
    await expectProblem(post, 405, "method_not_allowed");
    expect(post.headers.get("allow")).toBe("GET, HEAD, PATCH, DELETE");
    const query = `/admin/v1/keys/${id}?_method=DELETE`;
    await expectProblem(await isolate.fetch(query, { headers }), 400, "invalid_request");
    const field = await isolate.fetch(`/admin/v1/keys/${id}/revoke`, {
      method: "POST",
      headers: form,
      body: "_method=DELETE",
    });
    await expectProblem(field, 415, "unsupported_media_type");
    const echo: Echo = await echoOf(
      await isolate.fetch(route.url, { method: "POST", headers: { ...override, "x-api-key": key } }),
    );
    expect(echo.method).toBe("POST");
    expect(JSON.stringify(echo.raw)).not.toContain("DELETE");
  }
  expect(await isolate.rooms.apiKeys.get(id)).toMatchObject({ deletedAt: null, revokedAt: null });
});

async function statusOf(isolate: Isolate, path: string, method = "GET"): Promise<number> {
  return (await isolate.fetch(path, { method })).status;
}

test("GW-03: no spelling of a management path answers without a key", async () => {
  const isolate = await givenIsolate();
  const spellings = [
    "//admin/v1/keys",
    "/ADMIN/v1/keys",
    "/%61dmin/v1/keys",
    "/admin%2fv1%2fkeys",
    "/admin/v1//keys",
    "/admin/v1/keys/",
    "/admin/v1/keys;x=1",
    "/admin/v1/keys.json",
    "/admin/v1/keys%00",
    "/admin/v1/openapi.json/../keys",
    "/admin/v1/openapi.json/..%2fkeys",
    "/health/live/../../admin/v1/keys",
    "/gateway/../admin/v1/keys",
    "/gateway/..%2f..%2fadmin/v1/keys",
    "/.well-known/%2e%2e/admin/v1/keys",
    "/%e2%80%8badmin/v1/keys",
  ];
  for (const path of spellings) {
    for (const method of ["GET", "POST"]) {
      expect([400, 401, 404, 405], `${method} ${path}`).toContain(await statusOf(isolate, path, method));
    }
  }
});
