import { createServer, type Socket } from "node:net";

export type RawRequest = { readonly head: string; readonly path: string; readonly body: string };
/** A whole answer as it goes over the wire. */
export type RawAnswer = string;

const HEAD_END = Buffer.from("\r\n\r\n");

export const answerJson = (text: string, status = "200 OK"): RawAnswer =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

/**
 * As little HTTP/1.1 as a Worker's fetch needs: keep-alive, Content-Length. Node's own server costs several times as
 * much, and what is behind a subject must never be what limits it.
 */
export async function listenRaw(answer: (request: RawRequest) => RawAnswer | Promise<RawAnswer>) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    serve(socket, answer);
  });
  await new Promise<void>((ready, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", ready);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { port: address.port };
}

function serve(socket: Socket, answer: (request: RawRequest) => RawAnswer | Promise<RawAnswer>): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (let taken = takeRequest(pending); taken; taken = takeRequest(pending)) {
      pending = pending.subarray(taken.bytes);
      const answered = answer(taken.request);
      if (typeof answered === "string") socket.write(answered);
      else answered.then((text) => socket.write(text)).catch(() => socket.destroy());
    }
  });
}

function takeRequest(buffer: Buffer): { request: RawRequest; bytes: number } | null {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = buffer.toString("latin1", 0, headEnd);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const bytes = headEnd + HEAD_END.length + length;
  if (buffer.length < bytes) return null;
  const body = buffer.toString("utf8", headEnd + HEAD_END.length, bytes);
  const path = head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/"));
  return { request: { head, path, body }, bytes };
}
