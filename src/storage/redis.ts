// Upstash's HTTP client without the class of each Redis command around it: those are 15 KB of the bundle, gzipped, for five verbs.
// The package does not name it among its exports; the file's name is of the pinned version, so another one fails to build.
import { HttpClient } from "../../node_modules/@upstash/redis/chunk-4WQYU7T6.mjs";
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
 * Upstash reduced to a few verbs over one pipeline. The client's habits that would hurt are turned off: retries (a
 * command whose answer was lost would run twice), encoded values, tokens that make a later trip wait for an earlier one.
 */
export function createRedis(options: {
  url: string;
  token: string;
  now: () => number;
  /** Of one round trip; read at each. */
  deadlineMilliseconds?: () => number;
}) {
  const deadline = options.deadlineMilliseconds ?? (() => deadlineMilliseconds);
  const client = new HttpClient({
    baseUrl: options.url,
    headers: { authorization: `Bearer ${options.token}` },
    retry: { retries: 0, backoff: () => 0 },
    signal: () => AbortSignal.timeout(deadline()),
    readYourWrites: false,
    responseEncoding: false,
  });
  let restsUntil = 0;

  async function run(commands: readonly Command[], asText: boolean): Promise<Reply[]> {
    const body = commands.map((command) => wireOf(command, asText));
    // The client's own error texts hold whole commands: nothing of them may leave this file.
    const replies = (await client.request({ path: ["pipeline"], body })) as Reply[];
    // What is no list of replies throws here, as an answer that cannot be read.
    return replies.map(({ result, error }) => ({ result, error }));
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

/** A command as Redis takes it (Upstash REST, `/pipeline`). */
function wireOf(command: Command, asText: boolean): (string | number)[] {
  switch (command.verb) {
    case "script": {
      const { script, keys, args } = command;
      const called = asText ? ["eval", script.source] : ["evalsha", script.sha1];
      return [...called, keys.length, ...keys, ...args.map(String)];
    }
    case "push":
      return ["rpush", command.key, ...command.values];
    case "head":
      return ["lrange", command.key, 0, command.count - 1];
    case "remove":
      return ["lrem", command.key, 1, command.value];
    case "ping":
      return ["ping"];
  }
}
