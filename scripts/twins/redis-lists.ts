import {
  type CommandTable,
  parseInteger,
  sliceBounds,
  syntaxError,
  wrongArguments,
} from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { OK, RedisError, type Reply } from "./redis-reply.ts";

type End = "LEFT" | "RIGHT";

function push(end: End, onlyExisting: boolean) {
  return (db: Keyspace, [key = "", ...values]: string[]): Reply => {
    if (onlyExisting && !db.peek(key, "list")) return 0;
    const list = db.ensure(key, "list");
    for (const value of values) {
      if (end === "LEFT") list.unshift(value);
      else list.push(value);
    }
    return list.length;
  };
}

function takeOne(list: string[], end: End): string | null {
  return (end === "LEFT" ? list.shift() : list.pop()) ?? null;
}

function pop(end: End, name: string) {
  return (db: Keyspace, args: string[]): Reply => {
    const [key = "", count] = args;
    if (args.length > 2) throw wrongArguments(name);
    const most = count === undefined ? 1 : parseInteger(count, "ERR value is out of range, must be positive");
    if (most < 0) throw new RedisError("ERR value is out of range, must be positive");
    const list = db.peek(key, "list");
    if (!list) return null;
    const taken: string[] = [];
    while (taken.length < most && list.length > 0) taken.push(takeOne(list, end) ?? "");
    db.dropIfEmpty(key);
    return count === undefined ? (taken[0] ?? null) : taken;
  };
}

function move(db: Keyspace, from: string, to: string, takeFrom: End, putTo: End): Reply {
  const source = db.peek(from, "list");
  if (!source) return null;
  const target = db.ensure(to, "list");
  const value = takeOne(source, takeFrom) ?? "";
  if (putTo === "LEFT") target.unshift(value);
  else target.push(value);
  db.dropIfEmpty(from);
  return value;
}

function parseEnd(word = ""): End {
  const end = word.toUpperCase();
  if (end !== "LEFT" && end !== "RIGHT") throw syntaxError();
  return end;
}

/** LREM: a negative count removes from the tail. */
function removeValues(db: Keyspace, [key = "", count, value]: string[]): Reply {
  const wanted = parseInteger(count);
  const list = db.peek(key, "list");
  if (!list) return 0;
  const most = wanted === 0 ? list.length : Math.abs(wanted);
  let removed = 0;
  for (let n = list.length, i = wanted < 0 ? n - 1 : 0; n > 0 && removed < most; n -= 1) {
    if (list[i] === value) {
      list.splice(i, 1);
      removed += 1;
      if (wanted < 0) i -= 1;
    } else i += wanted < 0 ? -1 : 1;
  }
  db.dropIfEmpty(key);
  return removed;
}

function positionOf(list: string[], index: string | undefined): number {
  const at = parseInteger(index);
  return at < 0 ? list.length + at : at;
}

export const LIST_COMMANDS: CommandTable = {
  LPUSH: { arity: -3, run: push("LEFT", false) },
  RPUSH: { arity: -3, run: push("RIGHT", false) },
  LPUSHX: { arity: -3, run: push("LEFT", true) },
  RPUSHX: { arity: -3, run: push("RIGHT", true) },
  LPOP: { arity: -2, run: pop("LEFT", "lpop") },
  RPOP: { arity: -2, run: pop("RIGHT", "rpop") },
  LLEN: { arity: 2, run: (db, [key = ""]) => db.peek(key, "list")?.length ?? 0 },
  LREM: { arity: 4, run: removeValues },
  LRANGE: {
    arity: 4,
    run(db, [key = "", start, stop]) {
      const [from, to] = [parseInteger(start), parseInteger(stop)];
      const list = db.peek(key, "list") ?? [];
      return list.slice(...sliceBounds(from, to, list.length));
    },
  },
  LTRIM: {
    arity: 4,
    run(db, [key = "", start, stop]) {
      const [from, to] = [parseInteger(start), parseInteger(stop)];
      const list = db.peek(key, "list");
      list?.splice(0, list.length, ...list.slice(...sliceBounds(from, to, list.length)));
      db.dropIfEmpty(key);
      return OK;
    },
  },
  LINDEX: {
    arity: 3,
    run(db, [key = "", index]) {
      const list = db.peek(key, "list") ?? [];
      return list[positionOf(list, index)] ?? null;
    },
  },
  LSET: {
    arity: 4,
    run(db, [key = "", index, value = ""]) {
      const list = db.peek(key, "list");
      if (!list) throw new RedisError("ERR no such key");
      const at = positionOf(list, index);
      if (list[at] === undefined) throw new RedisError("ERR index out of range");
      list[at] = value;
      return OK;
    },
  },
  RPOPLPUSH: { arity: 3, run: (db, [from = "", to = ""]) => move(db, from, to, "RIGHT", "LEFT") },
  LMOVE: {
    arity: 5,
    run: (db, [from = "", to = "", takeFrom, putTo]) =>
      move(db, from, to, parseEnd(takeFrom), parseEnd(putTo)),
  },
};
