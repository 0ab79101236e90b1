import {
  type CommandTable,
  parseDouble,
  parseInteger,
  syntaxError,
  wrongArguments,
} from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { formatDouble, RedisError, type Reply } from "./redis-reply.ts";
import type { Scored } from "./redis-sorted-set.ts";
import { isInScores, parseScores, rangeByRank, ZRANGE_COMMANDS } from "./redis-sorted-set-ranges.ts";

const ADD_WORDS = new Set(["NX", "XX", "GT", "LT", "CH", "INCR"]);

function parseAddWords(args: string[]): { words: Set<string>; pairs: string[] } {
  const words = new Set<string>();
  let at = 0;
  while (ADD_WORDS.has(args[at]?.toUpperCase() ?? "")) words.add(args[at++]?.toUpperCase() ?? "");
  const pairs = args.slice(at);
  if (pairs.length === 0 || pairs.length % 2 !== 0) throw syntaxError();
  if (words.has("NX") && words.has("XX")) {
    throw new RedisError("ERR XX and NX options at the same time are not compatible");
  }
  if (["GT", "LT", "NX"].filter((word) => words.has(word)).length > 1) {
    throw new RedisError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (words.has("INCR") && pairs.length !== 2) {
    throw new RedisError("ERR INCR option supports a single increment-element pair");
  }
  return { words, pairs };
}

/** What becomes of one member, or null when the conditions forbid a change. */
function nextScore(words: Set<string>, before: number | undefined, given: number): number | null {
  if (before === undefined) return words.has("XX") ? null : given;
  if (words.has("NX")) return null;
  const next = words.has("INCR") ? before + given : given;
  if (Number.isNaN(next)) throw new RedisError("ERR resulting score is not a number (NaN)");
  if (words.has("GT") && next <= before) return null;
  if (words.has("LT") && next >= before) return null;
  return next;
}

function add(db: Keyspace, [key = "", ...args]: string[]): Reply {
  const { words, pairs } = parseAddWords(args);
  const scores = pairs.filter((_, i) => i % 2 === 0).map((text) => parseDouble(text));
  const set = db.ensure(key, "zset");
  let added = 0;
  let changed = 0;
  let last: number | null = null;
  for (const [i, given] of scores.entries()) {
    const member = pairs[i * 2 + 1] ?? "";
    const before = set.score(member);
    last = nextScore(words, before, given);
    if (last === null) continue;
    if (before === undefined) added += 1;
    else if (before !== last) changed += 1;
    set.set(member, last);
  }
  db.dropIfEmpty(key);
  if (words.has("INCR")) return last === null ? null : formatDouble(last);
  return words.has("CH") ? added + changed : added;
}

function removeAll(db: Keyspace, key: string, members: readonly Scored[]): number {
  const set = db.peek(key, "zset");
  for (const { member } of members) set?.delete(member);
  db.dropIfEmpty(key);
  return members.length;
}

function ascending(db: Keyspace, key = ""): readonly Scored[] {
  return db.peek(key, "zset")?.ascending() ?? [];
}

function score(db: Keyspace, key = "", member = ""): string | null {
  const found = db.peek(key, "zset")?.score(member);
  return found === undefined ? null : formatDouble(found);
}

function rank(reversed: boolean) {
  return (db: Keyspace, [key, member]: string[]): Reply => {
    const all = ascending(db, key);
    const at = all.findIndex((entry) => entry.member === member);
    if (at < 0) return null;
    return reversed ? all.length - 1 - at : at;
  };
}

function pop(fromTop: boolean, name: string) {
  return (db: Keyspace, args: string[]): Reply => {
    const [key = "", count = "1"] = args;
    if (args.length > 2) throw wrongArguments(name);
    const most = parseInteger(count, "ERR value is out of range, must be positive");
    if (most < 0) throw new RedisError("ERR value is out of range, must be positive");
    const all = ascending(db, key);
    const taken = (fromTop ? [...all].reverse() : [...all]).slice(0, most);
    removeAll(db, key, taken);
    return taken.flatMap((entry) => [entry.member, formatDouble(entry.score)]);
  };
}

export const SORTED_SET_COMMANDS: CommandTable = {
  ...ZRANGE_COMMANDS,
  ZADD: { arity: -4, run: add },
  ZINCRBY: { arity: 4, run: (db, [key = "", by = "", member = ""]) => add(db, [key, "INCR", by, member]) },
  ZCARD: { arity: 2, run: (db, [key = ""]) => db.peek(key, "zset")?.size ?? 0 },
  ZSCORE: { arity: 3, run: (db, [key, member]) => score(db, key, member) },
  ZMSCORE: { arity: -3, run: (db, [key, ...members]) => members.map((member) => score(db, key, member)) },
  ZRANK: { arity: 3, run: rank(false) },
  ZREVRANK: { arity: 3, run: rank(true) },
  ZPOPMIN: { arity: -2, run: pop(false, "zpopmin") },
  ZPOPMAX: { arity: -2, run: pop(true, "zpopmax") },
  ZCOUNT: {
    arity: 4,
    run(db, [key, min, max]) {
      const bounds = parseScores(min, max);
      return ascending(db, key).filter((entry) => isInScores(entry, bounds)).length;
    },
  },
  ZREM: {
    arity: -3,
    run(db, [key = "", ...members]) {
      const set = db.peek(key, "zset");
      const gone = members.filter((member) => set?.delete(member)).length;
      db.dropIfEmpty(key);
      return gone;
    },
  },
  ZREMRANGEBYSCORE: {
    arity: 4,
    run(db, [key = "", min, max]) {
      const bounds = parseScores(min, max);
      const doomed = ascending(db, key).filter((entry) => isInScores(entry, bounds));
      return removeAll(db, key, doomed);
    },
  },
  ZREMRANGEBYRANK: {
    arity: 4,
    run(db, [key = "", start, stop]) {
      return removeAll(db, key, rangeByRank(db, key, parseInteger(start), parseInteger(stop), false));
    },
  },
};
