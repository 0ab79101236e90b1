export interface CommandCase {
  guarantee: string;
  /** Commands in order, each with the whole answer. `k` is a name of the test's own. */
  steps(k: string): [command: unknown[], answer: Answer][];
}

export interface Answer {
  status: number;
  body: { result: unknown } | { error: string };
}

export const ok = (result: unknown): Answer => ({ status: 200, body: { result } });
export const bad = (error: string): Answer => ({ status: 400, body: { error } });

const WRONG_TYPE = bad("WRONGTYPE Operation against a key holding the wrong kind of value");
const NOT_AN_INTEGER = bad("ERR value is not an integer or out of range");
const SYNTAX_ERROR = bad("ERR syntax error");

export const COMMAND_CASES: CommandCase[] = [
  {
    guarantee: "SET and GET keep text as it is, unicode and empty text included",
    steps: (k) => [
      [["SET", k, "hé ☃ 😀"], ok("OK")],
      [["GET", k], ok("hé ☃ 😀")],
      [["STRLEN", k], ok(12)],
      [["SET", k, ""], ok("OK")],
      [["GET", k], ok("")],
      [["GET", `${k}none`], ok(null)],
    ],
  },
  {
    guarantee: "numbers and booleans among the arguments become their text",
    steps: (k) => [
      [["SET", k, 5], ok("OK")],
      [["GET", k], ok("5")],
      [["SET", k, true], ok("OK")],
      [["GET", k], ok("true")],
      [["SET", k, null], bad("ERR null args are not supported")],
    ],
  },
  {
    guarantee: "SET NX, XX and GET decide by what is there",
    steps: (k) => [
      [["SET", k, "1", "XX"], ok(null)],
      [["SET", k, "1", "NX"], ok("OK")],
      [["SET", k, "2", "NX"], ok(null)],
      [["SET", k, "2", "XX"], ok("OK")],
      [["SET", k, "3", "GET"], ok("2")],
      [["SET", k, "4", "NX", "GET"], ok("3")],
      [["SET", `${k}b`, "4", "NX", "GET"], ok(null)],
      [["GET", k], ok("3")],
      [["SET", k, "1", "NX", "XX"], SYNTAX_ERROR],
      [["SET", k, "1", "BOGUS"], SYNTAX_ERROR],
    ],
  },
  {
    guarantee: "SET EX and PX set an expiry, KEEPTTL keeps it, a plain SET ends it",
    steps: (k) => [
      [["SET", k, "v", "EX", 100], ok("OK")],
      [["TTL", k], ok(100)],
      [["SET", k, "w", "KEEPTTL"], ok("OK")],
      [["TTL", k], ok(100)],
      [["SET", k, "x"], ok("OK")],
      [["TTL", k], ok(-1)],
      [["SET", k, "x", "PX", 60_000], ok("OK")],
      [["TTL", k], ok(60)],
      [["SET", k, "v", "EX", 0], bad("ERR invalid expire time in 'set' command")],
      [["SET", k, "v", "EX", "soon"], NOT_AN_INTEGER],
      [["SET", k, "v", "EX", 10, "KEEPTTL"], SYNTAX_ERROR],
      [["SET", k, "v", "EX"], SYNTAX_ERROR],
      [["TTL", `${k}none`], ok(-2)],
    ],
  },
  {
    guarantee: "MGET gives null for what is missing or of another kind, DEL and EXISTS count",
    steps: (k) => [
      [["MSET", `${k}a`, "1", `${k}b`, "2"], ok("OK")],
      [["RPUSH", `${k}l`, "x"], ok(1)],
      [["MGET", `${k}a`, `${k}none`, `${k}l`, `${k}b`], ok(["1", null, null, "2"])],
      [["EXISTS", `${k}a`, `${k}a`, `${k}none`], ok(2)],
      [["DEL", `${k}a`, `${k}b`, `${k}none`], ok(2)],
      [["EXISTS", `${k}a`], ok(0)],
    ],
  },
  {
    guarantee: "EXPIRE and PEXPIRE answer whether they applied, conditions and past times included",
    steps: (k) => [
      [["EXPIRE", k, 10], ok(0)],
      [["SET", k, "v"], ok("OK")],
      [["EXPIRE", k, 100, "XX"], ok(0)],
      [["EXPIRE", k, 100], ok(1)],
      [["EXPIRE", k, 50, "GT"], ok(0)],
      [["EXPIRE", k, 200, "GT"], ok(1)],
      [["EXPIRE", k, 100, "NX"], ok(0)],
      [["PEXPIRE", k, 50_000, "LT"], ok(1)],
      [["TTL", k], ok(50)],
      [["PERSIST", k], ok(1)],
      [["PTTL", k], ok(-1)],
      [["EXPIRE", k, -1], ok(1)],
      [["EXISTS", k], ok(0)],
      [["EXPIRE", k, 1, "BAD"], bad("ERR Unsupported option BAD")],
    ],
  },
  {
    guarantee: "INCR, INCRBY and DECR count in 64 bits and refuse what is no integer",
    steps: (k) => [
      [["INCR", k], ok(1)],
      [["INCRBY", k, 10], ok(11)],
      [["DECR", k], ok(10)],
      [["INCRBY", k, "1.5"], NOT_AN_INTEGER],
      [["SET", k, "abc"], ok("OK")],
      [["INCR", k], NOT_AN_INTEGER],
      [["SET", k, "9223372036854775807"], ok("OK")],
      [["INCR", k], bad("ERR increment or decrement would overflow")],
      [["GET", k], ok("9223372036854775807")],
    ],
  },
  {
    guarantee: "a counter keeps its expiry while it counts",
    steps: (k) => [
      [["SET", k, "1", "EX", 100], ok("OK")],
      [["INCRBY", k, 5], ok(6)],
      [["TTL", k], ok(100)],
    ],
  },
  {
    guarantee: "hashes set, read, count and forget fields",
    steps: (k) => [
      [["HSET", k, "a", "1", "b", "2"], ok(2)],
      [["HSET", k, "a", "3"], ok(0)],
      [["HGET", k, "a"], ok("3")],
      [["HGET", k, "none"], ok(null)],
      [["HMGET", k, "a", "none", "b"], ok(["3", null, "2"])],
      [["HGETALL", k], ok(["a", "3", "b", "2"])],
      [["HGETALL", `${k}none`], ok([])],
      [["HINCRBY", k, "n", 5], ok(5)],
      [["HINCRBY", k, "n", -7], ok(-2)],
      [["HSET", k, "t", "text"], ok(1)],
      [["HINCRBY", k, "t", 1], bad("ERR hash value is not an integer")],
      [["HDEL", k, "a", "b", "n", "t", "none"], ok(4)],
      [["EXISTS", k], ok(0)],
      [["HSET", k, "a"], bad("ERR wrong number of arguments for 'hset' command")],
    ],
  },
  {
    guarantee: "lists push, cut, remove and pop at both ends",
    steps: (k) => [
      [["RPUSH", k, "a", "b", "c"], ok(3)],
      [["LPUSH", k, "y", "z"], ok(5)],
      [["LRANGE", k, 0, -1], ok(["z", "y", "a", "b", "c"])],
      [["LRANGE", k, -2, -1], ok(["b", "c"])],
      [["LRANGE", k, 3, 1], ok([])],
      [["LREM", k, 0, "y"], ok(1)],
      [["LTRIM", k, 0, 2], ok("OK")],
      [["LRANGE", k, 0, -1], ok(["z", "a", "b"])],
      [["LLEN", k], ok(3)],
      [["LPOP", k], ok("z")],
      [["LPOP", k, 5], ok(["a", "b"])],
      [["LPOP", k], ok(null)],
      [["EXISTS", k], ok(0)],
    ],
  },
  {
    guarantee: "sets add, remove and tell members",
    steps: (k) => [
      [["SADD", k, "1", "2"], ok(2)],
      [["SADD", k, "2"], ok(0)],
      [["SISMEMBER", k, "1"], ok(1)],
      [["SISMEMBER", k, "9"], ok(0)],
      [["SREM", k, "1", "9"], ok(1)],
      [["SMEMBERS", k], ok(["2"])],
      [["SREM", k, "2"], ok(1)],
      [["TYPE", k], ok("none")],
    ],
  },
  {
    guarantee: "sorted sets are ordered by score, then by bytes",
    steps: (k) => [
      [["ZADD", k, 2, "b", 1, "c", 1, "a", 3, "d"], ok(4)],
      [["ZADD", k, 2, "b", 9, "d"], ok(0)],
      [["ZRANGE", k, 0, -1], ok(["a", "c", "b", "d"])],
      [["ZRANGE", k, 0, 1, "WITHSCORES"], ok(["a", "1", "c", "1"])],
      [["ZRANGE", k, 0, 1, "REV"], ok(["d", "b"])],
      [["ZCARD", k], ok(4)],
      [["ZSCORE", k, "d"], ok("9")],
      [["ZSCORE", k, "none"], ok(null)],
      [["ZREM", k, "d", "none"], ok(1)],
      [["ZREMRANGEBYRANK", k, 0, 0], ok(1)],
      [["ZRANGE", k, 0, -1], ok(["c", "b"])],
    ],
  },
  {
    guarantee: "ZADD NX, XX, GT, LT, CH and INCR decide as Redis does",
    steps: (k) => [
      [["ZADD", k, 5, "a"], ok(1)],
      [["ZADD", k, "NX", 9, "a"], ok(0)],
      [["ZADD", k, "XX", 9, "b"], ok(0)],
      [["ZADD", k, "GT", "CH", 4, "a"], ok(0)],
      [["ZADD", k, "LT", "CH", 4, "a"], ok(1)],
      [["ZADD", k, "INCR", 1.5, "a"], ok("5.5")],
      [["ZADD", k, "NX", "INCR", 1, "a"], ok(null)],
      [["ZADD", k, "NX", "XX", 1, "a"], bad("ERR XX and NX options at the same time are not compatible")],
      [["ZADD", k, "x", "a"], bad("ERR value is not a valid float")],
    ],
  },
  {
    guarantee: "ZRANGEBYSCORE takes exclusive and infinite bounds, limits and scores",
    steps: (k) => [
      [["ZADD", k, 1, "a", 2, "b", 3, "c", 4, "d"], ok(4)],
      [["ZRANGEBYSCORE", k, "-inf", "+inf"], ok(["a", "b", "c", "d"])],
      [["ZRANGEBYSCORE", k, "(1", "(4"], ok(["b", "c"])],
      [["ZRANGEBYSCORE", k, "-inf", "+inf", "LIMIT", 1, 2], ok(["b", "c"])],
      [["ZRANGEBYSCORE", k, 2, "+inf", "WITHSCORES", "LIMIT", 0, 1], ok(["b", "2"])],
      [["ZRANGEBYSCORE", k, "x", 4], bad("ERR min or max is not a float")],
      [["ZREMRANGEBYSCORE", k, "-inf", "(3"], ok(2)],
      [["ZRANGE", k, 0, -1], ok(["c", "d"])],
    ],
  },
  {
    guarantee: "a command on a key of another kind is WRONGTYPE",
    steps: (k) => [
      [["SET", `${k}s`, "v"], ok("OK")],
      [["RPUSH", `${k}l`, "v"], ok(1)],
      [["HGET", `${k}s`, "f"], WRONG_TYPE],
      [["LPUSH", `${k}s`, "v"], WRONG_TYPE],
      [["SADD", `${k}s`, "v"], WRONG_TYPE],
      [["ZADD", `${k}s`, 1, "v"], WRONG_TYPE],
      [["GET", `${k}l`], WRONG_TYPE],
      [["INCR", `${k}l`], WRONG_TYPE],
      [["TYPE", `${k}l`], ok("list")],
    ],
  },
  {
    guarantee: "wrong arguments and unknown commands are refused in Redis' own words",
    steps: () => [
      [["GET"], bad("ERR wrong number of arguments for 'get' command")],
      [["Get", "a", "b"], bad("ERR wrong number of arguments for 'get' command")],
      [["FOO", "a", "b"], bad("ERR unknown command 'FOO', with args beginning with: 'a' 'b' ")],
      [["foo"], bad("ERR unknown command 'foo', with args beginning with: ")],
      [[], bad("ERR empty command")],
      [["SCAN", "x"], bad("ERR invalid cursor")],
      [["PING"], ok("PONG")],
      [["PING", "hello"], ok("hello")],
    ],
  },
  {
    guarantee: "commands that need a connection of their own are refused",
    steps: () => [
      [["SUBSCRIBE", "c"], bad("ERR Command is not available: 'SUBSCRIBE'")],
      [["MULTI"], bad("ERR Command is not available: 'MULTI'")],
      [["select", "1"], bad("ERR Command is not available: 'select'")],
      [["BLPOP", "k", 0], bad("ERR Command is not available: 'BLPOP'")],
    ],
  },
];
