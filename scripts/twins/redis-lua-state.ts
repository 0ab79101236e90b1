import { LuaApi } from "wasmoon-lua5.1";

/** Lua's C API as far as it is used here; pointers are numbers. */
interface LuaModule {
  HEAPU8: Uint8Array;
  HEAPU32: Uint32Array;
  addFunction(run: (state: number) => number, signature: string): number;
  _malloc(size: number): number;
  _free(pointer: number): void;
  _luaL_newstate(): number;
  _luaL_openlibs(state: number): void;
  _luaL_loadbuffer(state: number, text: number, size: number, name: number): number;
  _luaL_where(state: number, level: number): void;
  _lua_concat(state: number, count: number): void;
  _luaL_ref(state: number, table: number): number;
  _lua_gettop(state: number): number;
  _lua_settop(state: number, index: number): void;
  _lua_checkstack(state: number, more: number): number;
  _lua_type(state: number, index: number): number;
  _lua_toboolean(state: number, index: number): number;
  _lua_tonumber(state: number, index: number): number;
  _lua_tolstring(state: number, index: number, size: number): number;
  _lua_pushnil(state: number): void;
  _lua_pushboolean(state: number, value: number): void;
  _lua_pushnumber(state: number, value: number): void;
  _lua_pushlstring(state: number, text: number, size: number): void;
  _lua_pushlightuserdata(state: number, pointer: number): void;
  _lua_pushcclosure(state: number, run: number, upvalues: number): void;
  _lua_createtable(state: number, listSize: number, hashSize: number): void;
  _lua_next(state: number, index: number): number;
  _lua_rawget(state: number, index: number): void;
  _lua_rawgeti(state: number, index: number, at: number): void;
  _lua_rawset(state: number, index: number): void;
  _lua_rawseti(state: number, index: number, at: number): void;
  _lua_setfenv(state: number, index: number): number;
  _lua_error(state: number): number;
  _lua_pcall(state: number, given: number, wanted: number, handler: number): number;
}

/** Pseudo-indices of Lua 5.1. */
export const LUA_GLOBALS = -10002;
const LUA_REGISTRY = -10000;

export const LuaKind = { Nil: 0, Boolean: 1, Number: 3, Text: 4, Table: 5 } as const;

/** Room for one more value and its key at each depth of a nested table. */
const STACK_ROOM = 8;

export type LuaState = Awaited<ReturnType<typeof openLuaState>>;

/** One Lua state. Texts go in and out as binary text. */
export async function openLuaState() {
  const module = (await LuaApi.initialize()).module as unknown as LuaModule;
  // The state that calls us: another one while a script runs a coroutine.
  let L = module._luaL_newstate();
  module._luaL_openlibs(L);
  const sizeAt = module._malloc(4);
  let scratch = module._malloc(1024);
  let scratchSize = 1024;

  /** Copies a text where Lua can read it; valid until the next copy. */
  function copyIn(text: string): number {
    if (text.length > scratchSize) {
      module._free(scratch);
      scratchSize = text.length * 2;
      scratch = module._malloc(scratchSize);
    }
    Buffer.from(module.HEAPU8.buffer, scratch, text.length).write(text, "latin1");
    return scratch;
  }

  const top = () => module._lua_gettop(L);
  return {
    top,
    setTop: (index: number) => module._lua_settop(L, index),
    pop: (count: number) => module._lua_settop(L, -count - 1),
    absolute: (index: number) => (index < 0 && index > LUA_REGISTRY ? top() + index + 1 : index),
    kind: (index: number) => module._lua_type(L, index),
    toBoolean: (index: number) => module._lua_toboolean(L, index) !== 0,
    toNumber: (index: number) => module._lua_tonumber(L, index),
    toText(index: number): string {
      const start = module._lua_tolstring(L, index, sizeAt);
      if (start === 0) return "";
      const size = module.HEAPU32[sizeAt >> 2] ?? 0;
      return Buffer.from(module.HEAPU8.buffer, start, size).toString("latin1");
    },
    pushNil: () => module._lua_pushnil(L),
    pushNull: () => module._lua_pushlightuserdata(L, 0),
    pushBoolean: (value: boolean) => module._lua_pushboolean(L, value ? 1 : 0),
    pushNumber: (value: number) => module._lua_pushnumber(L, value),
    pushText: (text: string) => module._lua_pushlstring(L, copyIn(text), text.length),
    pushTable(): void {
      module._lua_checkstack(L, STACK_ROOM);
      module._lua_createtable(L, 0, 0);
    },
    pushFunction(run: () => number): void {
      const enter = (state: number) => {
        const before = L;
        L = state;
        try {
          return run();
        } finally {
          L = before;
        }
      };
      module._lua_pushcclosure(L, module.addFunction(enter, "ii"), 0);
    },
    /** Raises what is on top of the stack: leaves the running function by an exception, as Lua's own do. */
    raise: () => module._lua_error(L),
    /** The same with a text, which gets the place in the script where our function was called. */
    raiseText(message: string): number {
      module._luaL_where(L, 1);
      module._lua_pushlstring(L, copyIn(message), message.length);
      module._lua_concat(L, 2);
      return module._lua_error(L);
    },
    /** Gives the function at `index` the table on top of the stack for its globals. */
    setGlobalsOf: (index: number) => module._lua_setfenv(L, index),
    next: (index: number) => module._lua_next(L, index) !== 0,
    rawGet: (index: number) => module._lua_rawget(L, index),
    rawGetAt: (index: number, at: number) => module._lua_rawgeti(L, index, at),
    rawSet: (index: number) => module._lua_rawset(L, index),
    rawSetAt: (index: number, at: number) => module._lua_rawseti(L, index, at),
    loadChunk(text: string, name: string): number {
      const body = copyIn(`${text}${name}\0`);
      return module._luaL_loadbuffer(L, body, text.length, body + text.length);
    },
    /** Takes the value on top of the stack and gives a number by which to push it again. */
    keep: () => module._luaL_ref(L, LUA_REGISTRY),
    pushKept: (reference: number) => module._lua_rawgeti(L, LUA_REGISTRY, reference),
    protectedCall: (given: number, wanted: number, handler: number) =>
      module._lua_pcall(L, given, wanted, handler),
  };
}
