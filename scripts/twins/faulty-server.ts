import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  createFaults,
  DEFAULT_LANE,
  type FaultRule,
  type Faults,
  parseFaultRules,
  reset,
  type Store,
} from "./faults.ts";

export interface TwinRequest {
  method: string;
  /** Without `/lane/<name>` and without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface TwinAnswer {
  status: number;
  headers?: Record<string, string>;
  body: string | Buffer;
}

export interface Twin {
  store: Store;
  /** The most a request body may hold; beyond it `tooLarge` answers. */
  requestBytesMax: number;
  tooLarge(): TwinAnswer;
  /** Where the lane is not named by the path. */
  laneOf?(headers: IncomingHttpHeaders): string;
  summarise(request: TwinRequest): string[];
  answer(request: TwinRequest): Promise<TwinAnswer>;
}

export interface ListenOptions {
  port?: number | undefined;
  host?: string | undefined;
  faults?: Faults | undefined;
}

/** Longer than clients keep idle connections, so that only a fault ever closes one under a request. */
const KEEP_ALIVE_MS = 120_000;

export function json(status: number, value: unknown, headers: Record<string, string> = {}): TwinAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

/** Serves a twin with the faults in front. `port` 0 or none takes a free one. */
export async function listen(twin: Twin, options: ListenOptions) {
  const faults = options.faults ?? createFaults();
  const server = createServer((incoming, outgoing) => {
    serve(twin, faults, incoming, outgoing).catch((cause: unknown) => {
      if (outgoing.headersSent) outgoing.destroy();
      else send(outgoing, json(500, { error: `the ${twin.store} twin failed: ${String(cause)}` }));
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    host,
    async close(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  twin: Twin,
  faults: Faults,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://twin");
  const body = await readBody(incoming, twin.requestBytesMax);
  const control = /^\/_(faults|calls)\/([^/]+)$/.exec(url.pathname);
  if (control) {
    const lane = decodeURIComponent(control[2] ?? "");
    return send(outgoing, answerControl(faults, control[1] ?? "", lane, incoming.method ?? "GET", body));
  }
  const byPath = /^\/lane\/([^/]+)(\/.*)?$/.exec(url.pathname);
  const request: TwinRequest = {
    method: incoming.method ?? "GET",
    path: byPath ? (byPath[2] ?? "/") : url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: body ?? Buffer.alloc(0),
  };
  const lane = byPath?.[1]
    ? decodeURIComponent(byPath[1])
    : (twin.laneOf?.(incoming.headers) ?? DEFAULT_LANE);
  const text = request.body.toString("utf8");
  const rule = faults.take(lane, twin.store, `${request.path}\n${text}`);
  const summary = body ? twin.summarise(request) : [];
  faults.record(lane, {
    at: Date.now(),
    store: twin.store,
    summary,
    body: text || request.path,
    fault: rule?.kind ?? null,
  });
  const run = async () => (body ? twin.answer(request) : twin.tooLarge());
  if (!rule) return send(outgoing, await run());
  await misbehave(rule, run, outgoing, () => faults.hold(lane, incoming.socket));
}

async function misbehave(
  rule: FaultRule,
  run: () => Promise<TwinAnswer>,
  outgoing: ServerResponse,
  hold: () => void,
): Promise<void> {
  switch (rule.kind) {
    case "refuse":
      if (outgoing.socket) reset(outgoing.socket);
      return;
    case "hang":
      return hold();
    case "slow":
      await delay(rule.ms, undefined, { ref: false });
      return send(outgoing, await run());
    case "status":
      return send(outgoing, {
        status: rule.status,
        headers: { "content-type": "application/json" },
        body: rule.body ?? JSON.stringify({ error: `fault: status ${rule.status}` }),
      });
    case "garble":
      await run();
      return send(outgoing, {
        status: 200,
        headers: { "content-type": "application/json" },
        body: '{"result": [}',
      });
    case "partial":
      return sendHalf(outgoing, await run());
    case "drop-after":
      await run();
      if (outgoing.socket) reset(outgoing.socket);
      return;
  }
}

function send(outgoing: ServerResponse, answer: TwinAnswer): void {
  if (outgoing.destroyed) return;
  const body = Buffer.from(answer.body);
  outgoing.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  outgoing.end(body);
}

/** The length is announced in full: only the missing half tells the reader that something is wrong. */
function sendHalf(outgoing: ServerResponse, answer: TwinAnswer): void {
  const body = Buffer.from(answer.body);
  outgoing.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.socket?.end());
}

/** Null when the body is over the limit; it is read to its end all the same, so that an answer can be sent. */
async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= bytesMax) chunks.push(chunk);
  }
  return size > bytesMax ? null : Buffer.concat(chunks);
}

/** Control paths let tests inside workerd drive faults by fetch; they are never counted or harmed. */
function answerControl(
  faults: Faults,
  what: string,
  lane: string,
  method: string,
  body: Buffer | null,
): TwinAnswer {
  if (what === "calls" && method === "GET") return json(200, faults.calls(lane));
  if (what === "calls" && method === "DELETE") faults.forgetCalls(lane);
  else if (what === "faults" && method === "DELETE") faults.clear(lane);
  else if (what === "faults" && method === "PUT") {
    try {
      faults.set(lane, parseFaultRules(body?.toString("utf8") ?? ""));
    } catch (cause) {
      return json(400, { error: String(cause) });
    }
  } else return json(405, { error: "PUT or DELETE /_faults/<lane>, GET or DELETE /_calls/<lane>" });
  return json(200, { ok: true });
}
