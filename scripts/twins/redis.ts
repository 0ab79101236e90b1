import { openEmbeddedRedis } from "./redis-embedded.ts";
import type { Reply } from "./redis-reply.ts";
import { connectRedis } from "./redis-server.ts";

/** A Redis, embedded or real. Commands are binary text, the name first; failures are replies, not throws. */
export interface Redis {
  run(command: string[]): Promise<Reply>;
  /** In order, but others' commands may come between. */
  pipeline(commands: readonly string[][]): Promise<Reply[]>;
  /** MULTI … EXEC: the replies, or one failure when a command could not even be queued. */
  transaction(commands: readonly string[][]): Promise<Reply>;
  close(): Promise<void>;
}

export function openRedis(redisUrl: string | undefined): Promise<Redis> {
  return redisUrl ? connectRedis(redisUrl) : openEmbeddedRedis();
}
