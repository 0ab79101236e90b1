import { type Command, everywhere, type Option } from "./command.ts";

const connection = `It speaks to the stack of npm start on this machine, or to the Gatehouse of GATEHOUSE_URL with the
management key of GATEHOUSE_ADMIN_KEY.`;

/** Everything, one line a command. */
export function helpOfAll(commands: readonly Command[]): string {
  return `The operators' command line of Gatehouse.

${linesOf(commands)}

gatehouse COMMAND --help shows its options. --json prints the API's own JSON.
${connection}`;
}

export function helpOfGroup(commands: readonly Command[], group: string): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return `${linesOf(members)}\n\ngatehouse ${group} COMMAND --help shows its options.`;
}

export function helpOf(command: Command): string {
  const required = Object.entries(command.options).filter(([, { required: must }]) => must);
  const usage = [
    "gatehouse",
    command.name,
    ...(command.operand ? [command.operand] : []),
    ...required.map(([name, option]) => written(name, option)),
    "[options]",
  ].join(" ");
  const options = { ...command.options, ...everywhere };
  const width = Math.max(...Object.entries(options).map(([name, option]) => written(name, option).length));
  const lines = Object.entries(options).map(([name, option]) => {
    const again = option.many ? " (again for more)" : "";
    return `  ${written(name, option).padEnd(width)}  ${option.help}${again}`;
  });
  const note = command.note ? `\n\n${command.note}` : "";
  return `${command.summary}.\n\n  ${usage}\n\n${lines.join("\n")}${note}`;
}

const written = (name: string, { value }: Option): string =>
  value === null ? `--${name}` : `--${name} ${value}`;

function linesOf(commands: readonly Command[]): string {
  const typed = (command: Command) => [command.name, command.operand].filter(Boolean).join(" ");
  const width = Math.max(...commands.map((command) => typed(command).length));
  return commands
    .map((command) => `  gatehouse ${typed(command).padEnd(width)}  ${command.summary}`)
    .join("\n");
}
