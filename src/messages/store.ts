import { ask, createScript, type RedisStore } from "../storage/redis.ts";
import { keepScript, settleScript, takeDueScript, waitingKeys } from "./waiting-scripts.ts";

/** Far more than an hour's outage brings; beyond it a mail is lost, and an event says so. */
const waitingMax = 2000;

/** Sealed mails that wait. Nothing here can read them. */
export async function createMessageStore(options: { redis: RedisStore; lifeMilliseconds: number }) {
  const { redis, lifeMilliseconds } = options;
  const keep = await createScript(keepScript);
  const takeDue = await createScript(takeDueScript);
  const settle = await createScript(settleScript);
  const run = (script: typeof keep, args: (string | number)[]) =>
    ask(redis, { verb: "script", script, keys: waitingKeys, args });

  return {
    /** False when there is no room. Rejects when Redis could not be asked. */
    async keep(sealed: string, dueAt: number): Promise<boolean> {
      return Number(await run(keep, [dueAt, sealed, waitingMax, lifeMilliseconds])) === 1;
    },

    async takeDue(now: number, count: number, dueAgainAt: number): Promise<string[]> {
      const answer = await run(takeDue, [now, count, dueAgainAt]);
      if (!Array.isArray(answer)) throw new Error("redis_garbled");
      return answer.map(String);
    },

    async forget(sealed: string): Promise<void> {
      await run(settle, [sealed, 0, ""]);
    },

    async postpone(sealed: string, later: { sealed: string; dueAt: number }): Promise<void> {
      await run(settle, [sealed, later.dueAt, later.sealed]);
    },
  };
}

export type MessageStore = Awaited<ReturnType<typeof createMessageStore>>;
