import { createHash } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** RFC 6455 §1.3: what a server appends to the client's key to prove that it speaks WebSocket. */
const handshakeSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const textFrame = 0x81;
const closeOpcode = 0x8;

/**
 * A WebSocket upstream by hand: says which headers it was opened with, then echoes short texts and closes when told.
 * Returns what ends those that are still open: a server that closes does not end them itself.
 */
export function answerWebSockets(server: Server): () => void {
  const open = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1")
      .update(key + handshakeSuffix)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.write(frameOf(JSON.stringify(request.headers)));
    let held = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      for (let frame = readFrame(held); frame !== null; frame = readFrame(held)) {
        held = held.subarray(frame.length);
        if (frame.opcode === closeOpcode) return void socket.end(Buffer.from([0x88, 0]));
        socket.write(frameOf(`echo ${frame.text}`));
      }
    });
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

function frameOf(text: string): Buffer {
  const payload = Buffer.from(text, "utf8");
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([textFrame, length])
      : Buffer.from([textFrame, 126, length >> 8, length & 0xff]);
  return Buffer.concat([head, payload]);
}

/** One masked frame of fewer than 126 bytes, which is all that tests send; null while it is not all there. */
function readFrame(bytes: Buffer): { opcode: number; text: string; length: number } | null {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return null;
  const length = 6 + (second & 0x7f);
  if (bytes.length < length) return null;
  const mask = bytes.subarray(2, 6);
  const payload = Buffer.from(bytes.subarray(6, length).map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return { opcode: first & 0xf, text: payload.toString("utf8"), length };
}
