import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Redis } from "./redis.ts";
import { isFailure, RedisError, type Reply, toBinary } from "./redis-reply.ts";
import { createRespParser } from "./redis-resp.ts";

type Waiter = { resolve(reply: Reply): void; reject(cause: Error): void };

/** A real Redis: one connection, whose commands it carries out in the order in which they were written. */
export async function connectRedis(redisUrl: string): Promise<Redis> {
  const url = new URL(redisUrl);
  let connection: ReturnType<typeof openConnection> | null = null;

  async function current() {
    if (connection?.isOpen()) return connection;
    const opened = openConnection(url);
    connection = opened;
    // Written at once, so that nobody else's command slips in before the database is selected.
    const refused = (await opened.write(greetings(url))).find(isFailure);
    if (refused) throw new RedisError(refused.error);
    return opened;
  }

  async function write(commands: readonly string[][]): Promise<Reply[]> {
    return (await current()).write(commands);
  }

  await write([["PING"]]);
  return {
    async run(command) {
      const [reply = null] = await write([command]);
      return reply;
    },
    pipeline: write,
    async transaction(commands) {
      // Written in one piece: nothing of another request can come between MULTI and EXEC.
      const replies = await write([["MULTI"], ...commands, ["EXEC"]]);
      return replies.at(-1) ?? null;
    },
    async close() {
      connection?.close();
    },
  };
}

/** AUTH and SELECT, as the URL asks for them. */
function greetings(url: URL): string[][] {
  const list: string[][] = [];
  const user = toBinary(decodeURIComponent(url.username));
  const password = toBinary(decodeURIComponent(url.password));
  if (password !== "") list.push(user === "" ? ["AUTH", password] : ["AUTH", user, password]);
  const database = url.pathname.slice(1);
  if (database !== "" && database !== "0") list.push(["SELECT", database]);
  return list;
}

function openConnection(url: URL) {
  const where = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 6379) };
  const socket: Socket = url.protocol === "rediss:" ? connectTls(where) : connectTcp(where);
  socket.setNoDelay(true);
  const waiters: Waiter[] = [];
  const parser = createRespParser((reply) => waiters.shift()?.resolve(reply));
  let lost: Error | null = null;
  const lose = (cause: Error) => {
    lost ??= cause;
    for (const waiter of waiters.splice(0)) waiter.reject(lost);
  };
  socket.on("data", (chunk: Buffer) => parser.push(chunk));
  socket.on("error", lose);
  socket.on("close", () => lose(new Error("the connection to Redis was closed")));
  return {
    isOpen: () => lost === null,
    close: () => socket.destroy(),
    write(commands: readonly string[][]): Promise<Reply[]> {
      if (lost) return Promise.reject(lost);
      const replies = commands.map(
        () => new Promise<Reply>((resolve, reject) => waiters.push({ resolve, reject })),
      );
      socket.write(commands.map(encodeCommand).join(""), "latin1");
      return Promise.all(replies);
    },
  };
}

function encodeCommand(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join("")}`;
}
