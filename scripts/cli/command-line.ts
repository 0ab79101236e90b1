import { isRefusal } from "../stack/refusal.ts";
import { auditCommands } from "./audit.ts";
import { bootstrapCommand } from "./bootstrap.ts";
import { clientCommands } from "./clients.ts";
import { type Command, findCommand, readGiven, type World } from "./command.ts";
import { findConnection } from "./connection.ts";
import { factorCommands } from "./factors.ts";
import { healthCommand } from "./health.ts";
import { helpOf, helpOfAll, helpOfGroup } from "./help.ts";
import { keyEndCommands } from "./key-ends.ts";
import { keyCommands } from "./keys.ts";
import { plain, withoutKeys } from "./presentation.ts";
import { routeCommands } from "./routes.ts";
import { sessionCommands } from "./sessions.ts";
import { signingKeyCommands } from "./signing-keys.ts";
import { tokenCommands } from "./tokens.ts";
import { isUsageError, usageError } from "./usage.ts";
import { userCommands } from "./users.ts";

export const commands: readonly Command[] = [
  ...keyCommands,
  ...keyEndCommands,
  ...userCommands,
  ...factorCommands,
  ...sessionCommands,
  ...tokenCommands,
  ...routeCommands,
  ...clientCommands,
  ...signingKeyCommands,
  ...auditCommands,
  bootstrapCommand,
  healthCommand,
];

/** Runs what was typed; answers the exit code: 0, 1 for a refusal, 2 for a command typed wrongly. Never throws. */
export async function runCommandLine(typed: readonly string[], world: World): Promise<number> {
  const words = withOptionsBehind(typed);
  try {
    return await run(words, world);
  } catch (error) {
    if (isUsageError(error)) {
      world.warn(`${withoutKeys(plain(error.message))}\n\n${nearestHelp(words)}`);
      return 2;
    }
    const unforeseen = `Something went wrong that should not: ${(error as Error).name}.`;
    world.warn(isRefusal(error) ? withoutKeys(plain(error.message)) : unforeseen);
    return 1;
  }
}

async function run(words: readonly string[], world: World): Promise<number> {
  const command = findCommand(commands, words);
  if (!command) {
    requireHelp(words);
    world.say(nearestHelp(words));
    return 0;
  }
  const given = readGiven(command, words.slice(command.name.split(" ").length));
  if (given.help) {
    world.say(helpOf(command));
    return 0;
  }
  const connection = () => findConnection(world.environment);
  return (await command.run({ ...world, given, json: given.json, connection })) ?? 0;
}

/** `help keys` and `--json keys list`, said the usual way. */
function withOptionsBehind(typed: readonly string[]): string[] {
  const [first, ...rest] = typed;
  if (first === "help") return [...rest, "--help"];
  return first === "--json" && rest.length > 0 ? [...rest, first] : [...typed];
}

const isGroup = (word: string | undefined): word is string =>
  commands.some(({ name }) => name.startsWith(`${word} `));

function requireHelp([first, second]: readonly string[]): void {
  const last = isGroup(first) ? second : first;
  if (last === "--help" || last === "-h") return;
  const known = isGroup(first) ? `gatehouse ${first}` : "gatehouse";
  if (last === undefined || last === "--json") throw usageError(`${known} needs a command.`);
  throw usageError(`${known} has no command "${last}".`);
}

function nearestHelp(words: readonly string[]): string {
  const command = findCommand(commands, words);
  if (command) return helpOf(command);
  return isGroup(words[0]) ? helpOfGroup(commands, words[0]) : helpOfAll(commands);
}
