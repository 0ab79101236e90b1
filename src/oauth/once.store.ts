import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import { ask, createScript, type RedisStore } from "../storage/redis.ts";

const takeOnceScript = `return redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) and 1 or 0`;
/** Beyond the end of what was used: for clocks that are behind ours. */
const slackMilliseconds = 60_000;

/** What may be used once until it expires by itself: one atomic step on Redis' primary, one round trip, no row to sweep. */
export async function createOnceStore(redis: RedisStore, now: () => number) {
  const script = await createScript(takeOnceScript);
  return {
    /** False: it was used already. Redis that is silent decides nothing: `unavailable`. */
    async takeOnce(purpose: string, text: string, expiresAt: Date): Promise<boolean> {
      const life = Math.max(0, expiresAt.getTime() - now()) + slackMilliseconds;
      const keys = [`once:${await sha256Hex(JSON.stringify([purpose, text]))}`];
      const command = { verb: "script", script, keys, args: [Math.ceil(life)] } as const;
      const taken = await ask(redis, { ...command, keys, args: [Math.ceil(life)] }).catch(
        (cause: unknown) => {
          throw new AuthError("unavailable", undefined, { cause });
        },
      );
      return Number(taken) === 1;
    },
  };
}

export type OnceStore = Awaited<ReturnType<typeof createOnceStore>>;
