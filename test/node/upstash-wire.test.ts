import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstashTwin, type UpstashTwin } from "../../scripts/twins/upstash.ts";
import { REDIS_BACKINGS, START_MS, uniqueName } from "./backings.ts";
import { type RestOptions, restCall } from "./rest-call.ts";

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");

describe.each(REDIS_BACKINGS)("Upstash's REST on $name", ({ redisUrl }) => {
  let twin: UpstashTwin;

  beforeAll(async () => {
    twin = await startUpstashTwin({ redisUrl, token: "the-token" });
  }, START_MS);
  afterAll(() => twin.close());

  function call(path: string, body?: unknown, options: RestOptions = {}) {
    const headers = { authorization: "Bearer the-token", ...options.headers };
    return restCall(twin.url + path, { ...options, body, headers });
  }

  test("no token or a wrong one is 401, whatever is asked", async () => {
    for (const authorization of ["", "Bearer", "Bearer wrong", "Bearer the-token2", "Basic the-token"]) {
      const { status, body } = await call("/", ["PING"], { headers: { authorization } });
      expect({ status, body }).toEqual({
        status: 401,
        body: { error: "WRONGPASS invalid or missing auth token" },
      });
    }
    expect((await restCall(`${twin.url}/?_token=the-token`, { body: ["PING"] })).status).toBe(401);
  });

  test("the method that a path does not take is 405", async () => {
    expect((await call("/", undefined, { method: "GET" })).status).toBe(405);
    expect((await call("/", ["PING"], { method: "PUT" })).status).toBe(405);
    expect((await call("/pipeline", undefined, { method: "GET" })).status).toBe(405);
    expect((await call("/ping", undefined, { method: "DELETE" })).status).toBe(405);
  });

  test("a body that is no command is 400", async () => {
    expect(await call("/", "{not json")).toMatchObject({
      status: 400,
      body: { error: "ERR failed to parse command" },
    });
    expect((await call("/", { a: 1 })).status).toBe(400);
    expect((await call("/pipeline", "[")).status).toBe(400);
    expect((await call("/pipeline", [["GET", "a"], "GET"])).status).toBe(400);
  });

  test("the path form takes arguments from path, body and query", async () => {
    const key = uniqueName();
    expect((await call(`/set/${key}/${encodeURIComponent("a/b é")}?EX=100`)).body).toEqual({ result: "OK" });
    expect((await call(`/get/${key}`)).body).toEqual({ result: "a/b é" });
    expect((await call(`/ttl/${key}`)).body).toEqual({ result: 100 });
    expect((await call(`/set/${key}?XX&GET`, "the body")).body).toEqual({ result: "a/b é" });
    expect((await call(`/GET/${key}`, undefined, { method: "POST" })).body).toEqual({ result: "the body" });
    expect(await call("/get")).toMatchObject({
      status: 400,
      body: { error: "ERR wrong number of arguments for 'get' command" },
    });
  });

  test("a pipeline answers each command in order, and a failed one does not stop the others", async () => {
    const key = uniqueName();
    const { status, body } = await call("/pipeline", [
      ["SET", key, "v"],
      ["INCR", key],
      ["FOO"],
      ["GET", key],
    ]);
    expect({ status, body }).toEqual({
      status: 200,
      body: [
        { result: "OK" },
        { error: "ERR value is not an integer or out of range" },
        { error: "ERR unknown command 'FOO', with args beginning with: " },
        { result: "v" },
      ],
    });
  });

  test("a transaction answers as a pipeline does, and a command's own failure does not undo the others", async () => {
    const key = uniqueName();
    const { status, body } = await call("/multi-exec", [
      ["SET", key, "v"],
      ["INCR", key],
      ["GET", key],
    ]);
    expect({ status, body }).toEqual({
      status: 200,
      body: [{ result: "OK" }, { error: "ERR value is not an integer or out of range" }, { result: "v" }],
    });
  });

  test("a transaction with a command that cannot be queued is discarded whole, with one error", async () => {
    const key = uniqueName();
    for (const wrong of [["FOO"], ["GET"]]) {
      const { status, body } = await call("/multi-exec", [["SET", key, "v"], wrong]);
      expect({ status, body }).toEqual({
        status: 400,
        body: { error: "EXECABORT Transaction discarded because of previous errors." },
      });
    }
    expect((await call("/", ["GET", key])).body).toEqual({ result: null });
  });

  test("transactions never interleave", async () => {
    const key = uniqueName();
    const one = [
      ["INCR", key],
      ["INCR", key],
      ["DECRBY", key, 2],
      ["GET", key],
    ];
    const answers = await Promise.all(Array.from({ length: 30 }, () => call("/multi-exec", one)));
    for (const { body } of answers) {
      expect(body).toEqual([{ result: 1 }, { result: 2 }, { result: 0 }, { result: "0" }]);
    }
  });

  test("base64 covers every string at every depth but OK, and neither numbers, null nor errors", async () => {
    const key = uniqueName();
    const headers = { "upstash-encoding": "base64" };
    const encoded = async (body: unknown, path = "/") => (await call(path, body, { headers })).body;
    expect(await encoded(["SET", key, "hé ☃ 😀"])).toEqual({ result: "OK" });
    expect(await encoded(["GET", key])).toEqual({ result: base64("hé ☃ 😀") });
    expect(await encoded(["STRLEN", key])).toEqual({ result: 12 });
    expect(await encoded(["GET", `${key}none`])).toEqual({ result: null });
    expect(await encoded(["EVAL", "return {'a', {'é', 1, 'OK'}, false}", 0])).toEqual({
      result: [base64("a"), [base64("é"), 1, "OK"], null],
    });
    expect(await encoded(["PING"])).toEqual({ result: base64("PONG") });
    expect(await encoded(["INCR", key])).toEqual({ error: "ERR value is not an integer or out of range" });
    expect(
      await encoded(
        [
          ["GET", key],
          ["TTL", key],
        ],
        "/pipeline",
      ),
    ).toEqual([{ result: base64("hé ☃ 😀") }, { result: -1 }]);
  });

  test("resp2 is Redis' own wire form", async () => {
    const key = uniqueName();
    const headers = { "upstash-response-format": "resp2" };
    const raw = async (body: unknown, path = "/") => (await call(path, body, { headers })).text;
    expect(await raw(["SET", key, "é"])).toBe("+OK\r\n");
    expect(await raw(["GET", key])).toBe("$2\r\né\r\n");
    expect(await raw(["GET", `${key}none`])).toBe("$-1\r\n");
    expect(await raw(["EVAL", "return {1, 'a', {false}}", 0])).toBe("*3\r\n:1\r\n$1\r\na\r\n*1\r\n$-1\r\n");
    expect(await raw(["INCR", key])).toBe("-ERR value is not an integer or out of range\r\n");
    expect(await raw([["PING"], ["TTL", key]], "/pipeline")).toBe("*2\r\n+PONG\r\n:-1\r\n");
    expect((await call("/multi-exec", [["PING"]], { headers })).status).toBe(400);
  });

  test("every answer carries a sync token", async () => {
    expect((await call("/", ["PING"])).headers.get("upstash-sync-token")).toMatch(/^twin-\d+$/);
    expect((await call("/pipeline", [["PING"]])).headers.get("upstash-sync-token")).toMatch(/^twin-\d+$/);
  });

  test("a value of a megabyte comes back whole", async () => {
    const key = uniqueName();
    const value = "é".repeat(500_000);
    await call("/", ["SET", key, value, "EX", 60]);
    expect((await call("/", ["GET", key])).body).toEqual({ result: value });
  });
});
