import { parseArgs } from "node:util";
import { describeFailure, refusal } from "./refusal.ts";
import type { Stack, StackOptions } from "./stack.ts";

const HELP = `Starts Gatehouse on this machine: npm start -- [options]

  --port N   listen on port N instead of 8787 (0: any free one)
  --fresh    forget keys, accounts and everything else kept in .local first
  --json     print one line of JSON when ready, and nothing else on stdout
  --help     this text

DATABASE_URL and REDIS_URL put real servers in the place of the embedded ones; GATEHOUSE_LOCAL keeps
the data elsewhere; the Worker's variables (REVOCATION_BOUND_SECONDS, …) are handed on to it.`;

type Choices = { port: number; fresh: boolean; json: boolean; help: boolean };

function readChoices(): Choices {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: "8787" },
        fresh: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
      throw new Error(`--port takes a number from 0 to 65535, not "${values.port}".`);
    }
    return { ...values, port: Number(values.port) };
  } catch (error) {
    throw refusal(`${(error as Error).message} See npm start -- --help.`, error);
  }
}

/** `npm start`: reads the command line, starts, says where everything is, and stays until it is ended. */
export async function runStartCommand(start: (options: StackOptions) => Promise<Stack>): Promise<void> {
  try {
    const { help, json, ...choices } = readChoices();
    if (help) console.log(HELP);
    else await startAndStay(start, choices, json);
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exit(1);
  }
}

async function startAndStay(
  start: (options: StackOptions) => Promise<Stack>,
  choices: { port: number; fresh: boolean },
  json: boolean,
): Promise<void> {
  const began = performance.now();
  // With --json the one line on stdout is for a program; a driver that logs must not come between.
  if (json) console.log = console.error;
  const ended = listenForEnd();
  const report = (line: string) => process.stderr.write(`${line}\n`);
  const stack = await start({ ...choices, report, signal: ended }).catch((error: unknown) => {
    if (ended.aborted) process.exit(0);
    throw error;
  });
  if (!ended.aborted) {
    const seconds = (performance.now() - began) / 1000;
    process.stdout.write(json ? `${JSON.stringify(forPrograms(stack))}\n` : forPeople(stack, seconds));
  }
  const cause = await Promise.race([stack.died, whenAborted(ended)]);
  await stack.stop();
  if (cause === null) process.exit(0);
  throw refusal(`${cause} Its last words are in ${stack.log}.`);
}

function listenForEnd(): AbortSignal {
  const ended = new AbortController();
  const end = () => {
    // The second request is for one who does not want to wait.
    if (ended.signal.aborted) process.exit(130);
    ended.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  watchParent(end);
  return ended.signal;
}

function whenAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null));
  });
}

/** npm killed outright leaves us behind without a terminal: then there is no one to stop us. */
function watchParent(end: () => void): void {
  // Started by hand in the background, losing the shell is what was meant.
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end();
  }, 1_000).unref();
}

function forPrograms(stack: Stack) {
  return {
    issuer: stack.issuer,
    admin_key: stack.adminKey,
    mailbox: stack.mailbox,
    demo: stack.demo,
    database_url: stack.databaseUrl,
    redis: stack.redis,
  };
}

function forPeople(stack: Stack, seconds: number): string {
  return `
Gatehouse is ready (${seconds.toFixed(1)} s).

  issuer     ${stack.issuer}
  admin key  ${stack.adminKey}
  demo       ${stack.demo ? `${stack.demo.email}  ${stack.demo.password}` : "no account"}
  mailbox    ${stack.mailbox}
  database   ${stack.databaseUrl}
  redis      ${stack.redis.url}
  log        ${stack.log}

Next, in another terminal:

  npm run demo
  npx gatehouse users list
${signIn(stack)}
  curl ${stack.issuer}/admin/v1/keys \\
    -H "Authorization: Bearer ${stack.adminKey}" -H "Content-Type: application/json" \\
    -d '{"name":"first","owner":{"type":"service","id":"me"},"environment":"test","scopes":["read"]}'

Ctrl-C stops everything.
`;
}

function signIn({ issuer, demo }: Stack): string {
  if (!demo) return "";
  return `
  curl ${issuer}/auth/login --json '${JSON.stringify({ ...demo, refresh_in_body: true })}'
`;
}
