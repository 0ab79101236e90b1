import { randomInt } from "node:crypto";
import { type CommandTable, parseInteger } from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { RedisError, type Reply } from "./redis-reply.ts";

function membersOf(db: Keyspace, key = ""): Set<string> {
  return db.peek(key, "set") ?? new Set();
}

function combine(
  db: Keyspace,
  keys: string[],
  join: (a: Set<string>, b: Set<string>) => Set<string>,
): string[] {
  return [...keys.map((key) => membersOf(db, key)).reduce(join)];
}

function takeRandom(db: Keyspace, [key = "", count]: string[]): Reply {
  const most = count === undefined ? 1 : parseInteger(count, "ERR value is out of range, must be positive");
  if (most < 0) throw new RedisError("ERR value is out of range, must be positive");
  const set = db.peek(key, "set");
  if (!set) return count === undefined ? null : [];
  const members = [...set];
  const taken: string[] = [];
  while (taken.length < most && members.length > 0) {
    taken.push(...members.splice(randomInt(members.length), 1));
  }
  for (const member of taken) set.delete(member);
  db.dropIfEmpty(key);
  return count === undefined ? (taken[0] ?? null) : taken;
}

export const SET_COMMANDS: CommandTable = {
  SADD: {
    arity: -3,
    run(db, [key = "", ...members]) {
      const set = db.ensure(key, "set");
      const before = set.size;
      for (const member of members) set.add(member);
      return set.size - before;
    },
  },
  SREM: {
    arity: -3,
    run(db, [key = "", ...members]) {
      const set = db.peek(key, "set");
      const gone = members.filter((member) => set?.delete(member)).length;
      db.dropIfEmpty(key);
      return gone;
    },
  },
  SISMEMBER: { arity: 3, run: (db, [key, member = ""]) => (membersOf(db, key).has(member) ? 1 : 0) },
  SMISMEMBER: {
    arity: -3,
    run(db, [key, ...members]) {
      const set = membersOf(db, key);
      return members.map((member) => (set.has(member) ? 1 : 0));
    },
  },
  SMEMBERS: { arity: 2, run: (db, [key]) => [...membersOf(db, key)] },
  SCARD: { arity: 2, run: (db, [key]) => membersOf(db, key).size },
  SPOP: { arity: -2, run: takeRandom },
  SINTER: {
    arity: -2,
    run: (db, keys) => combine(db, keys, (a, b) => new Set([...a].filter((m) => b.has(m)))),
  },
  SUNION: { arity: -2, run: (db, keys) => combine(db, keys, (a, b) => new Set([...a, ...b])) },
  SDIFF: {
    arity: -2,
    run: (db, keys) => combine(db, keys, (a, b) => new Set([...a].filter((m) => !b.has(m)))),
  },
};
