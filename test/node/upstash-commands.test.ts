import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstashTwin, type UpstashTwin } from "../../scripts/twins/upstash.ts";
import { REDIS_BACKINGS, START_MS, uniqueName } from "./backings.ts";
import { COMMAND_CASES } from "./command-cases.ts";
import { LUA_CASES } from "./lua-cases.ts";
import { restCall } from "./rest-call.ts";

describe.each(REDIS_BACKINGS)("commands on $name", ({ redisUrl }) => {
  let twin: UpstashTwin;

  beforeAll(async () => {
    twin = await startUpstashTwin({ redisUrl });
  }, START_MS);
  afterAll(() => twin.close());

  async function answerTo(command: unknown[]): Promise<unknown> {
    const headers = { authorization: `Bearer ${twin.token}` };
    const { status, body } = await restCall(twin.url, { headers, body: command });
    return { status, body };
  }

  test.each([...COMMAND_CASES, ...LUA_CASES])("$guarantee", async ({ steps }) => {
    for (const [command, expected] of steps(uniqueName("k"))) {
      expect({ command, answer: await answerTo(command) }).toEqual({ command, answer: expected });
    }
  });

  test("a key is gone once its milliseconds are over", async () => {
    const key = uniqueName();
    await answerTo(["SET", key, "v", "PX", 30]);
    await expect.poll(() => answerTo(["GET", key])).toEqual({ status: 200, body: { result: null } });
    expect(await answerTo(["PTTL", key])).toEqual({ status: 200, body: { result: -2 } });
  });

  test("PTTL counts down from what was set", async () => {
    const key = uniqueName();
    await answerTo(["SET", key, "v"]);
    await answerTo(["PEXPIRE", key, 60_000]);
    const { body } = (await answerTo(["PTTL", key])) as { body: { result: number } };
    expect(body.result).toBeGreaterThan(50_000);
    expect(body.result).toBeLessThanOrEqual(60_000);
  });

  test("SCAN sees every key of a pattern, page by page", async () => {
    const prefix = uniqueName();
    const keys = Array.from({ length: 25 }, (_, i) => `${prefix}:${i}`);
    await answerTo(["MSET", ...keys.flatMap((key) => [key, "v"])]);
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const { body } = (await answerTo(["SCAN", cursor, "MATCH", `${prefix}:*`, "COUNT", 10])) as {
        body: { result: [string, string[]] };
      };
      cursor = body.result[0];
      for (const key of body.result[1]) seen.add(key);
    } while (cursor !== "0");
    expect([...seen].sort()).toEqual([...keys].sort());
  });

  test("a script and a pipeline of many clients never lose an increment", async () => {
    const key = uniqueName();
    const script =
      "local n = tonumber(redis.call('GET', KEYS[1]) or '0') redis.call('SET', KEYS[1], n + 1) return n";
    await Promise.all(Array.from({ length: 50 }, () => answerTo(["EVAL", script, 1, key])));
    expect(await answerTo(["GET", key])).toEqual({ status: 200, body: { result: "50" } });
  });
});

describe.each(REDIS_BACKINGS)("emptying a database on $name", ({ redisUrl }) => {
  test("FLUSHDB leaves nothing", async () => {
    // Database 15, so that a real server's other data and the tests beside this one stay.
    const twin = await startUpstashTwin({ redisUrl: redisUrl && new URL("/15", redisUrl).href });
    const run = async (...body: string[]) =>
      (await restCall(twin.url, { headers: { authorization: `Bearer ${twin.token}` }, body })).body;
    await run("SET", "a", "1");
    expect(await run("FLUSHDB")).toEqual({ result: "OK" });
    expect(await run("DBSIZE")).toEqual({ result: 0 });
    expect(await run("GET", "a")).toEqual({ result: null });
    await twin.close();
  });
});
