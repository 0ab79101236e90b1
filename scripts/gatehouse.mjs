#!/usr/bin/env node
// The command line is TypeScript and wants Node 24; this file runs on whatever Node the shell has.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findNode, sayNotInstalled } from "./installed.mjs";

const node = findNode() ?? sayNotInstalled();
const script = fileURLToPath(new URL("cli.ts", import.meta.url));
const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });

// A terminal sends Ctrl-C to both; a `kill` reaches only this one. Either way the child decides.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

child.on("error", (error) => {
  process.stderr.write(`The command line could not be started: ${error.message}.\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (!signal) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
