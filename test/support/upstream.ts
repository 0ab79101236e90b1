import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerBreachedRange } from "./breached-range.ts";
import { answerWebSockets } from "./upstream-websocket.ts";

type Seen = { readonly aborted: boolean; readonly finished: boolean };

/**
 * A real upstream. The first segment of a path chooses what it does: `echo` answers what it was sent, `status/N`, `slow/MS`,
 * `drop` closes the socket, `hang` never answers, `stream/N` sends N chunks, `headers` sends what the query names,
 * `mirror` sends each chunk back as it comes, `breached/MODE` is a service of breached passwords. An upgrade to WebSocket is answered under every path.
 * `GET /seen/<id>` tells what became of the request with `?id=<id>`.
 */
export async function startUpstream(): Promise<{ url: string; close(): Promise<void> }> {
  const seen = new Map<string, Seen>();
  const server = createServer((request, response) => {
    // A caller who leaves in the middle of his upload ends the reading of it.
    answer(request, response, seen).catch(() => response.destroy());
  });
  const endWebSockets = answerWebSockets(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        endWebSockets();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  seen: Map<string, Seen>,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://upstream");
  const [, verb = "", detail = ""] = url.pathname.split("/");
  const id = url.searchParams.get("id");
  if (id && verb !== "seen") {
    seen.set(id, { aborted: false, finished: false });
    response.on("close", () =>
      seen.set(id, { aborted: !response.writableFinished, finished: response.writableFinished }),
    );
  }
  if (verb === "seen") return json(response, seen.get(detail) ?? null);
  if (verb === "breached") return answerBreachedRange(url.pathname, request, response);
  if (verb === "drop") return void request.socket.destroy();
  if (verb === "hang") return;
  if (verb === "slow") await new Promise((resolve) => setTimeout(resolve, Number(detail)));
  if (verb === "status") response.statusCode = Number(detail);
  if (verb === "stream") return stream(response, Number(detail));
  if (verb === "mirror") return void request.pipe(response);
  if (verb === "headers") for (const [name, value] of url.searchParams) response.appendHeader(name, value);
  let bytes = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes < 65_536) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("utf8");
  json(response, {
    method: request.method,
    url: request.url,
    headers: request.headers,
    raw: request.rawHeaders,
    bytes,
    body,
  });
}

async function stream(response: ServerResponse, chunks: number): Promise<void> {
  response.setHeader("content-type", "text/event-stream");
  for (let index = 0; index < chunks && !response.destroyed; index += 1) {
    response.write(`data: ${index}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  response.end();
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}
