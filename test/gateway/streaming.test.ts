import { decodeJwt } from "jose";
import { expect, inject, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, unique } from "../support/given.ts";

async function givenPassage() {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const { upstream } = inject("stores");
  const route = await givenRoute(isolate, { upstream: { kind: "url", url: upstream }, timeoutSeconds: 5 });
  const call = (path: string, init: RequestInit = {}) =>
    isolate.fetch(`${route.url}${path}`, { ...init, headers: { ...init.headers, "x-api-key": key } });
  const seen = async (id: string) => (await fetch(`${upstream}/seen/${id}`)).json();
  return { isolate, route, key, call, seen };
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function nextText(reader: Reader): Promise<string> {
  const { value } = await reader.read();
  return decoder.decode(value);
}

function readerOf(answer: Response): Reader {
  if (answer.body === null) throw new Error("the answer has no body");
  return answer.body.getReader() as Reader;
}

test("chunks that the upstream sends arrive while it is still sending", async () => {
  const { call, seen } = await givenPassage();
  const id = unique("events");
  const answer = await call(`/stream/20?id=${id}`);
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const reader = readerOf(answer);
  expect(await nextText(reader)).toContain("data: 0");
  expect(await seen(id)).toEqual({ aborted: false, finished: false });
  let rest = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
    rest += decoder.decode(chunk.value);
  expect(rest).toContain("data: 19");
  expect(await seen(id)).toEqual({ aborted: false, finished: true });
});

test("each chunk of an upload reaches the upstream, and its echo the caller, before the next chunk is sent", async () => {
  const { call } = await givenPassage();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answering = call("/mirror", { method: "POST", body: readable });
  void writer.write(encoder.encode("first"));
  const answer = await answering;
  expect(answer.status).toBe(200);
  const reader = readerOf(answer);
  expect(await nextText(reader)).toBe("first");
  void writer.write(encoder.encode("second"));
  expect(await nextText(reader)).toBe("second");
  void writer.close();
  expect((await reader.read()).done).toBe(true);
});

test("an upload of many megabytes passes whole, with its length or without one", async () => {
  const { call } = await givenPassage();
  const megabyte = new Uint8Array(1024 * 1024).fill(65);
  const bytes = 24 * megabyte.length;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === bytes) return controller.close();
      sent += megabyte.length;
      controller.enqueue(megabyte);
    },
  });
  const unknownLength = await echoOf(await call("/echo", { method: "PUT", body }));
  expect(unknownLength.bytes).toBe(bytes);
  expect(unknownLength.headers["transfer-encoding"]).toBe("chunked");
  const known = await echoOf(
    await call("/echo", { method: "PUT", body: new Uint8Array(5 * megabyte.length) }),
  );
  expect(known.bytes).toBe(5 * megabyte.length);
});

test("a download of many megabytes passes whole", async () => {
  const { call } = await givenPassage();
  const bytes = 8 * 1024 * 1024;
  const answer = await call("/mirror", { method: "POST", body: new Uint8Array(bytes).fill(66) });
  expect((await answer.arrayBuffer()).byteLength).toBe(bytes);
});

test("a caller who leaves before the answer takes the upstream call along, and nobody is told a failure", async () => {
  const { call, seen } = await givenPassage();
  const id = unique("gone");
  const caller = new AbortController();
  const answering = call(`/hang?id=${id}`, { signal: caller.signal });
  await expect.poll(() => seen(id), { timeout: 5000 }).toEqual({ aborted: false, finished: false });
  caller.abort();
  const answer = await answering;
  expect(answer.status).toBe(499);
  expect(answer.body).toBeNull();
  await expect.poll(() => seen(id), { timeout: 5000 }).toEqual({ aborted: true, finished: false });
});

test("a caller who leaves in the middle of an answer ends the upstream's sending", async () => {
  const { call, seen } = await givenPassage();
  const id = unique("left");
  const caller = new AbortController();
  const answer = await call(`/stream/400?id=${id}`, { signal: caller.signal });
  const reader = readerOf(answer);
  expect(await nextText(reader)).toContain("data: 0");
  caller.abort();
  await reader.cancel().catch(() => undefined);
  await expect.poll(() => seen(id), { timeout: 5000 }).toEqual({ aborted: true, finished: false });
});

function nextMessage(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.addEventListener("message", (event) => resolve(String(event.data)), { once: true });
  });
}

test("a WebSocket passes both ways, opened with the caller's identity and without the key", async () => {
  const { call, key } = await givenPassage();
  const answer = await call("/socket?room=1", { headers: { upgrade: "websocket", "x-user-id": "root" } });
  expect(answer.status).toBe(101);
  const socket = answer.webSocket;
  if (!socket) throw new Error("no WebSocket came back");
  const greeting = nextMessage(socket);
  socket.accept();
  const headers = JSON.parse(await greeting) as Record<string, string>;
  expect(headers["x-auth-method"]).toBe("api-key");
  expect(headers["x-user-id"]).not.toBe("root");
  expect(JSON.stringify(headers)).not.toContain(key);
  expect(decodeJwt(headers["x-gatehouse-identity"] ?? "")).toMatchObject({ htm: "GET" });

  const echo = nextMessage(socket);
  socket.send("hello");
  expect(await echo).toBe("echo hello");
  const closed = new Promise((resolve) => {
    socket.addEventListener("close", resolve, { once: true });
  });
  socket.close(1000, "done");
  await closed;
});

test("an upgrade to WebSocket needs a good key like any other call", async () => {
  const { isolate, route } = await givenPassage();
  const upgrade = { upgrade: "websocket", connection: "Upgrade" };
  const missing = await isolate.fetch(`${route.url}/socket`, { headers: upgrade });
  expect([missing.status, missing.webSocket]).toEqual([401, null]);
  const headers = { ...upgrade, "x-api-key": "gk_live_nonsense" };
  const bad = await isolate.fetch(`${route.url}/socket`, { headers });
  expect([bad.status, bad.webSocket]).toEqual([403, null]);
});
