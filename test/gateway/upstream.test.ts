import { expect, inject, test } from "vitest";
import { echoOf, problemBody } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";

/** A route to the upstream's root, whose paths choose what it does, and a key for it. */
async function givenPassage(isolate: Isolate, draft: Parameters<typeof givenRoute>[1] = {}) {
  const { key } = await givenKey(isolate);
  const upstream = { kind: "url", url: inject("stores").upstream } as const;
  const route = await givenRoute(isolate, { upstream, ...draft });
  const call = (path: string, init: RequestInit = {}) =>
    isolate.fetch(`${route.url}${path}`, { ...init, headers: { ...init.headers, "x-api-key": key } });
  return { route, call };
}

/** A service binding that answers by itself and keeps what it was asked. */
function givenBinding(answer: () => Response = () => Response.json({ from: "binding" })) {
  const asked: Request[] = [];
  const binding = {
    async fetch(request: Request): Promise<Response> {
      asked.push(request);
      return answer();
    },
  };
  return { asked, environment: { ORDERS: binding } as unknown as Record<string, string> };
}

test("a refused or broken upstream is 502 problem+json with the request id, and nothing of the upstream in it", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate);
  const dropped = await call("/drop", { headers: { "x-request-id": "request-502" } });
  expect(dropped.status).toBe(502);
  expect(dropped.headers.get("content-type")).toBe("application/problem+json");
  expect(dropped.headers.get("x-request-id")).toBe("request-502");
  const body = await problemBody(dropped);
  expect(body).toMatchObject({ error: "upstream_unreachable", status: 502, request_id: "request-502" });
  expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN|socket/i);

  const closed = await givenPassage(isolate, { upstream: { kind: "url", url: "http://127.0.0.1:9" } });
  expect((await closed.call("/")).status).toBe(502);
});

test("an upstream slower than the route allows is 504, and the call to it is given up", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate, { timeoutSeconds: 1 });
  const id = unique("slow");
  const answer = await call(`/hang?id=${id}`);
  expect(answer.status).toBe(504);
  expect((await problemBody(answer)).error).toBe("upstream_timeout");
  const { upstream } = inject("stores");
  await expect
    .poll(async () => (await fetch(`${upstream}/seen/${id}`)).json(), { timeout: 5000 })
    .toEqual({ aborted: true, finished: false });
});

/** A body whose second half comes after a while, as a slow caller's does. */
function slowBody(milliseconds: number): ReadableStream<Uint8Array> {
  const { upstream } = inject("stores");
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(encoder.encode("first "));
      await fetch(`${upstream}/slow/${milliseconds}`);
      controller.enqueue(encoder.encode("second"));
      controller.close();
    },
  });
}

test("the time a caller takes to send is not the upstream's: an upload longer than the timeout passes", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate, { timeoutSeconds: 1 });
  const answer = await call("/echo", { method: "POST", body: slowBody(1600) });
  expect(answer.status).toBe(200);
  expect(await echoOf(answer)).toMatchObject({ body: "first second", bytes: 12 });
});

test("an upstream that has the whole upload and does not answer in time is 504", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate, { timeoutSeconds: 1 });
  const answer = await call("/hang", { method: "POST", body: slowBody(100) });
  expect([answer.status, (await problemBody(answer)).error]).toEqual([504, "upstream_timeout"]);
});

test("a caller who leaves in the middle of his upload takes the upstream call along", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate, { timeoutSeconds: 1 });
  const id = unique("upload");
  const seen = async () => (await fetch(`${inject("stores").upstream}/seen/${id}`)).json();
  const caller = new AbortController();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  void writable.getWriter().write(new Uint8Array(10));
  const answering = call(`/echo?id=${id}`, { method: "POST", body: readable, signal: caller.signal });
  await expect.poll(seen, { timeout: 5000 }).toEqual({ aborted: false, finished: false });
  caller.abort();
  expect((await answering).status).toBe(499);
  await expect.poll(seen, { timeout: 5000 }).toEqual({ aborted: true, finished: false });
});

test.each([200, 201, 204, 205, 304, 400, 401, 404, 418, 429, 500, 503, 599])(
  "an upstream's status %i is the caller's status",
  async (status) => {
    const isolate = await givenIsolate();
    const { call } = await givenPassage(isolate);
    const answer = await call(`/status/${status}`);
    expect(answer.status).toBe(status);
    await answer.body?.cancel();
  },
);

test.each([
  [600, 502],
  [999, 502],
  [522, 504],
  [521, 502],
])(
  "a status %i, which is no answer of HTTP's (RFC 9110 §15) or the edge's own, is %i",
  async (given, told) => {
    const isolate = await givenIsolate();
    const { call } = await givenPassage(isolate);
    const answer = await call(`/status/${given}`);
    expect(answer.status).toBe(told);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  },
);

test("a redirect is the caller's to follow: it passes with its Location and is not followed", async () => {
  const isolate = await givenIsolate();
  const asked = givenBinding(() => new Response(null, { status: 302, headers: { location: "/elsewhere" } }));
  const bound = await givenIsolate({ environment: asked.environment });
  const redirected = await (
    await givenPassage(bound, { upstream: { kind: "service", service: "ORDERS" } })
  ).call("/");
  expect(redirected.status).toBe(302);
  expect(redirected.headers.get("location")).toBe("/elsewhere");
  expect(asked.asked).toHaveLength(1);
  const { call } = await givenPassage(isolate);
  expect((await call("/status/307")).status).toBe(307);
});

test("HEAD and OPTIONS reach the upstream as they are, and HEAD is answered without a body", async () => {
  const isolate = await givenIsolate();
  const binding = givenBinding(() => new Response(null, { headers: { "x-custom": "1" } }));
  const bound = await givenIsolate({ environment: binding.environment });
  const service = await givenPassage(bound, { upstream: { kind: "service", service: "ORDERS" } });
  for (const method of ["HEAD", "OPTIONS"]) {
    const answer = await service.call("/x", { method });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-custom")).toBe("1");
  }
  expect(binding.asked.map((request) => request.method)).toEqual(["HEAD", "OPTIONS"]);
  const head = await (await givenPassage(isolate)).call("/echo", { method: "HEAD" });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe("");
});

test.each(["POST", "PUT", "PATCH", "DELETE"])("%s passes with its body and length", async (method) => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate);
  const init = { method, body: "hello", headers: { "content-type": "text/plain", "content-length": "5" } };
  const echo = await echoOf(await call("/echo", init));
  expect(echo).toMatchObject({ method, bytes: 5, body: "hello" });
  expect(echo.headers["content-type"]).toBe("text/plain");
  expect([echo.headers["content-length"], echo.headers["transfer-encoding"]]).toEqual(["5", undefined]);
});

test("TRACE would show the upstream's view of our headers (RFC 9110 §9.3.8): 405 with what is answered instead", async () => {
  const isolate = await givenIsolate();
  const { call } = await givenPassage(isolate);
  const answer = await call("/echo", { method: "TRACE" });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("allow")).toBe("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  expect((await problemBody(answer)).error).toBe("method_not_allowed");
});

test("an upstream behind a service binding is called by its binding, and named in the identity's audience", async () => {
  const binding = givenBinding();
  const isolate = await givenIsolate({ environment: binding.environment });
  const { call } = await givenPassage(isolate, { upstream: { kind: "service", service: "ORDERS" } });
  const answer = await call("/list?x=1");
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ from: "binding" });
  const [request] = binding.asked;
  expect(request?.url).toBe("https://orders/list?x=1");
  expect(request?.headers.get("x-auth-method")).toBe("api-key");
  expect(request?.headers.has("x-api-key")).toBe(false);
  const [, payload = ""] = request?.headers.get("x-gatehouse-identity")?.split(".") ?? [];
  expect(JSON.parse(atob(payload))).toMatchObject({ aud: "service:ORDERS", htu: "https://orders/list" });
});

test("a route to a binding this Worker does not have is 502", async () => {
  const withBinding = await givenIsolate({ environment: givenBinding().environment });
  const { route } = await givenPassage(withBinding, { upstream: { kind: "service", service: "ORDERS" } });
  const without = await givenIsolate();
  const { key } = await givenKey(without);
  const answer = await without.fetch(route.url, { headers: { "x-api-key": key } });
  expect(answer.status).toBe(502);
  expect((await problemBody(answer)).error).toBe("upstream_unreachable");
});

test("a binding that throws is 502 and tells nothing of what it threw", async () => {
  const binding = givenBinding(() => {
    throw new Error("secret-of-the-upstream");
  });
  const isolate = await givenIsolate({ environment: binding.environment });
  const { call } = await givenPassage(isolate, { upstream: { kind: "service", service: "ORDERS" } });
  const answer = await call("/");
  expect(answer.status).toBe(502);
  expect(await answer.text()).not.toContain("secret");
});

test("the platform's own cache is passed by behind a credential, since it keeps answers by URL alone", async () => {
  const binding = givenBinding();
  const isolate = await givenIsolate({ environment: binding.environment });
  const service = { kind: "service", service: "ORDERS" } as const;
  await (await givenPassage(isolate, { upstream: service })).call("/me.css");
  const open = await givenPassage(isolate, { upstream: service, credentials: ["public"] });
  await isolate.fetch(`${open.route.url}/logo.css`);
  expect(binding.asked.map((request) => request.cache)).toEqual(["no-store", undefined]);
});
