/**
 * Runs once, before any script: builds `redis` and `cjson`, takes away what Redis takes away, closes the
 * globals. Returns the globals as scripts see them, and the handler that notes where an error came from.
 */
export const LUA_PRELUDE = `
local call, pcall_command, sha1hex, encode, decode = ...
local getinfo, error, type, tostring = debug.getinfo, error, type, tostring
local lua_pcall, lua_rawset, lua_setmetatable = pcall, rawset, setmetatable

local function fail(message)
  message = tostring(message)
  if message:sub(1, 1) == '-' then message = message:sub(2) end
  if not message:find(' ', 1, true) then message = 'ERR ' .. message end
  return { err = message }
end

redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  call = call,
  pcall = pcall_command,
  sha1hex = sha1hex,
  error_reply = fail,
  status_reply = function(message) return { ok = message } end,
  log = function() end,
  set_repl = function() end,
  setresp = function() end,
  replicate_commands = function() return true end,
}

cjson = { null = decode('null'), encode = encode, decode = decode }

-- A caught error of a command is its text, not the table in which it travels.
local function caught(ok, problem, ...)
  if not ok and type(problem) == 'table' and type(problem.err) == 'string' then return false, problem.err end
  return ok, problem, ...
end
pcall = function(...) return caught(lua_pcall(...)) end

local names = { 'io', 'os', 'package', 'require', 'module', 'dofile', 'loadfile', 'print', 'debug', 'newproxy' }
for _, name in ipairs(names) do lua_rawset(_G, name, nil) end

-- Scripts see the globals through an empty table: they read all of them and can change none.
local globals = _G
local seen = {}
local READONLY = 'Attempt to modify a readonly table'
globals._G = seen
globals.rawset = function(target, ...)
  if target == seen then error(READONLY, 0) end
  return lua_rawset(target, ...)
end
globals.setmetatable = function(target, ...)
  if target == seen then error(READONLY, 0) end
  return lua_setmetatable(target, ...)
end
lua_setmetatable(globals, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})
lua_setmetatable(seen, { __index = globals, __newindex = function() error(READONLY, 2) end })

return seen, function(err)
  if type(err) ~= 'table' then err = { err = 'ERR ' .. tostring(err) } end
  local level = 2
  local info = getinfo(level, 'Sl')
  while info and (info.what == 'C' or info.source == '=prelude') do
    level = level + 1
    info = getinfo(level, 'Sl')
  end
  if info then
    err.source = info.source
    err.line = info.currentline
  end
  return err
end
`;
