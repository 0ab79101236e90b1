import { type CommandTable, parseDouble, parseInteger, sliceBounds, syntaxError } from "./redis-arguments.ts";
import type { Keyspace } from "./redis-keyspace.ts";
import { formatDouble, RedisError, type Reply } from "./redis-reply.ts";
import type { Scored } from "./redis-sorted-set.ts";

interface Bound<Value> {
  value: Value;
  exclusive: boolean;
}

interface ScoreBounds {
  min: Bound<number>;
  max: Bound<number>;
}

interface RangeSpecification {
  by: "rank" | "score" | "lex";
  reversed: boolean;
  limit: { offset: number; count: number } | null;
  withScores: boolean;
}

/** `(5` excludes 5; `-inf` and `+inf` are allowed. */
export function parseScores(min = "", max = ""): ScoreBounds {
  const bound = (text: string): Bound<number> => {
    const exclusive = text.startsWith("(");
    return {
      value: parseDouble(exclusive ? text.slice(1) : text, "ERR min or max is not a float"),
      exclusive,
    };
  };
  return { min: bound(min), max: bound(max) };
}

export function isInScores({ score }: Scored, { min, max }: ScoreBounds): boolean {
  if (min.exclusive ? score <= min.value : score < min.value) return false;
  return max.exclusive ? score < max.value : score <= max.value;
}

/** `[a` includes, `(a` excludes, `-` and `+` are before and after everything. */
function lexFilter(min: string, max: string): (entry: Scored) => boolean {
  for (const text of [min, max]) {
    if (!/^(\[|\(|[-+]$)/.test(text)) throw new RedisError("ERR min or max not valid string range item");
  }
  const isAfter = (member: string) => {
    if (min === "-") return true;
    return min !== "+" && (min.startsWith("[") ? member >= min.slice(1) : member > min.slice(1));
  };
  const isBefore = (member: string) => {
    if (max === "+") return true;
    return max !== "-" && (max.startsWith("[") ? member <= max.slice(1) : member < max.slice(1));
  };
  return ({ member }) => isAfter(member) && isBefore(member);
}

/** `first` and `second` as the caller wrote them: with REV, a score or lex range names its top first. */
function rangeBySpecification(
  db: Keyspace,
  key: string,
  first: string,
  second: string,
  specification: RangeSpecification,
): readonly Scored[] {
  const { by, reversed, limit } = specification;
  if (by === "rank") return rangeByRank(db, key, parseInteger(first), parseInteger(second), reversed);
  const [min, max] = reversed ? [second, first] : [first, second];
  const isIn = by === "score" ? scoreFilter(min, max) : lexFilter(min, max);
  const found = ordered(db, key, reversed).filter(isIn);
  if (!limit) return found;
  if (limit.offset < 0) return [];
  return found.slice(limit.offset, limit.count < 0 ? undefined : limit.offset + limit.count);
}

export function rangeByRank(
  db: Keyspace,
  key: string,
  start: number,
  stop: number,
  reversed: boolean,
): readonly Scored[] {
  const all = ordered(db, key, reversed);
  return all.slice(...sliceBounds(start, stop, all.length));
}

function ordered(db: Keyspace, key: string, reversed: boolean): readonly Scored[] {
  const ascending = db.peek(key, "zset")?.ascending() ?? [];
  return reversed ? [...ascending].reverse() : ascending;
}

function scoreFilter(min: string, max: string): (entry: Scored) => boolean {
  const bounds = parseScores(min, max);
  return (entry) => isInScores(entry, bounds);
}

/** The words after the two bounds. `fixed` is what the command's own name already says. */
function parseWords(words: string[], fixed: Partial<RangeSpecification> | null): RangeSpecification {
  const result: RangeSpecification = {
    by: "rank",
    reversed: false,
    limit: null,
    withScores: false,
    ...fixed,
  };
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]?.toUpperCase();
    if (word === "WITHSCORES") result.withScores = true;
    else if (word === "LIMIT" && i + 2 < words.length) {
      result.limit = { offset: parseInteger(words[i + 1]), count: parseInteger(words[i + 2]) };
      i += 2;
    } else if (word === "REV" && !fixed) result.reversed = true;
    else if (word === "BYSCORE" && !fixed) result.by = "score";
    else if (word === "BYLEX" && !fixed) result.by = "lex";
    else throw syntaxError();
  }
  if (result.limit && result.by === "rank") {
    throw new RedisError(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  }
  if (result.withScores && result.by === "lex") {
    throw new RedisError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return result;
}

function range(fixed: Partial<RangeSpecification> | null) {
  return (db: Keyspace, [key = "", first = "", second = "", ...words]: string[]): Reply => {
    const specification = parseWords(words, fixed);
    const found = rangeBySpecification(db, key, first, second, specification);
    if (!specification.withScores) return found.map((entry) => entry.member);
    return found.flatMap((entry) => [entry.member, formatDouble(entry.score)]);
  };
}

export const ZRANGE_COMMANDS: CommandTable = {
  ZRANGE: { arity: -4, run: range(null) },
  ZREVRANGE: { arity: -4, run: range({ reversed: true }) },
  ZRANGEBYSCORE: { arity: -4, run: range({ by: "score" }) },
  ZREVRANGEBYSCORE: { arity: -4, run: range({ by: "score", reversed: true }) },
  ZRANGEBYLEX: { arity: -4, run: range({ by: "lex" }) },
};
