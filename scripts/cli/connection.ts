import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isLoopback } from "../../src/http/door-checks.ts";
import { openLocalData, REPOSITORY } from "../stack/local-data.ts";
import { refusal } from "../stack/refusal.ts";
import { loadSecrets } from "../stack/secrets.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Gatehouse answers, and the management key that opens it. */
export type Connection = { readonly url: string; readonly adminKey: string };

const hint = "start one with npm start, or set GATEHOUSE_URL and GATEHOUSE_ADMIN_KEY";

export function findUrl(environment: Environment): string {
  const given = environment["GATEHOUSE_URL"];
  return given ? readUrl(given) : `http://localhost:${portOfLocalStack(environment)}`;
}

/** What the environment names, or the stack that runs on this machine. */
export function findConnection(environment: Environment): Connection {
  const url = findUrl(environment);
  const given = environment["GATEHOUSE_ADMIN_KEY"];
  if (given) return { url, adminKey: given };
  if (environment["GATEHOUSE_URL"]) {
    // The local stack's key must not be sent to whatever GATEHOUSE_URL names.
    throw refusal("GATEHOUSE_URL is set, but GATEHOUSE_ADMIN_KEY is not: set it to a management key.");
  }
  const { adminKey } = loadSecrets(openLocalData(directoryOf(environment)));
  if (!adminKey)
    throw refusal("The local stack has no management key yet: wait until npm start says it is ready.");
  return { url, adminKey };
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || text.replace(/\/$/, "") !== url.origin) {
    throw refusal(`GATEHOUSE_URL must be an origin like https://auth.example.com, not "${text}".`);
  }
  if (url.protocol !== "https:" && !isLoopback(url.hostname)) {
    throw refusal("GATEHOUSE_URL must be https: over plain HTTP the management key would be exposed.");
  }
  return url.origin;
}

const directoryOf = (environment: Environment): string =>
  resolve(REPOSITORY, environment["GATEHOUSE_LOCAL"] ?? ".local");

/** The stack's lock names its process and port; a lock left by a crash names a process that is gone. */
function portOfLocalStack(environment: Environment): number {
  const { pid, port } = readLock(environment);
  if (typeof pid !== "number" || typeof port !== "number" || !isAlive(pid)) {
    throw refusal(`No Gatehouse is running on this machine: ${hint}.`);
  }
  if (port === 0) {
    throw refusal(
      "The local stack runs on a port it chose itself: set GATEHOUSE_URL and GATEHOUSE_ADMIN_KEY.",
    );
  }
  return port;
}

function readLock(environment: Environment): { pid?: unknown; port?: unknown; mailbox?: unknown } {
  const lock = join(directoryOf(environment), "lock");
  try {
    return existsSync(lock) ? (JSON.parse(readFileSync(lock, "utf8")) as object) : {};
  } catch {
    return {};
  }
}

/** Where the stack on this machine keeps what it would send. */
export function findMailbox(environment: Environment): string {
  const mailbox = environment["GATEHOUSE_MAILBOX"] ?? readLock(environment).mailbox;
  if (typeof mailbox === "string") return mailbox;
  throw refusal(
    "The stack's mailbox is not known: set GATEHOUSE_MAILBOX to the address that npm start printed.",
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
