import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstashTwin, type UpstashTwin } from "../../scripts/twins/upstash.ts";
import { REDIS_BACKINGS, START_MS, uniqueName } from "./backings.ts";
import { restCall } from "./rest-call.ts";

describe.each(REDIS_BACKINGS)("@upstash/redis on $name", ({ redisUrl }) => {
  let twin: UpstashTwin;

  beforeAll(async () => {
    twin = await startUpstashTwin({ redisUrl });
  }, START_MS);
  afterAll(() => twin.close());

  function client(lane = uniqueName("lane")) {
    const url = `${twin.url}/lane/${lane}`;
    const redis = new Redis({
      url,
      token: twin.token,
      automaticDeserialization: false,
      enableTelemetry: false,
      retry: { retries: 0 },
    });
    const calls = async () => (await restCall(`${twin.url}/_calls/${lane}`)).body as { count: number };
    return { redis, calls };
  }

  test("values round-trip, unicode and long digits included", async () => {
    const { redis } = client();
    const key = uniqueName();
    await redis.set(key, "hé ☃ 😀");
    expect(await redis.get(key)).toBe("hé ☃ 😀");
    await redis.set(key, "12345678901234567890");
    expect(await redis.get(key)).toBe("12345678901234567890");
    expect(await redis.get(uniqueName())).toBeNull();
    await redis.hset(key.concat("h"), { a: "1", b: "é" });
    expect(await redis.hget(key.concat("h"), "b")).toBe("é");
  });

  test("commands of one tick travel in one request", async () => {
    const { redis, calls } = client();
    const key = uniqueName();
    expect(await Promise.all([redis.incr(key), redis.incr(key), redis.incr(key)])).toEqual([1, 2, 3]);
    expect(await calls()).toMatchObject({ count: 1, calls: [{ summary: ["INCR", "INCR", "INCR"] }] });
  });

  test("pipeline and multi give typed answers in order", async () => {
    const { redis } = client();
    const key = uniqueName();
    expect(await redis.pipeline().set(key, "1").incrby(key, 4).get(key).exec()).toEqual(["OK", 5, "5"]);
    expect(await redis.multi().incr(key).pexpire(key, 60_000).ttl(key).exec()).toEqual([6, 1, 60]);
    const [failed] = await redis.pipeline().lpush(key, "x").exec({ keepErrors: true });
    expect(failed?.error).toBe("WRONGTYPE Operation against a key holding the wrong kind of value");
  });

  test("evalsha falls back to eval once, then the script is known", async () => {
    const { redis, calls } = client();
    const key = uniqueName();
    const script = redis.createScript<[string, number]>(
      `#!lua flags=allow-key-locking\nreturn {KEYS[1], redis.call("INCRBY", KEYS[1], ARGV[1])} -- ${key}`,
    );
    expect(await script.exec([key], ["5"])).toEqual([key, 5]);
    expect(await script.exec([key], ["5"])).toEqual([key, 10]);
    expect(await calls()).toMatchObject({
      calls: [{ summary: ["EVALSHA"] }, { summary: ["EVAL"] }, { summary: ["EVALSHA"] }],
    });
  });

  test("a failed command throws with Redis' words, a wrong token too", async () => {
    const { redis } = client();
    const key = uniqueName();
    await redis.set(key, "text");
    await expect(redis.incr(key)).rejects.toThrow("ERR value is not an integer or out of range");
    const stranger = new Redis({ url: twin.url, token: "wrong", retry: false });
    await expect(stranger.get(key)).rejects.toThrow("WRONGPASS");
  });
});
