import { expect, inject, test } from "vitest";
import { problemBody } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute } from "../support/given.ts";

const exposed =
  "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Gatehouse-Degraded, WWW-Authenticate";
const listed = "https://app.example.test";
const preflightFrom = (origin: string): RequestInit => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" },
});

const corsHeaders = (answer: Response): string[] =>
  [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));

test("a preflight from a listed origin is answered for it alone, without a credential and without the upstream", async () => {
  const isolate = await givenIsolate();
  const upstream = { kind: "url", url: `${inject("stores").upstream}/drop` } as const;
  const route = await givenRoute(isolate, { upstream, corsOrigins: [listed, "https://other.example.test"] });
  const answer = await isolate.fetch(`${route.url}/x`, preflightFrom(listed));
  expect(answer.status).toBe(204);
  expect(answer.headers.get("access-control-allow-origin")).toBe(listed);
  expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
  expect(answer.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("x-api-key");
  expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  expect(answer.headers.get("vary")).toBe("Origin, Access-Control-Request-Headers");
});

test("a preflight allows what the page asks to send, but nothing that only the gateway says and no broken name", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { corsOrigins: [listed] });
  const always = "authorization, content-type, x-api-key, x-request-id, traceparent, tracestate";
  const allowed = async (asked: string) => {
    const headers = { origin: listed, "access-control-request-method": "POST" };
    const init = { method: "OPTIONS", headers: { ...headers, "access-control-request-headers": asked } };
    const answer = await isolate.fetch(route.url, init);
    expect(answer.status).toBe(204);
    return answer.headers.get("access-control-allow-headers");
  };
  expect(await allowed("")).toBe(always);
  expect(await allowed("idempotency-key,X-Custom, x-api-key")).toBe(`${always}, idempotency-key, x-custom`);
  const refused =
    "x-user-id, x-forwarded-for, x-gatehouse-ask, cf-connecting-ip, x_user_id, *, a b, a:b, <x>";
  expect(await allowed(refused)).toBe(always);
  const many = Array.from({ length: 200 }, (_, at) => `x-${at}`).join(", ");
  expect((await allowed(many))?.split(", ")).toHaveLength(6 + 50);
});

test.each(["https://evil.test", "null", "https://app.example.test.evil.test", "http://app.example.test"])(
  "a preflight from %s, which the route does not list, is refused like any call without a key",
  async (origin) => {
    const isolate = await givenIsolate();
    const route = await givenRoute(isolate, { corsOrigins: [listed] });
    const answer = await isolate.fetch(route.url, preflightFrom(origin));
    expect(answer.status).toBe(401);
    expect(corsHeaders(answer)).toEqual([]);
  },
);

test("no origin is allowed by default: preflights are refused and answers bear no CORS header", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  expect((await isolate.fetch(route.url, preflightFrom(listed))).status).toBe(401);
  const answer = await isolate.fetch(route.url, { headers: { origin: listed, "x-api-key": key } });
  expect(answer.status).toBe(200);
  expect(corsHeaders(answer)).toEqual([]);
  expect(answer.headers.get("vary")).toBe("Authorization, X-API-Key");
});

test("an answer names the caller's origin when it is listed, and varies by it in each case", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate, { corsOrigins: [listed] });
  const from = (origin: string | null) =>
    isolate.fetch(route.url, { headers: { "x-api-key": key, ...(origin === null ? {} : { origin }) } });
  for (const [origin, allowed] of [
    [listed, listed],
    ["https://evil.test", null],
    [null, null],
  ] as const) {
    const answer = await from(origin);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(answer.headers.get("access-control-expose-headers")).toBe(allowed && exposed);
    expect(answer.headers.get("vary")).toBe("Authorization, X-API-Key, Origin");
  }
});

test("a page of a listed origin may read why it was refused; another page may not", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { corsOrigins: [listed] });
  const refused = await isolate.fetch(route.url, { headers: { origin: listed } });
  expect(refused.status).toBe(401);
  expect((await problemBody(refused)).error).toBe("Missing API Key");
  expect(refused.headers.get("access-control-allow-origin")).toBe(listed);
  expect(refused.headers.get("access-control-expose-headers")).toBe(exposed);
  expect(refused.headers.get("vary")).toBe("Origin");
  const evil = await isolate.fetch(route.url, { headers: { origin: "https://evil.test" } });
  expect(evil.status).toBe(401);
  expect(corsHeaders(evil)).toEqual([]);
});

test("an upstream's own CORS headers never pass: the route's list decides alone", async () => {
  const isolate = await givenIsolate();
  const upstream = { kind: "url", url: inject("stores").upstream } as const;
  const route = await givenRoute(isolate, { upstream, credentials: ["public"] });
  const claims = new URLSearchParams({
    "access-control-allow-origin": "*",
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "*",
    "access-control-allow-private-network": "true",
  });
  const answer = await isolate.fetch(`${route.url}/headers?${claims}`, { headers: { origin: listed } });
  expect(answer.status).toBe(200);
  expect(corsHeaders(answer)).toEqual([]);
});

test("an OPTIONS that is no preflight goes to the upstream like any other call", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate, { corsOrigins: [listed] });
  const init = { method: "OPTIONS", headers: { "x-api-key": key } };
  const answer = await isolate.fetch(route.url, init);
  expect(answer.status).toBe(200);
  expect(((await answer.json()) as { method: string }).method).toBe("OPTIONS");
});
