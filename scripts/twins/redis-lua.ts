import { createHash } from "node:crypto";
import { decodeJson, encodeJson } from "./redis-lua-json.ts";
import { LUA_PRELUDE } from "./redis-lua-prelude.ts";
import { LUA_GLOBALS, LuaKind, type LuaState, openLuaState } from "./redis-lua-state.ts";
import { formatDouble, isFailure, isStatus, type Reply, toBinary } from "./redis-reply.ts";

export type LuaMachine = Awaited<ReturnType<typeof createLuaMachine>>;

const ARGUMENTS_MUST_BE = "ERR Lua redis lib command arguments must be strings or integers";
const ARGUMENT_MISSING = "ERR Please specify at least one argument for this redis lib call";

export function sha1Hex(script: string): string {
  return createHash("sha1").update(script, "latin1").digest("hex");
}

/** Lua 5.1 as Redis runs it: real Lua, compiled to WASM. `call` carries out one command, without waiting. */
export async function createLuaMachine(call: (command: string[]) => Reply) {
  const lua = await openLuaState();
  const compiled = new Map<string, number>();

  function commandFromScript(): Reply {
    const command = readArguments(lua);
    try {
      return typeof command === "string" ? { error: command } : call(command);
    } catch (cause) {
      // Nothing of ours may be thrown through Lua's frames: its stack would stay as it is.
      return { error: `ERR the embedded Redis failed: ${String(cause)}` };
    }
  }
  function answerScript(raises: boolean): number {
    const reply = commandFromScript();
    pushReply(lua, reply);
    return raises && isFailure(reply) ? lua.raise() : 1;
  }
  const { globals, handler } = openPrelude(lua, [
    () => answerScript(true),
    () => answerScript(false),
    () => pushed(lua, sha1Hex(lua.toText(1))),
    () => pushed(lua, encodeJson(lua, 1)),
    () => decodeJson(lua, lua.toText(1)),
  ]);

  return {
    has: (sha: string) => compiled.has(sha),
    forgetAll: () => compiled.clear(),
    /** Compiles and keeps; the failure when the text is not Lua. */
    load(script: string): { error: string } | string {
      const sha = sha1Hex(script);
      if (compiled.has(sha)) return sha;
      const top = lua.top();
      if (lua.loadChunk(script, "@user_script") !== 0) {
        const message = lua.toText(-1);
        lua.setTop(top);
        return { error: `ERR Error compiling script (new function): ${message}` };
      }
      lua.pushKept(globals);
      lua.setGlobalsOf(-2);
      compiled.set(sha, lua.keep());
      return sha;
    },
    run(sha: string, keys: string[], argv: string[]): Reply {
      const top = lua.top();
      setGlobalList(lua, "KEYS", keys);
      setGlobalList(lua, "ARGV", argv);
      lua.pushKept(handler);
      lua.pushKept(compiled.get(sha) ?? 0);
      const ok = lua.protectedCall(0, 1, top + 1) === 0;
      const reply = ok ? readReply(lua, -1) : { error: errorText(lua, sha) };
      lua.setTop(top);
      return reply;
    },
  };
}

/** Runs the prelude with our functions as its arguments, and keeps what it returns. */
function openPrelude(lua: LuaState, functions: (() => number)[]): { globals: number; handler: number } {
  if (lua.loadChunk(toBinary(LUA_PRELUDE), "=prelude") !== 0) throw new Error(lua.toText(-1));
  for (const one of functions) lua.pushFunction(one);
  if (lua.protectedCall(functions.length, 2, 0) !== 0) throw new Error(lua.toText(-1));
  const handler = lua.keep();
  return { globals: lua.keep(), handler };
}

function pushed(lua: LuaState, text: string): number {
  lua.pushText(text);
  return 1;
}

function readArguments(lua: LuaState): string[] | string {
  const count = lua.top();
  if (count === 0) return ARGUMENT_MISSING;
  const command: string[] = [];
  for (let i = 1; i <= count; i += 1) {
    const kind = lua.kind(i);
    if (kind === LuaKind.Number) command.push(formatDouble(lua.toNumber(i)));
    else if (kind === LuaKind.Text) command.push(lua.toText(i));
    else return ARGUMENTS_MUST_BE;
  }
  return command;
}

function setGlobalList(lua: LuaState, name: string, values: string[]): void {
  lua.pushText(name);
  pushReply(lua, values);
  lua.rawSet(LUA_GLOBALS);
}

/** Redis to Lua: nil becomes false, a status {ok=…}, a failure {err=…}. */
function pushReply(lua: LuaState, reply: Reply): void {
  if (reply === null) lua.pushBoolean(false);
  else if (typeof reply === "number") lua.pushNumber(reply);
  else if (typeof reply === "string") lua.pushText(reply);
  else if (Array.isArray(reply)) {
    lua.pushTable();
    for (const [i, element] of reply.entries()) {
      pushReply(lua, element);
      lua.rawSetAt(-2, i + 1);
    }
  } else {
    lua.pushTable();
    lua.pushText(isStatus(reply) ? "ok" : "err");
    lua.pushText(isStatus(reply) ? reply.status : reply.error);
    lua.rawSet(-3);
  }
}

/** Lua to Redis: numbers lose their fraction, true is 1, false is nil, a list ends at its first nil. */
function readReply(lua: LuaState, index: number): Reply {
  switch (lua.kind(index)) {
    case LuaKind.Text:
      return lua.toText(index);
    case LuaKind.Number:
      return toInt64(lua.toNumber(index));
    case LuaKind.Boolean:
      return lua.toBoolean(index) ? 1 : null;
    case LuaKind.Table:
      return readTable(lua, lua.absolute(index));
    default:
      return null;
  }
}

/** C's conversion: what an int64 cannot hold becomes its least value. */
function toInt64(value: number): number {
  return Math.abs(value) < 2 ** 63 ? Math.trunc(value) : -(2 ** 63);
}

function readTable(lua: LuaState, index: number): Reply {
  const error = textField(lua, index, "err");
  if (error !== null) return { error: oneLine(error) };
  const status = textField(lua, index, "ok");
  if (status !== null) return { status: oneLine(status) };
  const list: Reply[] = [];
  for (let i = 1; ; i += 1) {
    lua.rawGetAt(index, i);
    if (lua.kind(-1) === LuaKind.Nil) break;
    list.push(readReply(lua, -1));
    lua.pop(1);
  }
  lua.pop(1);
  return list;
}

function textField(lua: LuaState, index: number, name: string): string | null {
  lua.pushText(name);
  lua.rawGet(index);
  const kind = lua.kind(-1);
  let text: string | null = null;
  if (kind === LuaKind.Text) text = lua.toText(-1);
  else if (kind === LuaKind.Number) text = formatDouble(lua.toNumber(-1));
  lua.pop(1);
  return text;
}

/** An error that the script did not catch: Redis adds which script it was, and where. */
function errorText(lua: LuaState, sha: string): string {
  if (lua.kind(-1) !== LuaKind.Table)
    return `ERR Error running script ${sha}, ${lua.toText(-1).slice(0, 100)}`;
  const index = lua.absolute(-1);
  const message = oneLine(textField(lua, index, "err") ?? "ERR unknown error");
  const source = textField(lua, index, "source");
  const line = textField(lua, index, "line");
  return source === null || line === null ? message : `${message} script: ${sha}, on ${source}:${line}.`;
}

/** A reply line must not be broken. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, " ");
}
