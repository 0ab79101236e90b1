import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** The subject has one core to itself, all that drives it or stands behind it the other. */
export const subjectCore = 0;
export const farCore = 1;

const isPossible =
  process.platform === "linux" &&
  availableParallelism() > 1 &&
  spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0;

export const coresSentence = isPossible
  ? "subject on one core, load and stores on another"
  : "not pinned: this system has no taskset, or one core only";

export function pin(pid: number | undefined, core: number): void {
  if (isPossible && pid !== undefined)
    spawnSync("taskset", ["-acp", String(core), String(pid)], { stdio: "ignore" });
}
