import { Redis } from "@upstash/redis/cloudflare";
import { hex, utf8 } from "../crypto/bytes.ts";

/** Redis answers in one or two milliseconds or not at all; a check must not wait for "not at all". */
export const deadlineMilliseconds = 250;
/** After a failure nobody asks for this long: an outage costs one deadline a second, not one a request. */
const restMilliseconds = 1000;

/** A Lua script, named by the SHA-1 of its text as Redis does. */
export type Script = { readonly source: string; readonly sha1: string };

export async function createScript(source: string): Promise<Script> {
  return { source, sha1: hex(new Uint8Array(await crypto.subtle.digest("SHA-1", utf8(source)))) };
}

export type Command =
  | {
      readonly verb: "script";
      readonly script: Script;
      readonly keys: string[];
      readonly args: (string | number)[];
    }
  | { readonly verb: "push"; readonly key: string; readonly values: readonly [string, ...string[]] }
  | { readonly verb: "head"; readonly key: string; readonly count: number }
  | { readonly verb: "remove"; readonly key: string; readonly value: string }
  | { readonly verb: "ping" };

/** One round trip being gathered: commands are added, then leave together in one pipeline. */
export type Trip = {
  /** Settles after `send`. Rejects when Redis could not be asked, or refused this command. */
  add(command: Command): Promise<unknown>;
  /** Sends what was added. Never rejects: each `add` tells its own fate. */
  send(): Promise<void>;
};

type Waiting = { command: Command; resolve: (value: unknown) => void; reject: (error: Error) => void };
type Reply = { result?: unknown; error?: string | undefined };

/**
 * Upstash reduced to a few verbs over one pipeline. The SDK's habits that would hurt are turned off: retries (a
 * command whose answer was lost would run twice), parsing of values, telemetry, batching across requests.
 */
export function createRedis(options: {
  url: string;
  token: string;
  now: () => number;
  /** Of one round trip; read at each. */
  deadlineMilliseconds?: () => number;
}) {
  const deadline = options.deadlineMilliseconds ?? (() => deadlineMilliseconds);
  const client = new Redis({
    url: options.url,
    token: options.token,
    retry: { retries: 0, backoff: () => 0 },
    signal: () => AbortSignal.timeout(deadline()),
    automaticDeserialization: false,
    enableTelemetry: false,
    enableAutoPipelining: false,
    readYourWrites: false,
    responseEncoding: false,
  });
  let restsUntil = 0;

  async function run(commands: readonly Command[], asText: boolean): Promise<Reply[]> {
    const pipeline = client.pipeline();
    for (const command of commands) append(pipeline, command, asText);
    // The SDK's own error texts hold whole commands: nothing of them may leave this file.
    return await pipeline.exec<unknown[]>({ keepErrors: true });
  }

  async function sendAll(waiting: readonly Waiting[]): Promise<void> {
    if (options.now() < restsUntil) return failAll(waiting);
    let replies: Reply[];
    try {
      replies = await run(
        waiting.map((one) => one.command),
        false,
      );
      const unknown = waiting.filter((_, index) => replies[index]?.error?.includes("NOSCRIPT"));
      if (unknown.length > 0) {
        const again = await run(
          unknown.map((one) => one.command),
          true,
        );
        unknown.forEach((one, index) => {
          replies[waiting.indexOf(one)] = again[index] ?? {};
        });
      }
    } catch {
      restsUntil = options.now() + restMilliseconds;
      return failAll(waiting);
    }
    restsUntil = 0;
    waiting.forEach((one, index) => {
      const reply = replies[index];
      if (reply === undefined || reply.error) one.reject(new Error("redis_refused"));
      else one.resolve(reply.result);
    });
  }

  return {
    trip(): Trip {
      const waiting: Waiting[] = [];
      return {
        add(command) {
          const { promise, resolve, reject } = Promise.withResolvers<unknown>();
          // A caller that awaits later than `send` must not look like an unhandled rejection.
          promise.catch(() => undefined);
          waiting.push({ command, resolve, reject });
          return promise;
        },
        async send() {
          const leaving = waiting.splice(0);
          if (leaving.length > 0) await sendAll(leaving);
        },
      };
    },
  };
}

export type RedisStore = ReturnType<typeof createRedis>;

/** A trip with a single command. */
export async function ask(redis: RedisStore, command: Command): Promise<unknown> {
  const trip = redis.trip();
  const answer = trip.add(command);
  await trip.send();
  return answer;
}

function failAll(waiting: readonly Waiting[]): void {
  for (const one of waiting) one.reject(new Error("redis_unavailable"));
}

function append(pipeline: ReturnType<Redis["pipeline"]>, command: Command, asText: boolean): void {
  if (command.verb === "script") {
    const { script, keys } = command;
    const args = command.args.map(String);
    if (asText) pipeline.eval(script.source, keys, args);
    else pipeline.evalsha(script.sha1, keys, args);
  } else if (command.verb === "push") pipeline.rpush(command.key, ...command.values);
  else if (command.verb === "head") pipeline.lrange(command.key, 0, command.count - 1);
  else if (command.verb === "remove") pipeline.lrem(command.key, 1, command.value);
  else pipeline.ping();
}
