import { type CommandTable, parseInteger, syntaxError } from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { RedisError, type Reply } from "./redis-reply.ts";

/** Milliseconds since the epoch for EX, PX, EXAT and PXAT; Redis refuses what is not positive. */
export function absoluteExpiry(
  db: Keyspace,
  word: string,
  text: string | undefined,
  command: string,
): number {
  const time = parseInteger(text);
  const ms = word.startsWith("PX") ? time : time * 1000;
  if (time <= 0 || ms > Number.MAX_SAFE_INTEGER) {
    throw new RedisError(`ERR invalid expire time in '${command}' command`);
  }
  return word.endsWith("AT") ? ms : db.now() + ms;
}

const CONDITIONS = new Set(["NX", "XX", "GT", "LT"]);

function parseConditions(words: string[]): Set<string> {
  const conditions = new Set(words.map((word) => word.toUpperCase()));
  const unknown = words.find((word) => !CONDITIONS.has(word.toUpperCase()));
  if (unknown !== undefined) throw new RedisError(`ERR Unsupported option ${unknown}`);
  if (conditions.has("NX") && conditions.size > 1) {
    throw new RedisError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.has("GT") && conditions.has("LT")) {
    throw new RedisError("ERR GT and LT options at the same time are not compatible");
  }
  return conditions;
}

function conditionsForbid(conditions: Set<string>, before: number | null, target: number): boolean {
  if (conditions.has("NX") && before !== null) return true;
  if (conditions.has("XX") && before === null) return true;
  const standing = before ?? Number.POSITIVE_INFINITY;
  return (conditions.has("GT") && target <= standing) || (conditions.has("LT") && target >= standing);
}

/** EXPIRE and its kin: unlike SET they take times in the past, which delete the key. */
function expire(unitMs: number, absolute: boolean, name: string) {
  return (db: Keyspace, [key = "", time, ...words]: string[]): Reply => {
    const ms = parseInteger(time) * unitMs;
    const conditions = parseConditions(words);
    if (Math.abs(ms) > Number.MAX_SAFE_INTEGER) {
      throw new RedisError(`ERR invalid expire time in '${name}' command`);
    }
    const entry = db.entry(key);
    const target = absolute ? ms : db.now() + ms;
    if (!entry || conditionsForbid(conditions, entry.expiresAtMs, target)) return 0;
    if (target <= db.now()) db.remove(key);
    else entry.expiresAtMs = target;
    return 1;
  };
}

/** -2: no such key, -1: it does not expire. TTL rounds to the nearest second. */
function remaining(read: (expiresAtMs: number, now: number) => number) {
  return (db: Keyspace, args: string[]): Reply => {
    if (args.length !== 1) throw syntaxError();
    const entry = db.entry(args[0] ?? "");
    if (!entry) return -2;
    return entry.expiresAtMs === null ? -1 : read(entry.expiresAtMs, db.now());
  };
}

export const EXPIRY_COMMANDS: CommandTable = {
  EXPIRE: { arity: -3, run: expire(1000, false, "expire") },
  PEXPIRE: { arity: -3, run: expire(1, false, "pexpire") },
  EXPIREAT: { arity: -3, run: expire(1000, true, "expireat") },
  PEXPIREAT: { arity: -3, run: expire(1, true, "pexpireat") },
  TTL: { arity: 2, run: remaining((at, now) => Math.floor((at - now + 500) / 1000)) },
  PTTL: { arity: 2, run: remaining((at, now) => at - now) },
  EXPIRETIME: { arity: 2, run: remaining((at) => Math.floor((at + 500) / 1000)) },
  PEXPIRETIME: { arity: 2, run: remaining((at) => at) },
  PERSIST: {
    arity: 2,
    run(db, [key = ""]) {
      const entry = db.entry(key);
      if (!entry || entry.expiresAtMs === null) return 0;
      entry.expiresAtMs = null;
      return 1;
    },
  },
};
