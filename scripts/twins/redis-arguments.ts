import type { Keyspace } from "./redis-keyspace.ts";
import { NOT_AN_INTEGER, RedisError, type Reply, SYNTAX_ERROR } from "./redis-reply.ts";

export interface Command {
  /** As Redis counts: with the name; negative means at least. */
  arity: number;
  run(db: Keyspace, args: string[]): Reply;
}

export type CommandTable = Record<string, Command>;

const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

export function parseInt64(text: string, complaint: string = NOT_AN_INTEGER): bigint {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) throw new RedisError(complaint);
  const value = BigInt(text);
  if (value > INT64_MAX || value < INT64_MIN) throw new RedisError(complaint);
  return value;
}

export function parseInteger(text: string | undefined, complaint: string = NOT_AN_INTEGER): number {
  return Number(parseInt64(text ?? "", complaint));
}

export function addInt64(a: bigint, b: bigint): bigint {
  const sum = a + b;
  if (sum > INT64_MAX || sum < INT64_MIN) throw new RedisError("ERR increment or decrement would overflow");
  return sum;
}

export function parseDouble(text: string | undefined, complaint = "ERR value is not a valid float"): number {
  const lower = (text ?? "").toLowerCase();
  if (/^\+?inf(inity)?$/.test(lower)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(lower)) return Number.NEGATIVE_INFINITY;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower)) throw new RedisError(complaint);
  if (!Number.isFinite(Number(lower))) throw new RedisError(complaint);
  return Number(lower);
}

export function syntaxError(): RedisError {
  return new RedisError(SYNTAX_ERROR);
}

export function wrongArguments(name: string): RedisError {
  return new RedisError(`ERR wrong number of arguments for '${name}' command`);
}

/** Python-like slice bounds of LRANGE, ZRANGE and the like: end included, negatives from the end. */
export function sliceBounds(start: number, stop: number, length: number): [number, number] {
  const from = start < 0 ? Math.max(0, length + start) : start;
  const to = stop < 0 ? length + stop : Math.min(stop, length - 1);
  return [from, Math.max(from, to + 1)];
}

/** Redis' glob of KEYS and SCAN. */
export function globMatcher(pattern: string): (text: string) => boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i += 1) {
    const character = pattern[i] ?? "";
    const close = character === "[" ? pattern.indexOf("]", i + 1) : -1;
    if (character === "*") source += "[\\s\\S]*";
    else if (character === "?") source += "[\\s\\S]";
    else if (close > i) {
      source += pattern.slice(i, close + 1).replace(/\\(?!\])/g, "\\\\");
      i = close;
    } else {
      if (character === "\\" && i + 1 < pattern.length) i += 1;
      source += (pattern[i] ?? "").replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    }
  }
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}
