import { runCommandLine } from "./cli/command-line.ts";

const ended = new AbortController();
process.once("SIGINT", () => {
  ended.abort();
  // What does not listen to the signal ends here, as it would have without us.
  setTimeout(() => process.exit(130), 500).unref();
});
// A reader such as `head` has seen enough.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  now: () => Date.now(),
  say: (text) => process.stdout.write(`${text}\n`),
  warn: (text) => process.stderr.write(`${text}\n`),
  ended: ended.signal,
});
