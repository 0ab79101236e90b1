// GW-02. Raw bytes against the whole stack: the edge's twin in front of the real Worker, and the Worker's own listener without an
// edge. An upstream counts what reaches it: whatever is hidden in a request must never arrive as a request of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleWorker, readCompatibility } from "../../scripts/stack/bundle.ts";
import { workerEnvironment } from "../../scripts/stack/environment.ts";
import { openLocalData } from "../../scripts/stack/local-data.ts";
import { loadSecrets } from "../../scripts/stack/secrets.ts";
import { type Stack, startStack } from "../../scripts/stack/stack.ts";
import { type RunningWorker, runWorker } from "../../scripts/stack/workerd.ts";

type Arrived = { method: string; url: string; headers: Record<string, unknown>; body: string };

let directory: string;
let stack: Stack;
let bare: RunningWorker;
let upstream: Server;
let key: string;
let arrived: Arrived[] = [];

async function manage(path: string, body: unknown): Promise<{ key: string }> {
  const response = await fetch(`${stack.issuer}/admin/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect([path, response.status]).toEqual([path, 201]);
  return (await response.json()) as { key: string };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-smuggling-"));
  upstream = createServer((request, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (piece: string) => {
      body += piece;
    });
    request.on("end", () => {
      arrived.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      response.end("reached");
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const local = join(directory, "local");
  stack = await startStack({ port: 0, local, fresh: true });
  const data = openLocalData(local);
  bare = await runWorker({
    bundle: await bundleWorker(join(import.meta.dirname, "../../src/index.ts"), directory),
    configuration: join(directory, "workerd.capnp"),
    compatibility: readCompatibility(),
    environment: workerEnvironment(
      { issuer: stack.issuer, databaseUrl: stack.databaseUrl, redis: stack.redis, mailbox: stack.mailbox },
      loadSecrets(data),
      {},
    ),
    log: join(directory, "worker.log"),
    onError: () => undefined,
  });
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const match = (path: string) => ({ match: { path }, upstream: { url } });
  await manage("/routes", { name: "guarded", ...match("/guarded"), credentials: ["api-key"] });
  await manage("/routes", { name: "open", ...match("/open"), credentials: ["public"] });
  ({ key } = await manage("/keys", { name: "k", owner: { type: "user", id: "u1" } }));
}, 60_000);

afterAll(async () => {
  await bare?.stop();
  await stack?.stop();
  upstream?.closeAllConnections();
  upstream?.close();
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  arrived = [];
});

/** All that comes back on one connection, until the server closes it or has nothing more to say for a while. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    let quiet = setTimeout(() => socket.destroy(), 3000);
    socket.setEncoding("latin1").on("data", (piece: string) => {
      answer += piece;
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.destroy(), 400);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(quiet);
      resolve(answer);
    });
    socket.write(text, "latin1");
  });
}

const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const lines = (...text: string[]): string => text.join("\r\n");
const hidden = lines("GET /gateway/guarded/smuggled HTTP/1.1", "Host: localhost", "X-Smuggled: 1", "", "");

const doors = [
  ["behind the edge", () => Number(new URL(stack.issuer).port)],
  ["at the Worker's own listener", () => bare.port],
] as const;

/** Framing that two servers could read differently (RFC 9112 §6.3, §5.2): each must be refused, and its connection ended. */
const ambiguous: [name: string, head: string[], body: string][] = [
  ["CL.TE", ["Content-Length: 6", "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`],
  [
    "TE.CL",
    ["Transfer-Encoding: chunked", "Content-Length: 4"],
    `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
  ],
  ["two lengths", ["Content-Length: 0", `Content-Length: ${hidden.length}`], hidden],
  ["two lengths in one field", [`Content-Length: 0, ${hidden.length}`], hidden],
  ["a length with a sign", [`Content-Length: +${hidden.length}`], hidden],
  ["a length in hexadecimal", ["Content-Length: 0x10"], hidden],
  ["an obfuscated coding", ["Transfer-Encoding: xchunked"], `0\r\n\r\n${hidden}`],
  ["a coding that is not last", ["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${hidden}`],
  ["a space before the colon", ["Content-Length: 0", "Transfer-Encoding : chunked"], `0\r\n\r\n${hidden}`],
  ["a folded field", ["X-A: 1", " Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`],
];

describe.each(doors)("GW-02, %s", (_, portOf) => {
  test.each(ambiguous)("%s hides no request, guarded or open", async (_name, head, body) => {
    for (const route of ["guarded", "open"]) {
      arrived = [];
      const answer = await exchange(
        portOf(),
        `${lines(`POST /gateway/${route}/first HTTP/1.1`, "Host: localhost", `X-API-Key: ${key}`, ...head, "", "")}${body}`,
      );
      // What was hidden was never run: not by us, and not with the key of the request that hid it.
      expect(arrived.filter(({ url }) => url.includes("smuggled"))).toEqual([]);
      expect(arrived.every(({ headers }) => headers["x-smuggled"] === undefined)).toBe(true);
      expect(arrived.length).toBeLessThanOrEqual(1);
      expect(answer).not.toContain(key);
      // Refused, or read in one way and the rest answered as the stranger's that it is.
      const [first, ...rest] = statuses(answer);
      if (first !== 200) expect([400, 501]).toContain(first);
      expect(rest.filter((status) => status === 200)).toEqual([]);
    }
  });

  test("a request pipelined behind one with a key does not inherit it, and neither is answered with the other's answer", async () => {
    const first = lines(
      "POST /gateway/guarded/mine HTTP/1.1",
      "Host: localhost",
      `X-API-Key: ${key}`,
      "Content-Length: 4",
      "",
      "body",
    );
    const answer = await exchange(portOf(), first + hidden);
    expect(statuses(answer)).toEqual([200, 401]);
    expect(arrived.map(({ url, body }) => [url, body])).toEqual([["/mine", "body"]]);
  });

  test("a chunked body that holds a request arrives as that body, once", async () => {
    const size = hidden.length.toString(16);
    const answer = await exchange(
      portOf(),
      `${lines("POST /gateway/guarded/mine HTTP/1.1", "Host: localhost", `X-API-Key: ${key}`, "Transfer-Encoding: chunked", "", "")}${size}\r\n${hidden}\r\n0\r\n\r\n`,
    );
    expect(statuses(answer)).toEqual([200]);
    expect(arrived.map(({ method, url, body }) => [method, url, body])).toEqual([["POST", "/mine", hidden]]);
  });

  test("a GET with content is refused, and what it holds is not run", async () => {
    // RFC 9110 §9.3.1
    const answer = await exchange(
      portOf(),
      `${lines("GET /gateway/guarded/first HTTP/1.1", "Host: localhost", `X-API-Key: ${key}`, `Content-Length: ${hidden.length}`, "", "")}${hidden}`,
    );
    expect(statuses(answer)[0]).toBe(400);
    expect(answer).toContain('"error":"invalid_request"');
    expect(arrived).toEqual([]);
  });

  test.each([
    "authorization",
    "x-api-key",
    "x-user-id, x-gatehouse-identity",
    "close, host, cookie, x-request-id",
  ])("Connection: %s takes neither the check nor our identity away", async (named) => {
    // RFC 9110 §7.6.1
    const ask = (headers: string[]) =>
      exchange(
        portOf(),
        lines(
          "GET /gateway/guarded/x HTTP/1.1",
          "Host: localhost",
          `Connection: ${named}`,
          ...headers,
          "",
          "",
        ),
      );
    const stranger = await ask(["X-User-Id: root"]);
    expect(statuses(stranger)).toEqual([401]);
    expect(arrived).toEqual([]);
    const caller = await ask([`X-API-Key: ${key}`, "X-User-Id: root"]);
    expect(statuses(caller)).toEqual([200]);
    const [seen] = arrived;
    expect(seen?.headers).toMatchObject({ "x-user-id": "u1", "x-auth-method": "api-key" });
    expect(seen?.headers["x-gatehouse-identity"]).toMatch(/^ey/);
    expect(JSON.stringify(seen)).not.toContain(key);
  });

  test.each(["websocket", "h2c", "HTTP/2.0", "TLS/1.0"])(
    "Upgrade: %s opens no tunnel past the check, and a request behind it is judged by itself",
    async (protocol) => {
      const upgrade = lines(
        "GET /gateway/guarded/ws HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade, HTTP2-Settings",
        `Upgrade: ${protocol}`,
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "",
        "",
      );
      const answer = await exchange(portOf(), upgrade + hidden);
      expect(statuses(answer)[0]).toBe(401);
      expect(statuses(answer).filter((status) => status === 101 || status === 200)).toEqual([]);
      expect(arrived).toEqual([]);
    },
  );

  test("line ends in a header's value or in the URL make no second header", async () => {
    const split = await exchange(
      portOf(),
      lines(
        "GET /gateway/open/x%0d%0aX-User-Id:%20root HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "",
        "",
      ),
    );
    expect(statuses(split)).toEqual([400]);
    const bareLineFeed = await exchange(
      portOf(),
      lines(
        "GET /gateway/open/x HTTP/1.1",
        "Host: localhost",
        "X-A: 1\rX-User-Id: root",
        "Connection: close",
        "",
        "",
      ),
    );
    expect(statuses(bareLineFeed).every((status) => status === 400 || status === 200)).toBe(true);
    for (const { headers } of arrived) expect(headers["x-user-id"]).toBeUndefined();
  });
});
