import {
  addInt64,
  type CommandTable,
  INT64_MIN,
  parseDouble,
  parseInt64,
  parseInteger,
  sliceBounds,
  syntaxError,
  wrongArguments,
} from "./redis-arguments.ts";
import { absoluteExpiry } from "./redis-expiry.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { OK, RedisError, type Reply } from "./redis-reply.ts";

function get(db: Keyspace, key = ""): string | null {
  return db.peek(key, "string") ?? null;
}

function incrementBy(db: Keyspace, key: string, by: bigint): number {
  const sum = addInt64(parseInt64(get(db, key) ?? "0"), by);
  db.rewrite(key, String(sum));
  return Number(sum);
}

interface SetOptions {
  unless: "NX" | "XX" | null;
  get: boolean;
  keepTtl: boolean;
  expiresAtMs: number | null;
}

const EXPIRY_WORDS = new Set(["EX", "PX", "EXAT", "PXAT"]);

function parseSetOptions(db: Keyspace, words: string[]): SetOptions {
  const options: SetOptions = { unless: null, get: false, keepTtl: false, expiresAtMs: null };
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]?.toUpperCase() ?? "";
    if ((word === "NX" || word === "XX") && (options.unless ?? word) === word) options.unless = word;
    else if (word === "GET") options.get = true;
    else if (word === "KEEPTTL" && options.expiresAtMs === null) options.keepTtl = true;
    else if (
      EXPIRY_WORDS.has(word) &&
      !options.keepTtl &&
      options.expiresAtMs === null &&
      i + 1 < words.length
    ) {
      i += 1;
      options.expiresAtMs = absoluteExpiry(db, word, words[i], "set");
    } else throw syntaxError();
  }
  return options;
}

function set(db: Keyspace, [key = "", value = "", ...words]: string[]): Reply {
  const options = parseSetOptions(db, words);
  const before = options.get ? get(db, key) : null;
  const known = db.entry(key);
  const refused = options.unless === "NX" ? known !== undefined : options.unless === "XX" && !known;
  if (!refused) {
    const expiresAtMs = options.keepTtl ? (known?.expiresAtMs ?? null) : options.expiresAtMs;
    db.put(key, "string", value);
    const entry = db.entry(key);
    if (entry) entry.expiresAtMs = expiresAtMs;
  }
  if (options.get) return before;
  return refused ? null : OK;
}

function setExpiring(
  db: Keyspace,
  word: string,
  name: string,
  [key = "", time, value = ""]: string[],
): Reply {
  const expiresAtMs = absoluteExpiry(db, word, time, name);
  db.put(key, "string", value);
  const entry = db.entry(key);
  if (entry) entry.expiresAtMs = expiresAtMs;
  return OK;
}

function getAndExpire(db: Keyspace, [key = "", word, time, ...rest]: string[]): Reply {
  const value = get(db, key);
  const upper = word?.toUpperCase();
  const persists = upper === "PERSIST" && time === undefined;
  if (rest.length > 0 || (upper !== undefined && !persists && !(EXPIRY_WORDS.has(upper) && time)))
    throw syntaxError();
  const entry = db.entry(key);
  if (entry && persists) entry.expiresAtMs = null;
  else if (entry && upper !== undefined) entry.expiresAtMs = absoluteExpiry(db, upper, time, "getex");
  return value;
}

function setMany(db: Keyspace, pairs: string[], name: string): void {
  if (pairs.length % 2 !== 0) throw wrongArguments(name);
  for (let i = 0; i < pairs.length; i += 2) db.put(pairs[i] ?? "", "string", pairs[i + 1] ?? "");
}

export const STRING_COMMANDS: CommandTable = {
  GET: { arity: 2, run: (db, [key]) => get(db, key) },
  SET: { arity: -3, run: set },
  SETNX: { arity: 3, run: (db, [key = "", value = ""]) => (set(db, [key, value, "NX"]) === null ? 0 : 1) },
  SETEX: { arity: 4, run: (db, args) => setExpiring(db, "EX", "setex", args) },
  PSETEX: { arity: 4, run: (db, args) => setExpiring(db, "PX", "psetex", args) },
  GETSET: { arity: 3, run: (db, [key = "", value = ""]) => set(db, [key, value, "GET"]) },
  GETEX: { arity: -2, run: getAndExpire },
  GETDEL: {
    arity: 2,
    run(db, [key = ""]) {
      const value = get(db, key);
      db.remove(key);
      return value;
    },
  },
  MGET: {
    arity: -2,
    run: (db, keys) =>
      keys.map((key) => {
        const entry = db.entry(key);
        return entry?.kind === "string" ? entry.value : null;
      }),
  },
  MSET: {
    arity: -3,
    run(db, pairs) {
      setMany(db, pairs, "mset");
      return OK;
    },
  },
  MSETNX: {
    arity: -3,
    run(db, pairs) {
      if (pairs.length % 2 !== 0) throw wrongArguments("msetnx");
      if (pairs.some((key, i) => i % 2 === 0 && db.entry(key))) return 0;
      setMany(db, pairs, "msetnx");
      return 1;
    },
  },
  APPEND: {
    arity: 3,
    run(db, [key = "", value = ""]) {
      const whole = (get(db, key) ?? "") + value;
      db.rewrite(key, whole);
      return whole.length;
    },
  },
  STRLEN: { arity: 2, run: (db, [key]) => get(db, key)?.length ?? 0 },
  GETRANGE: {
    arity: 4,
    run(db, [key, start, stop]) {
      const value = get(db, key) ?? "";
      return value.slice(...sliceBounds(parseInteger(start), parseInteger(stop), value.length));
    },
  },
  INCR: { arity: 2, run: (db, [key = ""]) => incrementBy(db, key, 1n) },
  DECR: { arity: 2, run: (db, [key = ""]) => incrementBy(db, key, -1n) },
  INCRBY: { arity: 3, run: (db, [key = "", by = ""]) => incrementBy(db, key, parseInt64(by)) },
  DECRBY: {
    arity: 3,
    run(db, [key = "", text = ""]) {
      const by = parseInt64(text);
      if (by === INT64_MIN) throw new RedisError("ERR decrement would overflow");
      return incrementBy(db, key, -by);
    },
  },
  INCRBYFLOAT: {
    arity: 3,
    run(db, [key = "", by]) {
      const sum = parseDouble(get(db, key) ?? "0") + parseDouble(by);
      if (!Number.isFinite(sum)) throw new RedisError("ERR increment would produce NaN or Infinity");
      db.rewrite(key, String(sum));
      return String(sum);
    },
  },
};
