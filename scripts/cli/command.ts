import { parseArgs } from "node:util";
import type { OperationId } from "../../src/admin/operations.ts";
import type { Connection } from "./connection.ts";
import { usageError } from "./usage.ts";

export type Option = {
  /** What is written behind it; null: a switch. */
  readonly value: string | null;
  readonly help: string;
  readonly many?: boolean;
  readonly required?: boolean;
};

export type Command = {
  /** As it is typed: `keys create`. */
  readonly name: string;
  readonly operand?: string;
  readonly summary: string;
  readonly note?: string;
  readonly options: Readonly<Record<string, Option>>;
  /** The calls of the management API it makes. */
  readonly uses: readonly OperationId[];
  /** Answers the exit code, 0 when it says nothing. */
  readonly run: (call: Call) => Promise<number | undefined>;
};

type Parse<Value> = (flag: string, text: string) => Value;

/** What was typed behind the command. */
export type Given = {
  readonly operand: string;
  readonly has: (name: string) => boolean;
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => string[] | undefined;
  /** The option as `parse` reads it, which is told its name for its complaint. */
  readonly read: <Value>(name: string, parse: Parse<Value>) => Value | undefined;
  readonly readAll: <Value>(name: string, parse: Parse<Value>) => Value[] | undefined;
};

/** What a command may use of the world around it. */
export type World = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Aborted by Ctrl-C. */
  readonly ended: AbortSignal;
};

export type Call = World & {
  readonly given: Given;
  readonly json: boolean;
  readonly connection: () => Connection;
};

export const everywhere: Readonly<Record<string, Option>> = {
  json: { value: null, help: "print the API's JSON exactly as it came" },
  help: { value: null, help: "this text" },
};

/** The command that the words name, or null when they name none. */
export function findCommand(commands: readonly Command[], words: readonly string[]): Command | null {
  const isNamed = (command: Command) => command.name.split(" ").every((word, index) => words[index] === word);
  return commands.find(isNamed) ?? null;
}

/** Reads what stands behind the command's own words; throws a usage error for what it does not know. */
export function readGiven(
  command: Command,
  rest: readonly string[],
): Given & { json: boolean; help: boolean } {
  const { values, positionals } = parse(command, rest);
  const isHelp = values["help"] !== undefined;
  if (!isHelp) requireComplete(command, values, positionals);
  const readAll = <Value>(name: string, read: Parse<Value>): Value[] | undefined =>
    textsOf(values[name])?.map((text) => read(`--${name}`, text));
  return {
    operand: positionals[0] ?? "",
    json: values["json"] !== undefined,
    help: isHelp,
    has: (name) => values[name] !== undefined,
    text: (name) => textsOf(values[name])?.[0],
    texts: (name) => textsOf(values[name]),
    read: (name, read) => readAll(name, read)?.[0],
    readAll,
  };
}

type Values = Readonly<Record<string, readonly (string | boolean)[] | undefined>>;

const textsOf = (given: readonly (string | boolean)[] | undefined): string[] | undefined =>
  given?.map(String);

function parse(command: Command, rest: readonly string[]): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...everywhere }).map(([name, { value }]) => [
      name,
      {
        type: value === null ? ("boolean" as const) : ("string" as const),
        multiple: true,
        ...(name === "help" ? { short: "h" } : {}),
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...rest], options, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    throw usageError(sentenceOf(command, error as NodeJS.ErrnoException));
  }
}

/** Node's own sentences explain more than was asked. */
function sentenceOf(command: Command, { code, message }: NodeJS.ErrnoException): string {
  const named = /'(?:-\w, )?(--?[\w-]+)/.exec(message)?.[1] ?? "that";
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") return `${command.name} has no ${named}.`;
  const option = command.options[named.replace(/^--/, "")];
  return option?.value
    ? `${named} needs ${option.value} behind it (${named}=… when that begins with a dash).`
    : `${named} takes nothing behind it.`;
}

function requireComplete(command: Command, values: Values, positionals: readonly string[]): void {
  const { name, operand } = command;
  for (const [option, { many }] of Object.entries(command.options)) {
    if (!many && (values[option]?.length ?? 0) > 1) throw usageError(`--${option} can be given only once.`);
  }
  if (operand && positionals.length === 0) throw usageError(`${name} needs ${operand}.`);
  const surplus = positionals[operand ? 1 : 0];
  if (surplus !== undefined) throw usageError(`${name} does not know what to do with "${surplus}".`);
  const missing = Object.entries(command.options)
    .filter(([option, { required }]) => required && values[option] === undefined)
    .map(([option]) => `--${option}`);
  if (missing.length > 0) throw usageError(`${name} needs ${missing.join(" and ")}.`);
}

/** What was not said is left out: for the API to choose, or to leave as it is. */
export const said = <Fields extends object>(all: Fields) =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };

/** Nothing said, a new list, or none at all. */
export function listOrNone<Item>(given: Given, option: string, none: string, items: Item[] | undefined) {
  if (!given.has(none)) return items;
  if (items) throw usageError(`--${option} and --${none} exclude each other.`);
  return [];
}
