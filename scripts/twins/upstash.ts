import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { json, type ListenOptions, listen, type TwinAnswer, type TwinRequest } from "./faulty-server.ts";
import { openRedis, type Redis } from "./redis.ts";
import { encodeResp, isFailure, type Reply } from "./redis-reply.ts";
import { commandNames, commandOfPath, parseCommand, parseCommands } from "./upstash-commands.ts";
import { replyToJson } from "./upstash-replies.ts";
import { createScriptNames, type ScriptNames } from "./upstash-scripts.ts";

export interface UpstashTwinOptions extends ListenOptions {
  /** A real Redis instead of the embedded one. */
  redisUrl?: string | undefined;
  /** The bearer token; absent, a random one. */
  token?: string | undefined;
}

const REQUEST_BYTES_MAX = 10 * 1024 * 1024;

/**
 * Upstash's REST API in front of an embedded or a real Redis. `url` and `token` are what goes into
 * `UPSTASH_REDIS_REST_URL` and `…_TOKEN`; `<url>/lane/<name>` puts requests in that lane.
 */
export async function startUpstashTwin(options: UpstashTwinOptions = {}) {
  const token = options.token ?? randomBytes(24).toString("base64url");
  const redis = withScriptNames(await openRedis(options.redisUrl), createScriptNames());
  let writes = 0;

  async function answer(request: TwinRequest): Promise<TwinAnswer> {
    if (!bearerMatches(request, token))
      return json(401, { error: "WRONGPASS invalid or missing auth token" });
    writes += 1;
    const headers = { "upstash-sync-token": `twin-${writes}` };
    const reply = await route(redis, request);
    return { ...reply, headers: { ...reply.headers, ...headers } };
  }

  const server = await listen(
    {
      store: "upstash",
      requestBytesMax: REQUEST_BYTES_MAX,
      tooLarge: () => json(413, { error: "ERR max request size exceeded" }),
      summarise: commandNames,
      answer,
    },
    options,
  ).catch(async (cause: unknown) => {
    await redis.close();
    throw cause;
  });
  return {
    url: `http://${server.host}:${server.port}`,
    port: server.port,
    token,
    async close(): Promise<void> {
      await server.close();
      await redis.close();
    },
  };
}

export type UpstashTwin = Awaited<ReturnType<typeof startUpstashTwin>>;

async function route(redis: Redis, request: TwinRequest): Promise<TwinAnswer> {
  const { method, path, headers } = request;
  const isBatch = path === "/pipeline" || path === "/multi-exec";
  const takesBodyOnly = isBatch || path === "/";
  if (!(takesBodyOnly ? ["POST"] : ["GET", "POST", "PUT", "HEAD"]).includes(method)) {
    return json(405, { error: `ERR method ${method} is not allowed` });
  }
  const resp2 = headers["upstash-response-format"] === "resp2";
  const base64 = headers["upstash-encoding"] === "base64";
  if (isBatch) {
    const commands = parseCommands(request.body);
    if (typeof commands === "string") return json(400, { error: commands });
    if (path === "/pipeline") return batchAnswer(await redis.pipeline(commands), resp2, base64);
    if (resp2) return json(400, { error: "ERR resp2 is not supported for multi-exec" });
    const reply = await redis.transaction(commands);
    return Array.isArray(reply) ? batchAnswer(reply, false, base64) : singleAnswer(reply, false, base64);
  }
  const command = path === "/" ? parseCommand(request.body) : commandOfPath(request);
  if (typeof command === "string") return json(400, { error: command });
  return singleAnswer(await redis.run(command), resp2, base64);
}

function singleAnswer(reply: Reply, resp2: boolean, base64: boolean): TwinAnswer {
  const status = isFailure(reply) ? 400 : 200;
  return resp2 ? respAnswer(status, reply) : json(status, replyToJson(reply, base64));
}

function batchAnswer(replies: Reply[], resp2: boolean, base64: boolean): TwinAnswer {
  if (resp2) return respAnswer(200, replies);
  const body = replies.map((reply) => replyToJson(reply, base64));
  return json(200, body);
}

function respAnswer(status: number, reply: Reply): TwinAnswer {
  return {
    status,
    headers: { "content-type": "application/octet-stream" },
    body: Buffer.from(encodeResp(reply), "latin1"),
  };
}

/** Compared by digest, so that the time taken tells nothing of the token. */
function bearerMatches(request: TwinRequest, token: string): boolean {
  const given = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** Renames scripts on the way in and back on the way out, for every way of sending a command. */
function withScriptNames(redis: Redis, names: ScriptNames): Redis {
  return {
    async run(command) {
      return names.restore(command, await redis.run(names.translate(command)));
    },
    async pipeline(commands) {
      const replies = await redis.pipeline(commands.map(names.translate));
      return replies.map((reply, i) => names.restore(commands[i] ?? [], reply));
    },
    async transaction(commands) {
      const reply = await redis.transaction(commands.map(names.translate));
      if (!Array.isArray(reply)) return reply;
      return reply.map((one, i) => names.restore(commands[i] ?? [], one));
    },
    close: redis.close,
  };
}
