// The suite in workerd. A runtime that still holds a hanging request does not stop when it is asked to, and vitest waits
// for it: once the verdict is written, the suite is given a few seconds to end by itself and then ended.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const graceMilliseconds = 5000;
const directory = mkdtempSync(join(tmpdir(), "gatehouse-suite-"));
const verdict = join(directory, "verdict.json");
const suite = spawn(
  "vitest",
  ["run", "--config", "test/workers/vitest.config.ts", "--root", "."].concat(
    ["--reporter=default", "--reporter=json", `--outputFile.json=${verdict}`],
    process.argv.slice(2),
  ),
  { stdio: "inherit", detached: true },
);

function leave(code: number): never {
  rmSync(directory, { recursive: true, force: true });
  try {
    process.kill(-(suite.pid ?? 0), "SIGKILL");
  } catch {
    // It has gone already.
  }
  process.exit(code);
}

/** Null until all of it is written. */
function isSuccess(): boolean | null {
  try {
    return (JSON.parse(readFileSync(verdict, "utf8")) as { success: boolean }).success;
  } catch {
    return null;
  }
}

suite.on("exit", (code) => leave(code ?? 1));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => leave(130));
setInterval(() => {
  const success = existsSync(verdict) ? isSuccess() : null;
  if (success !== null) setTimeout(() => leave(success ? 0 : 1), graceMilliseconds);
}, 500);
