import {
  type CommandTable,
  globMatcher,
  parseInteger,
  syntaxError,
  wrongArguments,
} from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { formatDouble, OK, RedisError, type Reply, type Status } from "./redis-reply.ts";

/** Scans that are under way: what was there at the start and has not been handed out yet. */
const SCANS_MAX = 1000;

interface Scans {
  next: number;
  open: Map<number, string[][]>;
}

/** As Redis promises: what stays during the whole scan is seen; a page holds about `COUNT` elements. */
function page(scans: Scans, cursor: string, words: string[], all: () => string[][]): Reply {
  if (!/^\d+$/.test(cursor)) throw new RedisError("ERR invalid cursor");
  const options = parseScanWords(words);
  const id = Number(cursor);
  const elements = id === 0 ? all() : (scans.open.get(id) ?? []);
  scans.open.delete(id);
  const rest = elements.slice(options.count);
  let following = 0;
  if (rest.length > 0) {
    following = ++scans.next;
    scans.open.set(following, rest);
    const oldest = scans.open.keys().next().value;
    if (scans.open.size > SCANS_MAX && oldest !== undefined) scans.open.delete(oldest);
  }
  const matches = globMatcher(options.match);
  const found = elements.slice(0, options.count).filter(([name = ""]) => matches(name));
  return [String(following), found.flat()];
}

function parseScanWords(words: string[]): { match: string; count: number; type: string | null } {
  const options = { match: "*", count: 10, type: null as string | null };
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i]?.toUpperCase();
    const value = words[i + 1];
    if (value === undefined) throw syntaxError();
    if (word === "MATCH") options.match = value;
    else if (word === "COUNT") options.count = parseInteger(value);
    else if (word === "TYPE") options.type = value.toLowerCase();
    else throw syntaxError();
  }
  if (options.count < 1) throw syntaxError();
  return options;
}

function deleteKeys(db: Keyspace, keys: string[]): number {
  return keys.filter((key) => db.remove(key)).length;
}

function clear(db: Keyspace): Status {
  db.clear();
  return OK;
}

function time(db: Keyspace): Reply {
  const ms = db.now();
  return [String(Math.floor(ms / 1000)), String((ms % 1000) * 1000)];
}

export function keyCommands(): CommandTable {
  const scans: Scans = { next: 0, open: new Map() };
  return {
    ...PLAIN_KEY_COMMANDS,
    SCAN: {
      arity: -2,
      run(db, [cursor = "", ...words]) {
        const { type } = parseScanWords(words);
        const ofType = (key: string) => type === null || db.entry(key)?.kind === type;
        return page(scans, cursor, words, () =>
          db
            .keys()
            .filter(ofType)
            .map((key) => [key]),
        );
      },
    },
    HSCAN: {
      arity: -3,
      run: (db, [key = "", cursor = "", ...words]) =>
        page(scans, cursor, words, () => [...(db.peek(key, "hash") ?? [])]),
    },
    SSCAN: {
      arity: -3,
      run: (db, [key = "", cursor = "", ...words]) =>
        page(scans, cursor, words, () => [...(db.peek(key, "set") ?? [])].map((member) => [member])),
    },
    ZSCAN: {
      arity: -3,
      run: (db, [key = "", cursor = "", ...words]) =>
        page(scans, cursor, words, () =>
          (db.peek(key, "zset")?.ascending() ?? []).map(({ member, score }) => [member, formatDouble(score)]),
        ),
    },
  };
}

const PLAIN_KEY_COMMANDS: CommandTable = {
  DEL: { arity: -2, run: deleteKeys },
  UNLINK: { arity: -2, run: deleteKeys },
  EXISTS: { arity: -2, run: (db, keys) => keys.filter((key) => db.entry(key)).length },
  TOUCH: { arity: -2, run: (db, keys) => keys.filter((key) => db.entry(key)).length },
  TYPE: { arity: 2, run: (db, [key = ""]) => ({ status: db.entry(key)?.kind ?? "none" }) },
  KEYS: { arity: 2, run: (db, [pattern = ""]) => db.keys().filter(globMatcher(pattern)) },
  DBSIZE: { arity: 1, run: (db) => db.keys().length },
  FLUSHDB: { arity: -1, run: clear },
  FLUSHALL: { arity: -1, run: clear },
  TIME: { arity: 1, run: time },
  ECHO: { arity: 2, run: (_, [text = ""]) => text },
  PING: {
    arity: -1,
    run(_, args) {
      if (args.length > 1) throw wrongArguments("ping");
      return args[0] ?? { status: "PONG" };
    },
  },
  RENAME: {
    arity: 3,
    run(db, [from = "", to = ""]) {
      if (!db.rename(from, to)) throw new RedisError("ERR no such key");
      return OK;
    },
  },
  RENAMENX: {
    arity: 3,
    run(db, [from = "", to = ""]) {
      if (!db.entry(from)) throw new RedisError("ERR no such key");
      if (db.entry(to)) return 0;
      return db.rename(from, to) ? 1 : 0;
    },
  },
};
