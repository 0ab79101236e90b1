import { expect, inject, test } from "vitest";
import { passBack } from "../../src/gateway/forwarded-headers.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";

function passedBack(headers: Headers, options: Parameters<typeof passBack>[1]): Headers {
  passBack(headers, options);
  return headers;
}

type Sent = readonly (readonly [name: string, value: string])[];

/** The answer when the upstream sends these headers: to a caller with a key, or to anyone where the route is public. */
async function answered(isolate: Isolate, sent: Sent, route: Partial<Parameters<typeof givenRoute>[1]> = {}) {
  const { key } = await givenKey(isolate);
  const upstream = { kind: "url", url: inject("stores").upstream } as const;
  const given = await givenRoute(isolate, { upstream, ...route });
  const query = new URLSearchParams(sent.map(([name, value]) => [name, value]));
  const base = given.host === null ? given.url : `https://${given.host}${given.path}`;
  const headers: Record<string, string> = given.credentials.includes("public") ? {} : { "x-api-key": key };
  const answer = await isolate.fetch(`${base}/headers?${query}`, { headers });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
  return answer.headers;
}

const publicly = { credentials: ["public" as const] };

test("hop-by-hop fields of an answer, and those its Connection names, end at the gateway (RFC 9110 §7.6.1)", () => {
  const passed = passedBack(
    new Headers({
      connection: "x-hop",
      "x-hop": "1",
      "keep-alive": "timeout=5",
      "transfer-encoding": "chunked",
      "proxy-authenticate": "Basic",
      trailer: "x-sum",
      upgrade: "h2c",
      etag: '"1"',
    }),
    { isPersonal: false, sharesIssuerHost: false, cors: null },
  );
  expect([...passed]).toEqual([["etag", '"1"']]);
});

test("an upstream cannot set a cookie of ours, in no spelling, and its own cookies pass", async () => {
  const isolate = await givenIsolate();
  const headers = await answered(isolate, [
    ["set-cookie", "theme=dark; Path=/"],
    ["set-cookie", "__Host-refreshToken=evil; Secure; Path=/"],
    ["set-cookie", "refreshtoken=evil"],
    ["set-cookie", " RefreshToken = evil"],
    ["set-cookie", "__Secure-refreshToken=evil"],
    ["set-cookie", "=refreshToken=evil"],
    ["set-cookie", "=__Host-refreshToken=evil"],
    ["set-cookie", "gatehouse_csrf=evil"],
    ["set-cookie", "lang=de; HttpOnly"],
  ]);
  expect(headers.getSetCookie()).toEqual(["theme=dark; Path=/", "lang=de; HttpOnly"]);
});

test("under the issuer's host a page of an upstream is sandboxed and cannot speak for our origin", async () => {
  const isolate = await givenIsolate();
  const sent = [
    ["content-security-policy", "default-src 'self'"],
    ["service-worker-allowed", "/"],
    ["nel", "{}"],
    ["report-to", "{}"],
    ["accept-ch", "Width"],
    ["clear-site-data", '"*"'],
    ["alt-svc", 'h3="evil.test:443"'],
  ] as const;
  const shared = await answered(isolate, sent);
  expect(shared.get("content-security-policy")).toBe("default-src 'self', sandbox; frame-ancestors 'none'");
  for (const name of [
    "service-worker-allowed",
    "nel",
    "report-to",
    "accept-ch",
    "clear-site-data",
    "alt-svc",
  ]) {
    expect([name, shared.get(name)]).toEqual([name, null]);
  }
  const own = await answered(isolate, sent, { host: `${unique("api")}.test`, path: "/site" });
  expect(own.get("content-security-policy")).toBe("default-src 'self'");
  expect(own.get("service-worker-allowed")).toBe("/");
  expect(own.get("clear-site-data")).toBeNull();
});

// RFC 9111 §3.5 keeps answers to Authorization out of shared caches; X-API-Key has only what we say.
test.each([
  ["nothing", null, "no-store"],
  ["public", "public, max-age=60", "private, max-age=60"],
  ["a shared age", "s-maxage=600", "private"],
  ["a private age", "private, max-age=60", "private, max-age=60"],
  ["no-store", "no-store", "no-store"],
  [
    "private for one field only",
    'private="set-cookie", max-age=60',
    'private, private="set-cookie", max-age=60',
  ],
  ["must-revalidate", "max-age=0, must-revalidate", "private, max-age=0, must-revalidate"],
])("an answer to a key that says %s is kept out of shared caches", (_, given, expected) => {
  const passed = passedBack(new Headers(given === null ? {} : { "cache-control": given }), {
    isPersonal: true,
    sharesIssuerHost: false,
    cors: null,
  });
  expect(passed.get("cache-control")).toBe(expected);
  expect(passed.get("vary")).toBe("Authorization, X-API-Key");
});

test("what CDNs obey before Cache-Control (RFC 9213 §2.2) does not pass behind a credential", async () => {
  const isolate = await givenIsolate();
  const sent = [
    ["cache-control", "public, max-age=60"],
    ["cdn-cache-control", "max-age=600"],
    ["cloudflare-cdn-cache-control", "max-age=600"],
    ["surrogate-control", "max-age=600"],
    ["vary", "Accept"],
  ] as const;
  const guarded = await answered(isolate, sent);
  expect(guarded.get("cache-control")).toBe("private, max-age=60");
  expect(guarded.get("vary")).toBe("Accept, Authorization, X-API-Key");
  for (const name of ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control"]) {
    expect(guarded.get(name)).toBeNull();
  }
  const open = await answered(isolate, sent, publicly);
  expect(open.get("cache-control")).toBe("public, max-age=60");
  expect(open.get("cdn-cache-control")).toBe("max-age=600");
  expect(open.get("vary")).toBe("Accept");
});

test("an upstream's chatter and its claims under our names do not pass; what every answer bears is ours", async () => {
  const isolate = await givenIsolate();
  const headers = await answered(isolate, [
    ["server", "apache/2"],
    ["x-powered-by", "php"],
    ["x-aspnet-version", "4"],
    ["via", "1.1 varnish"],
    ["x-user-id", "root"],
    ["x-request-id", "theirs-123"],
    ["x-gatehouse-identity", "ey"],
    ["x-forwarded-for", "10.0.0.1"],
    ["cf-ray", "1"],
    ["strict-transport-security", "max-age=0"],
    ["x-content-type-options", "sniff"],
    ["referrer-policy", "unsafe-url"],
    ["etag", '"7"'],
    ["x-custom", "kept"],
  ]);
  for (const name of ["server", "x-powered-by", "x-aspnet-version", "via", "x-user-id", "cf-ray"]) {
    expect([name, headers.get(name)]).toEqual([name, null]);
  }
  for (const name of ["x-gatehouse-identity", "x-forwarded-for"]) expect(headers.get(name)).toBeNull();
  expect(headers.get("x-request-id")).toMatch(/^req_/);
  expect(headers.get("strict-transport-security")).toBe("max-age=63072000; includeSubDomains; preload");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("etag")).toBe('"7"');
  expect(headers.get("x-custom")).toBe("kept");
});
