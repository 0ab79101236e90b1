import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { refusal } from "./refusal.ts";

/** Where the local stack keeps what outlives a run. */
export type LocalData = {
  directory: string;
  database: string;
  secrets: string;
  build: string;
  log: string;
};

type Places = { port: number; mailbox?: string };
type LockOwner = { pid: number; started: string | null; port: number };

export const REPOSITORY = resolve(import.meta.dirname, "../..");

export function openLocalData(directory = process.env["GATEHOUSE_LOCAL"] ?? ".local"): LocalData {
  const root = resolve(REPOSITORY, directory);
  try {
    mkdirSync(join(root, "build"), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refusal(`The data directory ${root} cannot be written: ${(error as Error).message}.`, error);
  }
  return {
    directory: root,
    database: join(root, "pglite"),
    secrets: join(root, "secrets.json"),
    build: join(root, "build"),
    log: join(root, "worker.log"),
  };
}

/** One stack per directory: two would write into the same database files. Returns the release. */
export function lockLocalData(
  data: LocalData,
  port: number,
): { release(): void /** Known once they listen: port 0, the mailbox. */; tell(places: Places): void } {
  const path = join(data.directory, "lock");
  const owner: LockOwner = { pid: process.pid, started: processStart(process.pid), port };
  const found = readOwner(path);
  if (found && isAlive(found)) {
    throw refusal(
      `A stack is already running on ${data.directory} (process ${found.pid}, port ${found.port}): ` +
        "stop it first, or set GATEHOUSE_LOCAL to another directory.",
    );
  }
  rmSync(path, { force: true });
  try {
    writeFileSync(path, JSON.stringify(owner), { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw refusal(`Another stack is starting on ${data.directory} at this moment: stop it first.`, error);
  }
  return {
    release: () => rmSync(path, { force: true }),
    tell: (places) => writeFileSync(path, JSON.stringify({ ...owner, ...places }), { mode: 0o600 }),
  };
}

/** Forgets everything but the lock, which is ours, and the log. */
export function wipeLocalData(data: LocalData): void {
  for (const path of [data.database, data.secrets]) rmSync(path, { recursive: true, force: true });
}

export function isNewDatabase(data: LocalData): boolean {
  return !existsSync(data.database) || readdirSync(data.database).length === 0;
}

/** PGlite makes a new cluster around whatever it finds, so what is not one is told before it looks. */
export function requireSoundDatabase(data: LocalData): void {
  let sound: boolean;
  try {
    sound =
      isNewDatabase(data) ||
      ["PG_VERSION", "global/pg_control"].every((file) => existsSync(join(data.database, file)));
  } catch {
    sound = false;
  }
  if (!sound) throw brokenData(data, "the database in it is damaged");
}

export function brokenData(data: LocalData, what: string, cause?: unknown): Error {
  return refusal(
    `The data directory ${data.directory} cannot be used, ${what}: ` +
      "start with --fresh to wipe it and begin anew.",
    cause,
  );
}

function readOwner(path: string): LockOwner | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockOwner;
  } catch {
    return null;
  }
}

function isAlive(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // After a reboot the number may belong to someone else; the start time tells, where the system gives it.
  return owner.started === null || owner.started === processStart(owner.pid);
}

/** Clock ticks since boot at which the process began (Linux), or null. */
function processStart(pid: number): string | null {
  try {
    // The second field is the command in parentheses and may hold anything; counting begins after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return fields?.[19] ?? null;
  } catch {
    return null;
  }
}
