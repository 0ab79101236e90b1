/**
 * What Redis answers. Strings are binary: each character is one byte (latin1), so that lengths, order and
 * arbitrary bytes are Redis' own; only the edge of the twin turns them into UTF-8 or base64.
 */
export type Reply = null | number | string | Status | Failure | Reply[];

export interface Status {
  status: string;
}

export interface Failure {
  error: string;
}

/** Thrown by a command; becomes a `Failure` reply. */
export class RedisError extends Error {}

export const OK: Status = { status: "OK" };

export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const SYNTAX_ERROR = "ERR syntax error";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";

export function isStatus(reply: Reply): reply is Status {
  return typeof reply === "object" && reply !== null && "status" in reply;
}

export function isFailure(reply: Reply): reply is Failure {
  return typeof reply === "object" && reply !== null && "error" in reply;
}

export function toBinary(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function fromBinary(binary: string): string {
  return Buffer.from(binary, "latin1").toString("utf8");
}

/** RESP2, as binary text: for `Upstash-Response-Format: resp2`. */
export function encodeResp(reply: Reply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encodeResp).join("")}`;
  return isStatus(reply) ? `+${reply.status}\r\n` : `-${reply.error}\r\n`;
}

/** C's `%.17g`, by which Redis writes doubles: scores, and numbers that Lua hands to a command. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return Object.is(value, -0) ? "-0" : String(value);
  const [digits = "", exponent = "0"] = value.toExponential(16).split("e");
  const power = Number(exponent);
  const trimmed = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (power >= -4 && power < 17) return trimmed(value.toFixed(Math.max(0, 16 - power)));
  const sign = power < 0 ? "-" : "+";
  return `${trimmed(digits)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}
