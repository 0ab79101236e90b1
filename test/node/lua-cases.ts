import { createHash } from "node:crypto";
import { bad, type CommandCase, ok } from "./command-cases.ts";

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** A script run once, and its answer. */
const run = (script: string, answer: unknown): [unknown[], ReturnType<typeof ok>] => [
  ["EVAL", script, 0],
  ok(answer),
];

/** An error that the script did not catch carries the script's SHA-1 and its line. */
const fails = (script: string, message: string, line = 1): [unknown[], ReturnType<typeof bad>] => [
  ["EVAL", script, 0],
  bad(`${message} script: ${sha1(script)}, on @user_script:${line}.`),
];

export const LUA_CASES: CommandCase[] = [
  {
    guarantee: "what Lua returns becomes Redis' types: integers cut, nil and false null, lists end at nil",
    steps: () => [
      run("return 1", 1),
      run("return 3.99", 3),
      run("return -3.99", -3),
      run("return 'text'", "text"),
      run("return true", 1),
      run("return false", null),
      run("return nil", null),
      run("return {1, 'a', {2, {3}}, true, false, 4}", [1, "a", [2, [3]], 1, null, 4]),
      run("return {1, 2, nil, 4}", [1, 2]),
      run("return {}", []),
      run("return {ok = 'fine'}", "fine"),
      run("return redis.status_reply('YES')", "YES"),
      [["EVAL", "return {err = 'ERR bad thing'}", 0], bad("ERR bad thing")],
      [["EVAL", "return redis.error_reply('MY bad')", 0], bad("MY bad")],
    ],
  },
  {
    guarantee: "what Redis answers inside Lua has Lua's types: a missing value is false, a status a table",
    steps: (k) => [
      run(`return redis.call('GET', '${k}') == false`, 1),
      run(`return redis.call('SET', '${k}', 'v').ok`, "OK"),
      run(`return redis.call('SET', '${k}', 5)`, "OK"),
      run(`return type(redis.call('INCR', '${k}'))`, "number"),
      run(`return redis.call('INCR', '${k}') + 0.7`, 7),
      run(`return redis.call('GET', '${k}')`, "7"),
      run(`local r = redis.call('HMGET', '${k}h', 'a', 'b') return {type(r[1]), #r}`, ["boolean", 2]),
      run(`return redis.call('HMGET', '${k}h', 'a', 'b')`, [null, null]),
    ],
  },
  {
    guarantee: "KEYS and ARGV are lists of text",
    steps: (k) => [
      [["EVAL", "return {#KEYS, KEYS[1], #ARGV, ARGV[1], ARGV[2]}", 1, k, "é☃", 7], ok([1, k, 2, "é☃", "7"])],
      [["EVAL", "return #ARGV[1]", 0, "é☃"], ok(5)],
      [["EVAL", "return tonumber(ARGV[1]) * 2", 0, "21"], ok(42)],
      [["EVAL", "return redis.call('MSET', unpack(ARGV))", 0, `${k}a`, "1", `${k}b`, "2"], ok("OK")],
      [["EVAL", "return redis.call('MGET', unpack(KEYS))", 2, `${k}a`, `${k}b`], ok(["1", "2"])],
    ],
  },
  {
    guarantee: "numbers are those of Lua 5.1: no integer type, whole floats without a fraction",
    steps: (k) => [
      run("return 1700000000000", 1700000000000),
      run("return tostring(1700000000000)", "1700000000000"),
      run("return tostring(10 / 2)", "5"),
      run("return 'at:' .. math.floor(1700000000123 / 1000)", "at:1700000000"),
      run("return math.floor(-3.2)", -4),
      run("return 2000000000 + 2000000000", 4000000000),
      run("return tostring(tonumber('x'))", "nil"),
      run(`redis.call('SET', '${k}', 1700000000123) return redis.call('GET', '${k}')`, "1700000000123"),
      run(`redis.call('SET', '${k}', 0.5) return redis.call('GET', '${k}')`, "0.5"),
    ],
  },
  {
    guarantee: "redis.pcall gives the error as a value, redis.call ends the script",
    steps: (k) => [
      [["SET", k, "v"], ok("OK")],
      run(
        `return redis.pcall('LPUSH', '${k}', 'x').err`,
        "WRONGTYPE Operation against a key holding the wrong kind of value",
      ),
      [["EVAL", `return redis.pcall('INCR', '${k}')`, 0], bad("ERR value is not an integer or out of range")],
      fails(
        `redis.call('SET', '${k}', 'w')\nreturn redis.call('LPUSH', '${k}', 'x')`,
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        2,
      ),
      [["GET", k], ok("w")],
    ],
  },
  {
    guarantee: "what goes wrong in a script is told in Redis' own words",
    steps: () => [
      fails("return redis.call('nosuch')", "ERR Unknown Redis command called from script"),
      fails("return redis.call('GET')", "ERR Wrong number of args calling Redis command from script"),
      fails(
        "return redis.call('GET', {})",
        "ERR Lua redis lib command arguments must be strings or integers",
      ),
      fails("return redis.call('EVAL', 'return 1', 0)", "ERR This Redis command is not allowed from script"),
      fails("local t = nil\nreturn t.x", "ERR user_script:2: attempt to index local 't' (a nil value)", 2),
      fails("error('boom')", "ERR user_script:1: boom"),
      fails("x = 1", "ERR user_script:1: Attempt to modify a readonly table"),
      fails("return x", "ERR user_script:1: Script attempted to access nonexistent global variable 'x'"),
      [
        ["EVAL", "return not lua", 0, "x"],
        bad(
          `ERR user_script:1: Script attempted to access nonexistent global variable 'lua' script: ${sha1("return not lua")}, on @user_script:1.`,
        ),
      ],
      [
        ["EVAL", "this is not lua", 0],
        bad("ERR Error compiling script (new function): user_script:1: '=' expected near 'is'"),
      ],
      [["EVAL", "return 1", "x"], bad("ERR value is not an integer or out of range")],
      [["EVAL", "return 1", 1], bad("ERR Number of keys can't be greater than number of args")],
      [["EVAL", "return 1", -1], bad("ERR Number of keys can't be negative")],
    ],
  },
  {
    guarantee: "EVALSHA knows a script once it was loaded or run, and says NOSCRIPT before",
    steps: (k) => {
      const loaded = `return 'loaded ${k}'`;
      const evaluated = `return 'run ${k}'`;
      return [
        [["EVALSHA", sha1(loaded), 0], bad("NOSCRIPT No matching script. Please use EVAL.")],
        [["SCRIPT", "LOAD", loaded], ok(sha1(loaded))],
        [["EVALSHA", sha1(loaded), 0], ok(`loaded ${k}`)],
        [["EVALSHA", sha1(loaded).toUpperCase(), 0], ok(`loaded ${k}`)],
        [["SCRIPT", "EXISTS", sha1(loaded), sha1(evaluated)], ok([1, 0])],
        [["EVAL", evaluated, 0], ok(`run ${k}`)],
        [["EVALSHA", sha1(evaluated), 0], ok(`run ${k}`)],
      ];
    },
  },
  {
    guarantee: "a script with a flags line runs, under the SHA-1 of the text that was sent",
    steps: (k) => {
      const script = `#!lua flags=allow-key-locking\nreturn {'${k}', redis.call('GET', KEYS[1])}`;
      const broken = `#!lua flags=allow-key-locking\n\nreturn redis.call('GET', '${k}', 'x')`;
      const message = "ERR Wrong number of args calling Redis command from script";
      return [
        [["EVALSHA", sha1(script), 1, k], bad("NOSCRIPT No matching script. Please use EVAL.")],
        [["EVAL", script, 1, k], ok([k, null])],
        [["EVALSHA", sha1(script), 1, k], ok([k, null])],
        [["SCRIPT", "EXISTS", sha1(script)], ok([1])],
        [["SCRIPT", "LOAD", broken], ok(sha1(broken))],
        [["EVALSHA", sha1(broken), 0], bad(`${message} script: ${sha1(broken)}, on @user_script:3.`)],
      ];
    },
  },
  {
    guarantee: "cjson reads and writes JSON",
    steps: () => [
      run("return cjson.encode({1, 2, 3})", "[1,2,3]"),
      run("return cjson.encode({a = 'x'})", '{"a":"x"}'),
      run("return cjson.encode({true, cjson.null})", "[true,null]"),
      run(`return cjson.decode('{"a":[1,{"b":"é"}]}').a[2].b`, "é"),
      run(`return cjson.decode('{"a":null}').a == cjson.null`, 1),
    ],
  },
];
