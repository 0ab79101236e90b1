import { LuaKind, type LuaState } from "./redis-lua-state.ts";
import { fromBinary, toBinary } from "./redis-reply.ts";

/** `cjson.encode`: a table is a list when all its keys are 1…n, an object otherwise; an empty one is `{}`. */
export function encodeJson(lua: LuaState, index: number): string {
  switch (lua.kind(index)) {
    case LuaKind.Text:
      // cjson escapes the slash too.
      return toBinary(JSON.stringify(fromBinary(lua.toText(index))).replaceAll("/", "\\/"));
    case LuaKind.Number:
      return String(Number(lua.toNumber(index).toPrecision(14)));
    case LuaKind.Boolean:
      return String(lua.toBoolean(index));
    case LuaKind.Table:
      return encodeTable(lua, lua.absolute(index));
    default:
      return "null";
  }
}

function encodeTable(lua: LuaState, index: number): string {
  const list: string[] = [];
  const members: string[] = [];
  lua.pushNil();
  while (lua.next(index)) {
    const value = encodeJson(lua, -1);
    const isNumber = lua.kind(-2) === LuaKind.Number;
    const key = isNumber ? lua.toNumber(-2) : 0;
    if (isNumber) list[key - 1] = value;
    members.push(`${isNumber ? `"${key}"` : encodeJson(lua, -2)}:${value}`);
    lua.pop(1);
  }
  const isList = members.length > 0 && list.length === members.length && !list.includes(undefined as never);
  return isList ? `[${list.join(",")}]` : `{${members.join(",")}}`;
}

/** `cjson.decode`: pushes the value; raises when the text is not JSON. */
export function decodeJson(lua: LuaState, text: string): number {
  let value: unknown;
  try {
    value = JSON.parse(fromBinary(text));
  } catch {
    return lua.raiseText("Expected value but found invalid token at character 1");
  }
  push(lua, value);
  return 1;
}

function push(lua: LuaState, value: unknown): void {
  if (value === null) lua.pushNull();
  else if (typeof value === "number") lua.pushNumber(value);
  else if (typeof value === "boolean") lua.pushBoolean(value);
  else if (typeof value === "string") lua.pushText(toBinary(value));
  else {
    lua.pushTable();
    const isList = Array.isArray(value);
    for (const [key, element] of Object.entries(value as object)) {
      if (isList) lua.pushNumber(Number(key) + 1);
      else lua.pushText(toBinary(key));
      push(lua, element);
      lua.rawSet(-3);
    }
  }
}
