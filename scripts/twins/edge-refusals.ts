import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** How long a client that is still sending may take to get to reading its answer. */
export const LINGER_MS = 1_000;

/** What the edge answers by itself: error word, title, sentence. */
const REFUSALS = {
  400: ["bad_request", "Bad Request", "The request is not well-formed HTTP."],
  405: ["method_not_allowed", "Method Not Allowed", "The edge does not pass this method on."],
  414: ["uri_too_long", "URI Too Long", "The URL is longer than 16 KB."],
  431: ["headers_too_large", "Request Header Fields Too Large", "The headers are larger than 128 KB."],
  502: ["worker_unavailable", "Bad Gateway", "The Worker is not running, or broke off before it answered."],
} as const;
export type Refusal = keyof typeof REFUSALS;

export function refuse(response: ServerResponse, status: Refusal): void {
  const body = refusalBody(status);
  response.writeHead(status, {
    "Content-Type": "application/problem+json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.write(body);
  endAfterUpload(response.req, response);
}

export function refuseRaw(socket: Duplex, status: Refusal): void {
  const body = refusalBody(status);
  const headers = ["Content-Type", "application/problem+json", "Connection", "close"];
  headers.push("Content-Length", String(Buffer.byteLength(body)));
  socket.end(`HTTP/1.1 ${status} ${REFUSALS[status][1]}\r\n${serialize(headers)}\r\n${body}`);
}

function refusalBody(status: Refusal): string {
  const [error, title, detail] = REFUSALS[status];
  return `${JSON.stringify({ type: "about:blank", title, status, error, detail })}\n`;
}

export function serialize(rawHeaders: readonly string[]): string {
  return rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
}

/** A connection closed upon an unread body is reset, and the reset takes the answer with it. */
export function endAfterUpload(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (request.complete || response.shouldKeepAlive) {
    response.end();
    return;
  }
  const end = () => response.end();
  request.once("end", end);
  setTimeout(end, LINGER_MS).unref();
}
