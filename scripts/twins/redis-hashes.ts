import { addInt64, type CommandTable, parseInt64, wrongArguments } from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { OK, type Reply } from "./redis-reply.ts";

function fieldsOf(db: Keyspace, key = ""): ReadonlyMap<string, string> {
  return db.peek(key, "hash") ?? new Map();
}

function setFields(db: Keyspace, name: string, [key = "", ...pairs]: string[]): number {
  if (pairs.length % 2 !== 0) throw wrongArguments(name);
  const hash = db.ensure(key, "hash");
  const before = hash.size;
  for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i] ?? "", pairs[i + 1] ?? "");
  return hash.size - before;
}

function incrementField(db: Keyspace, [key = "", field = "", by = ""]: string[]): Reply {
  const amount = parseInt64(by);
  const before = parseInt64(fieldsOf(db, key).get(field) ?? "0", "ERR hash value is not an integer");
  const sum = addInt64(before, amount);
  db.ensure(key, "hash").set(field, String(sum));
  return Number(sum);
}

export const HASH_COMMANDS: CommandTable = {
  HSET: { arity: -4, run: (db, args) => setFields(db, "hset", args) },
  HMSET: {
    arity: -4,
    run(db, args) {
      setFields(db, "hmset", args);
      return OK;
    },
  },
  HSETNX: {
    arity: 4,
    run(db, [key = "", field = "", value = ""]) {
      if (fieldsOf(db, key).has(field)) return 0;
      db.ensure(key, "hash").set(field, value);
      return 1;
    },
  },
  HGET: { arity: 3, run: (db, [key, field = ""]) => fieldsOf(db, key).get(field) ?? null },
  HMGET: {
    arity: -3,
    run(db, [key, ...fields]) {
      const hash = fieldsOf(db, key);
      return fields.map((field) => hash.get(field) ?? null);
    },
  },
  HGETALL: { arity: 2, run: (db, [key]) => [...fieldsOf(db, key)].flat() },
  HKEYS: { arity: 2, run: (db, [key]) => [...fieldsOf(db, key).keys()] },
  HVALS: { arity: 2, run: (db, [key]) => [...fieldsOf(db, key).values()] },
  HLEN: { arity: 2, run: (db, [key]) => fieldsOf(db, key).size },
  HEXISTS: { arity: 3, run: (db, [key, field = ""]) => (fieldsOf(db, key).has(field) ? 1 : 0) },
  HSTRLEN: { arity: 3, run: (db, [key, field = ""]) => fieldsOf(db, key).get(field)?.length ?? 0 },
  HDEL: {
    arity: -3,
    run(db, [key = "", ...fields]) {
      const hash = db.peek(key, "hash");
      const gone = fields.filter((field) => hash?.delete(field)).length;
      db.dropIfEmpty(key);
      return gone;
    },
  },
  HINCRBY: { arity: 4, run: incrementField },
};
