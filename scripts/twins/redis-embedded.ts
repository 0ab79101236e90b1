import type { Redis } from "./redis.ts";
import { type CommandTable, parseInteger, wrongArguments } from "./redis-arguments.ts";
import { EXPIRY_COMMANDS } from "./redis-expiry.ts";
import { HASH_COMMANDS } from "./redis-hashes.ts";
import { keyCommands } from "./redis-keys.ts";
import { createKeyspace } from "./redis-keyspace.ts";
import { LIST_COMMANDS } from "./redis-lists.ts";
import { createLuaMachine, type LuaMachine } from "./redis-lua.ts";
import { type Failure, OK, RedisError, type Reply } from "./redis-reply.ts";
import { SET_COMMANDS } from "./redis-sets.ts";
import { SORTED_SET_COMMANDS } from "./redis-sorted-sets.ts";
import { STRING_COMMANDS } from "./redis-strings.ts";

const ABORTED = "EXECABORT Transaction discarded because of previous errors.";
const NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
const UNKNOWN_SHOWN_CHARS = 128;

/**
 * Redis in memory. Each command, script and transaction runs in one go, so nothing can come between its
 * steps. Answers and error texts are those of Redis 7, which the contract suite checks against the real one.
 */
export async function openEmbeddedRedis(): Promise<Redis> {
  const db = createKeyspace();
  const data: CommandTable = {
    ...STRING_COMMANDS,
    ...EXPIRY_COMMANDS,
    ...HASH_COMMANDS,
    ...LIST_COMMANDS,
    ...SET_COMMANDS,
    ...SORTED_SET_COMMANDS,
    ...keyCommands(),
  };
  const lua = await createLuaMachine((command) => attempt(() => callFromScript(command)));
  const scripting = scriptCommands(lua);
  const table = new Map(Object.entries({ ...data, ...scripting }));

  function callFromScript([name = "", ...args]: string[]): Reply {
    const command = table.get(name.toUpperCase());
    if (!command) throw new RedisError("ERR Unknown Redis command called from script");
    if (!arityFits(command.arity, args.length + 1)) {
      throw new RedisError("ERR Wrong number of args calling Redis command from script");
    }
    if (name.toUpperCase() in scripting)
      throw new RedisError("ERR This Redis command is not allowed from script");
    return command.run(db, args);
  }

  /** What Redis says at once, before it runs or queues a command. */
  function refusal([name = "", ...args]: readonly string[]): Failure | null {
    const command = table.get(name.toUpperCase());
    if (!command) return { error: unknownCommand(name, args) };
    if (arityFits(command.arity, args.length + 1)) return null;
    return { error: wrongArguments(name.toLowerCase()).message };
  }

  function run(command: readonly string[]): Reply {
    db.tick();
    const [name = "", ...args] = command;
    return refusal(command) ?? attempt(() => table.get(name.toUpperCase())?.run(db, args) ?? null);
  }

  return {
    run: async (command) => run(command),
    pipeline: async (commands) => commands.map(run),
    transaction: async (commands) => (commands.some(refusal) ? { error: ABORTED } : commands.map(run)),
    close: async () => db.clear(),
  };
}

function scriptCommands(lua: LuaMachine): CommandTable {
  function evaluate(find: () => string | Failure, [numkeys, ...rest]: string[]): Reply {
    const count = parseInteger(numkeys);
    if (count > rest.length) throw new RedisError("ERR Number of keys can't be greater than number of args");
    if (count < 0) throw new RedisError("ERR Number of keys can't be negative");
    const sha = find();
    return typeof sha === "string" ? lua.run(sha, rest.slice(0, count), rest.slice(count)) : sha;
  }
  return {
    EVAL: { arity: -3, run: (_, [script = "", ...rest]) => evaluate(() => lua.load(script), rest) },
    EVALSHA: {
      arity: -3,
      run: (_, [sha = "", ...rest]) =>
        evaluate(() => (lua.has(sha.toLowerCase()) ? sha.toLowerCase() : { error: NO_SCRIPT }), rest),
    },
    SCRIPT: { arity: -2, run: (_, args) => manageScripts(lua, args) },
  };
}

function manageScripts(lua: LuaMachine, [word = "", ...args]: string[]): Reply {
  switch (word.toUpperCase()) {
    case "LOAD":
      if (args.length !== 1) throw wrongArguments("script|load");
      return lua.load(args[0] ?? "");
    case "EXISTS":
      if (args.length === 0) throw wrongArguments("script|exists");
      return args.map((sha) => (lua.has(sha.toLowerCase()) ? 1 : 0));
    case "FLUSH":
      lua.forgetAll();
      return OK;
    default:
      throw new RedisError(`ERR unknown subcommand '${word}'. Try SCRIPT HELP.`);
  }
}

function attempt(run: () => Reply): Reply {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof RedisError) return { error: cause.message };
    throw cause;
  }
}

function arityFits(arity: number, count: number): boolean {
  return arity < 0 ? count >= -arity : count === arity;
}

function unknownCommand(name: string, args: readonly string[]): string {
  let shown = "";
  for (const arg of args) {
    if (shown.length >= UNKNOWN_SHOWN_CHARS) break;
    shown += `'${arg.slice(0, UNKNOWN_SHOWN_CHARS - shown.length)}' `;
  }
  return `ERR unknown command '${name.slice(0, UNKNOWN_SHOWN_CHARS)}', with args beginning with: ${shown}`;
}
