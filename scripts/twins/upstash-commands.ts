import type { TwinRequest } from "./faulty-server.ts";
import { toBinary } from "./redis-reply.ts";

/** What needs a connection of its own; Upstash answers the like over REST. */
const NOT_OVER_REST = new Set(
  (
    "AUTH ASKING BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT DISCARD EXEC HELLO " +
    "MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT READONLY REPLCONF RESET SELECT SHUTDOWN SSUBSCRIBE " +
    "SUBSCRIBE SYNC UNSUBSCRIBE UNWATCH WAIT WATCH"
  ).split(" "),
);

type JsonWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

/** Numbers keep the digits they were written with: an int64 does not fit a JavaScript number. */
function parseJson(body: Buffer): unknown {
  return (JSON.parse as JsonWithSource)(body.toString("utf8"), (_, value, { source }) =>
    typeof value === "number" && source !== undefined ? source : value,
  );
}

/** A command as binary text, or the sentence that refuses it. */
export function parseCommand(body: Buffer): string[] | string {
  try {
    return commandOf(parseJson(body));
  } catch {
    return "ERR failed to parse command";
  }
}

export function parseCommands(body: Buffer): string[][] | string {
  let list: unknown;
  try {
    list = parseJson(body);
  } catch {
    return "ERR failed to parse pipeline request";
  }
  if (!Array.isArray(list) || list.length === 0) return "ERR empty pipeline request";
  const commands = list.map(commandOf);
  const refused = commands.find((command) => typeof command === "string");
  return refused ?? commands.filter((command) => typeof command !== "string");
}

function commandOf(value: unknown): string[] | string {
  if (!Array.isArray(value)) return "ERR failed to parse command";
  if (value.length === 0) return "ERR empty command";
  const command: string[] = [];
  for (const part of value as unknown[]) {
    if (typeof part === "string") command.push(toBinary(part));
    else if (typeof part === "boolean") command.push(String(part));
    else if (part === null) return "ERR null args are not supported";
    else command.push(toBinary(JSON.stringify(part)));
  }
  return allowed(command);
}

function allowed(command: string[]): string[] | string {
  const name = command[0] ?? "";
  return NOT_OVER_REST.has(name.toUpperCase()) ? `ERR Command is not available: '${name}'` : command;
}

/** `/set/key/value?EX=10`; a body is one more argument, before those of the query. */
export function commandOfPath({ path, query, body }: TwinRequest): string[] | string {
  let parts: string[];
  try {
    parts = path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return "ERR failed to parse command";
  }
  const command = parts.map(toBinary);
  if (body.length > 0) command.push(body.toString("latin1"));
  for (const [name, value] of query) command.push(toBinary(name), ...(value === "" ? [] : [toBinary(value)]));
  return allowed(command);
}

/** For the record of calls. */
export function commandNames(request: TwinRequest): string[] {
  const { path } = request;
  if (path !== "/" && path !== "/pipeline" && path !== "/multi-exec")
    return [(path.split("/")[1] ?? "").toUpperCase()];
  try {
    const value = JSON.parse(request.body.toString("utf8")) as unknown[];
    const commands = path === "/" ? [value] : (value as unknown[][]);
    return commands.map((command) => String(command[0]).toUpperCase());
  } catch {
    return [];
  }
}
