import { type Owner, ownerTypes } from "../../src/api-keys/record.ts";
import { usageError } from "./usage.ts";

/** What a person types, as the management API wants it. What only the API can know, it judges itself. */

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const timestamp =
  /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

function secondsIn(text: string): number | null {
  if (text === "0") return 0;
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const seconds = unit === undefined ? undefined : secondsOf[unit];
  return seconds === undefined ? null : Number(count) * seconds;
}

/** `90s`, `15m`, `1h`, `30d`, `2w`, or `0`: in seconds. A bare number has no unit and could be anything. */
export function parseSeconds(flag: string, text: string): number {
  const seconds = secondsIn(text);
  if (seconds === null)
    throw usageError(`${flag} takes a length of time like 30s, 15m, 1h or 7d, not "${text}".`);
  return seconds;
}

/** A time, a length of time from now, or `never`; RFC 3339 in UTC. */
export const endOf =
  (now: number) =>
  (flag: string, text: string): string | null =>
    text === "never" ? null : parseMoment(flag, text, { now, sign: 1, example: "30d (from now), or never" });

/** A time, or a length of time before now. */
export function parsePast(flag: string, text: string, now: number): string {
  return parseMoment(flag, text, { now, sign: -1, example: "15m (ago)" });
}

function parseMoment(
  flag: string,
  text: string,
  { now, sign, example }: { now: number; sign: 1 | -1; example: string },
): string {
  const seconds = secondsIn(text);
  const at = seconds === null ? timeOf(text) : new Date(now + sign * seconds * 1000);
  if (at === null || Number.isNaN(at.getTime())) {
    throw usageError(`${flag} takes a time like 2027-01-31T12:00:00Z, or ${example}, not "${text}".`);
  }
  return at.toISOString();
}

function timeOf(text: string): Date | null {
  const [, year, month, day] = timestamp.exec(text) ?? [];
  if (day === undefined) return null;
  // JavaScript takes 30 February for 2 March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return exists ? new Date(text.toUpperCase()) : null;
}

export function parseOwner(flag: string, text: string): Owner {
  const colon = text.indexOf(":");
  const type = ownerTypes.find((known) => known === text.slice(0, colon));
  const id = text.slice(colon + 1);
  if (colon === -1 || !type || id === "") {
    throw usageError(`${flag} takes ${ownerTypes.map((known) => `${known}:ID`).join(", ")}, not "${text}".`);
  }
  return { type, id };
}

type KeyLimit = { name: string; limit: number; window_seconds: number };

/** `per-minute=60/60s`: a name, so many permits, in such a time. */
export function parseKeyLimit(flag: string, text: string): KeyLimit {
  const [, name, permits, span] = /^([^=,]+)=(\d{1,10})\/([^,]+)$/.exec(text) ?? [];
  const window = span === undefined ? null : secondsIn(span);
  if (name === undefined || window === null) {
    throw usageError(`${flag} takes name=permits/time like per-minute=60/60s, not "${text}".`);
  }
  return { name, limit: Number(permits), window_seconds: window };
}

const pers = ["key", "owner", "address"] as const;
const fallbacks = ["open", "closed", "local"] as const;
type RouteLimit = KeyLimit & {
  per?: (typeof pers)[number];
  when_unavailable?: (typeof fallbacks)[number];
};

/** The same with `,per=owner` and `,when-unavailable=closed` behind it. */
export function parseRouteLimit(flag: string, text: string): RouteLimit {
  const [first = "", ...settings] = text.split(",");
  const limit: RouteLimit = parseKeyLimit(flag, first);
  for (const setting of settings) {
    const [word = "", value = ""] = setting.split("=", 2);
    if (word === "per") limit.per = oneOf(`${flag} …,per=`, value, pers);
    else if (word === "when-unavailable")
      limit.when_unavailable = oneOf(`${flag} …,${word}=`, value, fallbacks);
    else throw usageError(`${flag} knows per= and when-unavailable= behind a limit, not "${setting}".`);
  }
  return limit;
}

export function oneOf<Choice extends string>(flag: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (!found) throw usageError(`${flag} takes ${choices.join(", ")}, not "${text}".`);
  return found;
}

export function parseMetadata(flag: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usageError(`${flag} takes a JSON object like '{"team":"billing"}'.`);
  }
  return value as Record<string, unknown>;
}

/** How many rows of a list: as the query wants it. */
export function parsePageSize(flag: string, text: string): string {
  if (!/^[1-9]\d{0,2}$/.test(text) || Number(text) > 200) {
    throw usageError(`${flag} takes a whole number from 1 to 200, not "${text}".`);
  }
  return text;
}
