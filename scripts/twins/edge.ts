import { randomBytes } from "node:crypto";
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as requestWorker,
  type Server,
  ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type NetConnectOpts, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  countHeader,
  headersForClient,
  headersForWorker,
  isWebSocketUpgrade,
  totalBytes,
} from "./edge-headers.ts";
import { endAfterUpload, LINGER_MS, type Refusal, refuse, refuseRaw, serialize } from "./edge-refusals.ts";
import { reset } from "./faults.ts";

// The platform's own limits.
const URL_BYTES_MAX = 16 * 1024;
const HEADER_BYTES_MAX = 128 * 1024;
// Node must read beyond both limits to be able to say which one was passed.
const PARSER_BYTES_MAX = 512 * 1024;
const KEEP_ALIVE_MS = 75_000;
// workerd closes an idle connection after 5 s; ours must be let go before, or a request meets the closing.
const WORKER_IDLE_MS = 3_000;

export type EdgeOptions = {
  /** 0 takes any free port. */
  port: number;
  hosts?: readonly string[];
  /** A function while the Worker is still on its way: undefined is answered with 502. */
  upstreamPort: number | (() => number | undefined);
  /** With it the edge speaks TLS and asks for a client certificate, verified against `ca`. */
  tls?: { key: string; cert: string; ca?: string };
};

export type Edge = { url: string; port: number; close(): Promise<void> };

type Upstream = { port(): number | undefined; agent: Agent };

/** Cloudflare's edge, as far as the Worker can tell: on every loopback address, streaming both ways. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { upstreamPort, tls } = options;
  const agent = new Agent({ keepAlive: true, timeout: WORKER_IDLE_MS });
  agent.createConnection = (target) => readAfterFailedWrite(connect(target as NetConnectOpts));
  const upstream: Upstream = {
    port: () => (typeof upstreamPort === "function" ? upstreamPort() : upstreamPort),
    agent,
  };
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  async function close(): Promise<void> {
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of sockets) socket.destroy();
    agent.destroy();
    await Promise.all(closed);
  }
  let port = options.port;
  for (const host of options.hosts ?? ["127.0.0.1", "::1"]) {
    const server = createFront(upstream, sockets, tls);
    try {
      port = await listen(server, host, port);
      servers.push(server);
    } catch (error) {
      if (servers.length > 0 && isMissingAddress(error)) continue;
      await close();
      throw error;
    }
  }
  return { url: `${tls ? "https" : "http"}://localhost:${port}`, port, close };
}

function createFront(upstream: Upstream, sockets: Set<Socket>, tls: EdgeOptions["tls"]): Server {
  const settings = {
    maxHeaderSize: PARSER_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // An upload may take as long as it takes.
    requestTimeout: 0,
    shouldUpgradeCallback: isWebSocketUpgrade,
  };
  const server = tls
    ? createTlsServer({ ...settings, ...tls, requestCert: true, rejectUnauthorized: false })
    : createServer(settings);
  // Upgraded connections leave the server's own list, so they are counted here.
  for (const event of ["connection", "secureConnection"]) {
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
  }
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    forward(upstream, request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    forwardWebSocket(upstream, request, socket as Socket, head);
  });
  server.on("connect", (_request: IncomingMessage, socket: Duplex) => refuseRaw(socket, 405));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    // Refused already: the parser stumbles over every further piece.
    if (!socket.writable) return;
    refuseRaw(socket, error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400);
    // What still comes is not parsed, only taken in, so that the client gets to reading the refusal.
    socket.removeAllListeners("data").resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
  return server;
}

function forward(upstream: Upstream, request: IncomingMessage, response: ServerResponse): void {
  const call = callWorker(upstream, request);
  if (typeof call === "number") {
    refuse(response, call);
    return;
  }
  call.on("error", () => (response.headersSent ? response.destroy() : refuse(response, 502)));
  call.on("response", (answer: IncomingMessage) => relay(call, answer, request, response));
  response.on("close", () => {
    if (!response.writableFinished) abort(call);
  });
  call.flushHeaders();
  request.pipe(call);
}

function relay(
  call: ClientRequest,
  answer: IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { statusCode = 502, statusMessage = "" } = answer;
  response.writeHead(statusCode, statusMessage, headersForClient(answer.rawHeaders));
  // Headers must not wait for the first piece of a body that may be minutes away.
  response.flushHeaders();
  answer.on("error", () => response.destroy());
  answer.on("end", () => {
    if (!call.writableFinished) {
      // The Worker has answered without reading the whole body; nobody is there to take the rest.
      request.unpipe(call);
      call.destroy();
    }
    endAfterUpload(request, response);
  });
  answer.pipe(response, { end: false });
}

/**
 * The client has gone: so does its request. By a reset, because workerd takes a mere end for a client that
 * has said everything and still listens.
 */
function abort(call: ClientRequest): void {
  if (call.socket) reset(call.socket);
  call.destroy();
}

function forwardWebSocket(upstream: Upstream, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.end());
  socket.on("error", () => socket.destroy());
  const call = callWorker(upstream, request);
  if (typeof call === "number") {
    refuse(response, call);
    return;
  }
  socket.on("close", () => abort(call));
  call.on("error", () => (response.headersSent ? socket.destroy() : refuse(response, 502)));
  call.on("response", (answer: IncomingMessage) => relay(call, answer, request, response));
  call.on("upgrade", (answer: IncomingMessage, worker: Socket, workerHead: Buffer) => {
    response.detachSocket(socket);
    const lines = headersForClient(answer.rawHeaders);
    lines.push("Connection", "Upgrade", "Upgrade", "websocket");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${serialize(lines)}\r\n`, "latin1");
    join(socket, worker, head, workerHead);
  });
  call.end();
}

function join(client: Socket, worker: Socket, clientHead: Buffer, workerHead: Buffer): void {
  worker.setTimeout(0);
  client.write(workerHead);
  worker.write(clientHead);
  client.pipe(worker).on("error", () => client.destroy());
  worker.pipe(client);
  worker.on("close", () => client.destroy());
  client.on("close", () => worker.destroy());
}

/** The request on its way to the Worker, or the status with which the edge itself refuses it. */
function callWorker(upstream: Upstream, request: IncomingMessage): ClientRequest | Refusal {
  const target = parseTarget(request.url ?? "");
  if ((request.url ?? "").length > URL_BYTES_MAX) return 414;
  if (totalBytes(request.rawHeaders) > HEADER_BYTES_MAX) return 431;
  if (request.method === "TRACE") return 405;
  if (!target || countHeader(request.rawHeaders, "host") > 1) return 400;
  const port = upstream.port();
  if (port === undefined) return 502;
  return requestWorker({
    host: "127.0.0.1",
    port,
    agent: upstream.agent,
    method: request.method,
    path: target.path,
    headers: headersForWorker(request, randomBytes(8).toString("hex"), target.authority),
    maxHeaderSize: PARSER_BYTES_MAX,
  });
}

/**
 * workerd may answer without reading the body, and then closes. Node would give up a connection on the
 * first write that fails, and with it the answer that already lies in the kernel's buffer: so such a
 * failure is left to be told by the reading side, after the answer.
 */
function readAfterFailedWrite(socket: Socket): Socket {
  const write = socket._write.bind(socket);
  const writeMany = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, () => done());
  if (writeMany) socket._writev = (chunks, done) => writeMany(chunks, () => done());
  return socket;
}

/** RFC 9112 §3.2: the authority of an absolute target replaces the Host header. */
function parseTarget(target: string): { path: string; authority?: string } | null {
  if (target.startsWith("/")) return { path: target };
  const absolute = /^https?:\/\/([^/?#\s]+)([/?].*)?$/i.exec(target);
  if (!absolute?.[1]) return null;
  const rest = absolute[2] ?? "/";
  return { path: rest.startsWith("/") ? rest : `/${rest}`, authority: absolute[1] };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function isMissingAddress(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"].includes(code);
}
