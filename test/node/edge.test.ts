import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleWorker, readCompatibility } from "../../scripts/stack/bundle.ts";
import { type RunningWorker, runWorker } from "../../scripts/stack/workerd.ts";
import { type Edge, startEdge } from "../../scripts/twins/edge.ts";

type Seen = {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: number;
  cf: { colo: string; tlsClientAuth: Record<string, unknown> };
};

let directory: string;
let worker: RunningWorker;
let edge: Edge;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-edge-"));
  worker = await runWorker({
    bundle: await bundleWorker(join(import.meta.dirname, "stubs/edge.worker.ts"), directory),
    configuration: join(directory, "workerd.capnp"),
    compatibility: readCompatibility(),
    environment: {},
    log: join(directory, "worker.log"),
    onError: () => undefined,
  });
  edge = await startEdge({ port: 0, upstreamPort: worker.port });
});

afterAll(async () => {
  await edge?.close();
  await worker?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A request as raw as Node lets one be, with the answer once its headers are there. */
async function send(path: string, options: RequestOptions = {}, body?: string | Buffer) {
  const request = httpRequest({ host: "127.0.0.1", port: edge.port, path, agent: false, ...options });
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  request.end(body);
  const [response] = await answered;
  return response;
}

async function see(path: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Seen> {
  return JSON.parse(await text(await send(path, options, body))) as Seen;
}

async function sendRaw(lines: string): Promise<string> {
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(lines);
  return text(socket);
}

describe("the edge's addresses", () => {
  it("answers on both loopback addresses and on the name", async () => {
    for (const origin of [edge.url, `http://127.0.0.1:${edge.port}`, `http://[::1]:${edge.port}`]) {
      expect((await fetch(origin)).status, origin).toBe(200);
    }
  });

  it("tells the Worker the socket's own address and the Host that was asked for", async () => {
    const four = await see("/x?y=1", { headers: { Host: "shop.example:8080" } });
    expect(four.url).toBe("http://shop.example:8080/x?y=1");
    expect(four.headers["cf-connecting-ip"]).toBe("127.0.0.1");
    expect((await see("/", { host: "::1" })).headers["cf-connecting-ip"]).toBe("::1");
  });

  it("takes the authority of an absolute target before the Host header", async () => {
    const answer = await sendRaw(
      "GET http://shop.example/a HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toContain('"url":"http://shop.example/a"');
  });
});

describe("the edge's headers", () => {
  it("removes the client's copies of what only the edge may say", async () => {
    const { headers, cf } = await see("/", {
      headers: {
        "CF-Connecting-IP": "6.6.6.6",
        "Cf-Ray": "mine",
        "cf-edge-blob": '{"colo":"EVIL"}',
        "cf-edge-proto": "https",
        "CF-Worker": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "9.9.9.9",
      },
    });
    expect(headers).toMatchObject({
      "cf-connecting-ip": "127.0.0.1",
      "cf-ray": expect.stringMatching(/^[0-9a-f]{16}$/),
      "cf-visitor": '{"scheme":"http"}',
      "x-forwarded-proto": "http",
      "x-forwarded-for": "9.9.9.9, 127.0.0.1",
    });
    expect(headers).not.toHaveProperty("cf-worker");
    expect(headers).not.toHaveProperty("cf-edge-blob");
    expect(headers).not.toHaveProperty("cf-edge-proto");
    expect(cf.colo).toBe("LOC");
    expect(cf.tlsClientAuth).toMatchObject({ certPresented: "0", certVerified: "NONE", certRFC9440: "" });
  });

  it("removes hop-by-hop headers, and leaves what a client merely names in Connection", async () => {
    const answer = await sendRaw(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-User-Id\r\nX-User-Id: 7\r\nKeep-Alive: 5\r\n" +
        "TE: trailers\r\nTrailer: x\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\n\r\n",
    );
    const { headers } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as Seen;
    expect(headers["x-user-id"]).toBe("7");
    for (const name of ["keep-alive", "te", "trailer", "proxy-authorization", "upgrade"]) {
      expect(headers, name).not.toHaveProperty(name);
    }
  });

  it("passes twice what was sent twice, and each cookie of the answer by itself", async () => {
    const response = await send("/", { headers: { "x-user_id": ["a", "b"] } });
    expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect((JSON.parse(await text(response)) as Seen).headers["x-user_id"]).toBe("a, b");
  });

  it("answers 414 beyond 16 KB of URL, 431 beyond 128 KB of headers, 400 to two Hosts", async () => {
    expect((await send(`/${"a".repeat(16 * 1024)}`)).statusCode).toBe(414);
    expect((await send("/", { headers: { a: "b".repeat(129 * 1024) } })).statusCode).toBe(431);
    expect((await send("/", { headers: { a: "b".repeat(700 * 1024) } })).statusCode).toBe(431);
    expect((await send("/", { headers: { a: "b".repeat(120 * 1024) } })).statusCode).toBe(200);
    expect(await sendRaw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1.1 400 /,
    );
    expect(await sendRaw("GET / HTTP/1.1\r\nBroken\r\n\r\n")).toContain('"error":"bad_request"');
  });
});

describe("the edge's bodies", () => {
  it("streams both ways at once, each piece as it comes", async () => {
    const request = httpRequest({
      port: edge.port,
      host: "127.0.0.1",
      path: "/echo",
      method: "POST",
      agent: false,
    });
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    request.write("one");
    const [response] = await answered;
    for (const piece of ["one", "two", "three"]) {
      if (piece !== "one") request.write(piece);
      expect(String((await once(response, "data"))[0])).toBe(piece);
    }
    request.end();
    await once(response, "end");
  });

  it("keeps the framing of a body whatever the method", async () => {
    const chunked = { method: "GET", headers: { "Transfer-Encoding": "chunked" } };
    expect((await see("/", chunked, "12345")).body).toBe(5);
    expect((await see("/", { method: "DELETE", headers: { "Content-Length": "5" } }, "12345")).body).toBe(5);
    const bare = await sendRaw("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(bare).toContain('"body":0');
    expect((await send("/", { method: "HEAD" })).statusCode).toBe(200);
  });

  it("stops reading a client whose body the Worker does not take", async () => {
    const release = Promise.withResolvers<void>();
    const target = createServer((request, response) => {
      request.pause();
      void release.promise.then(() => request.resume().on("end", () => response.end("read")));
    });
    await once(target.listen(0, "127.0.0.1"), "listening");
    const stalled = await startEdge({ port: 0, upstreamPort: (target.address() as AddressInfo).port });
    const client = connect(stalled.port, "127.0.0.1");
    client.write("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 67108864\r\n\r\n");
    client.write(Buffer.alloc(64 * 1024 * 1024));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(client.writableLength).toBeGreaterThan(32 * 1024 * 1024);
    release.resolve();
    expect(await text(client)).toContain("read");
    await stalled.close();
    target.close();
  });

  it("brings an answer that came before the body was read", async () => {
    for (let round = 0; round < 10; round += 1) {
      const response = await send("/early", { method: "POST" }, Buffer.alloc(4 * 1024 * 1024));
      expect([response.statusCode, await text(response)]).toEqual([413, "enough"]);
    }
  });

  it("breaks the client's answer when the Worker's breaks", async () => {
    const request = httpRequest({
      port: edge.port,
      host: "127.0.0.1",
      path: "/break",
      method: "POST",
      agent: false,
    });
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    request.on("error", () => undefined).write("one");
    const [response] = await answered;
    await once(response, "data");
    request.write("two");
    await expect(text(response)).rejects.toThrow("aborted");
  });

  it("aborts the Worker's own call when the client goes away", async () => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    const target = createServer((request) => arrived.resolve(request));
    await once(target.listen(0, "127.0.0.1"), "listening");
    const to = encodeURIComponent(`http://127.0.0.1:${(target.address() as AddressInfo).port}/`);
    const client = new AbortController();
    const call = fetch(`${edge.url}/upstream?to=${to}`, { signal: client.signal });
    const closed = once((await arrived.promise).socket, "close");
    client.abort();
    await expect(call).rejects.toThrow();
    await closed;
    target.close();
  });
});

describe("the edge's other ways", () => {
  it("carries a WebSocket both ways", async () => {
    const socket = new WebSocket(`ws://localhost:${edge.port}/socket`);
    await once(socket, "open");
    for (const word of ["one", "two"]) {
      const received = once(socket, "message");
      socket.send(word);
      expect(((await received)[0] as MessageEvent).data).toBe(`back: ${word}`);
    }
    const closed = once(socket, "close");
    socket.close(1000);
    expect(((await closed)[0] as CloseEvent).code).toBe(1000);
  });

  it("hands on a refused WebSocket as the plain answer it is", async () => {
    const answer = await sendRaw(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer).toContain('"upgrade":"websocket"');
  });

  it("answers 502 in problem+json while there is no Worker", async () => {
    for (const upstreamPort of [() => undefined, 1]) {
      const lonely = await startEdge({ port: 0, upstreamPort });
      const response = await fetch(`${lonely.url}/x`, { method: "POST", body: "lost" });
      expect(response.status).toBe(502);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: 502, error: "worker_unavailable" });
      await lonely.close();
    }
  });

  it("runs the cron trigger through the runtime", async () => {
    // The stub has no scheduled handler, and the runtime says so.
    await expect(worker.tick()).rejects.toThrow();
  });
});
