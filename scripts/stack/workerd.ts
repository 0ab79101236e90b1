import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  createWriteStream,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CF_BLOB_HEADER, FORWARDED_PROTO_HEADER } from "../twins/edge-headers.ts";
import type { Compatibility, WorkerBundle } from "./bundle.ts";
import type { WorkerEnvironment } from "./environment.ts";
import { refusal } from "./refusal.ts";

export type WorkerSettings = {
  /** Built by bundle.ts; the runtime's configuration is written beside it. */
  bundle: WorkerBundle;
  configuration: string;
  compatibility: Compatibility;
  environment: WorkerEnvironment;
  log: string;
  /** Told of each error that the Worker logs, at most once a second. */
  onError(line: string): void;
};

export type RunningWorker = {
  port: number;
  /** Runs the cron trigger once; rejects when the handler failed. */
  tick(): Promise<void>;
  stop(): Promise<void>;
  /** Settles when the process has gone, for whatever reason. */
  exited: Promise<void>;
};

const STOP_MS = 2_000;
const ERROR_LINE = /error|exception|uncaught|fatal/i;
// The source of the cron trigger: production calls `scheduled` from outside, so this is a Worker of its own.
const TICKER = `export default {
  async fetch(request, env) {
    return Response.json(await env.MAIN.scheduled({ scheduledTime: new Date(), cron: "* * * * *" }));
  },
};`;

/** Runs the Worker in the runtime itself, with nothing between it and us but two loopback sockets. */
export async function runWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const binary = findRuntime();
  writeFileSync(settings.configuration, describeServices(settings), { mode: 0o600 });
  if (existsSync(settings.log)) renameSync(settings.log, `${settings.log}.previous`);
  const output = openSync(settings.log, "a", 0o600);
  const child = spawn(binary, ["serve", "--experimental", "--control-fd=3", settings.configuration], {
    // Its own process group: Ctrl-C reaches us, and we stop it in order.
    detached: true,
    stdio: ["ignore", output, "pipe", "pipe"],
    env: { ...settings.environment, ...certificatePaths() },
  });
  closeSync(output);
  const watchdog = startWatchdog(child);
  const exited = whenGone(child).then(() => {
    watchdog.kill("SIGKILL");
    return whenGone(watchdog);
  });
  copyErrors(child, settings);
  const stop = () => stopChild(child, exited);
  try {
    const ports = await Promise.race([readPorts(child.stdio[3] as Readable), exited.then(() => null)]);
    if (!ports) throw refusal(`The Worker did not start: ${firstError(settings.log)}`);
    return { port: ports.main, tick: () => tick(ports.ticker), stop, exited };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** First line of the log that tells of an error, or its last. */
export function firstError(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  return lines.find((line) => ERROR_LINE.test(line)) ?? lines.at(-1) ?? "it said nothing";
}

function describeServices(settings: WorkerSettings): string {
  const { compatibility, environment } = settings;
  const flags = compatibility.flags.map((flag) => JSON.stringify(flag)).join(", ");
  // Values come from the process environment, so that no secret is written into this file.
  const bindings = Object.keys(environment).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${describeModules(settings).join(", ")}],
      compatibilityDate = "${compatibility.date}",
      compatibilityFlags = [${flags}],
      bindings = [${bindings.join(", ")}],
      globalOutbound = "internet",
    )),
    (name = "ticker", worker = (
      modules = [(name = "ticker.js", esModule = ${JSON.stringify(TICKER)})],
      compatibilityDate = "${compatibility.date}",
      compatibilityFlags = ["service_binding_extra_handlers"],
      bindings = [(name = "MAIN", service = "main")],
    )),
    (name = "internet", network = (
      allow = ["public", "private", "local"],
      tlsOptions = (trustBrowserCas = true),
    )),
  ],
  sockets = [
    (name = "main", address = "127.0.0.1:0", service = "main", http = (
      cfBlobHeader = "${CF_BLOB_HEADER}",
      forwardedProtoHeader = "${FORWARDED_PROTO_HEADER}",
    )),
    (name = "ticker", address = "127.0.0.1:0", service = "ticker", http = ()),
  ],
);
`;
}

/** The script first: the runtime starts with it. */
function describeModules({ bundle, configuration }: WorkerSettings): string[] {
  const embedded = (path: string) => JSON.stringify(relative(`${configuration}/..`, path));
  return [
    `(name = "worker.js", esModule = embed ${embedded(bundle.script)})`,
    ...bundle.wasm.map(
      (name) => `(name = "${name}", wasm = embed ${embedded(join(bundle.script, "..", name))})`,
    ),
  ];
}

function findRuntime(): string {
  try {
    // The runtime that wrangler brings is the one that wrangler would run.
    const wrangler = createRequire(import.meta.url).resolve("wrangler");
    const path = (createRequire(wrangler)("workerd") as { default: string }).default;
    if (existsSync(path)) return path;
  } catch (error) {
    throw refusal("The runtime workerd is not installed: run npm ci.", error);
  }
  throw refusal("The runtime workerd is not installed for this system: run npm ci.");
}

function certificatePaths(): WorkerEnvironment {
  const paths: WorkerEnvironment = {};
  for (const name of ["SSL_CERT_FILE", "SSL_CERT_DIR"]) {
    const value = process.env[name];
    if (value !== undefined) paths[name] = value;
  }
  return paths;
}

function copyErrors(child: ChildProcess, settings: WorkerSettings): void {
  if (!child.stderr) return;
  const copy = createWriteStream(settings.log, { flags: "a", mode: 0o600 });
  let toldAt = 0;
  const lines = createInterface({ input: child.stderr });
  lines.on("line", (line) => {
    copy.write(`${line}\n`);
    if (!ERROR_LINE.test(line) || Date.now() - toldAt < 1_000) return;
    toldAt = Date.now();
    settings.onError(line);
  });
  lines.on("close", () => copy.end());
}

/** The runtime names each port it took in one line of JSON on its control descriptor. */
async function readPorts(control: Readable): Promise<{ main: number; ticker: number } | null> {
  const ports = new Map<string, number>();
  for await (const line of createInterface({ input: control })) {
    const message = JSON.parse(line) as { event: string; socket?: string; port?: number };
    if (message.event === "listen" && message.socket && message.port) ports.set(message.socket, message.port);
    const main = ports.get("main");
    const ticker = ports.get("ticker");
    if (main && ticker) return { main, ticker };
  }
  return null;
}

/**
 * Ends the runtime when this process is killed before it could: the pipe to the watchdog closes with
 * us, however we die. On a system without `sh` there is none, and an orderly stop is all there is.
 */
function startWatchdog(child: ChildProcess): ChildProcess {
  const watchdog = spawn("sh", ["-c", 'cat >/dev/null; kill -9 "$0"', String(child.pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.on("error", () => undefined);
  watchdog.stdin?.on("error", () => undefined);
  return watchdog;
}

function whenGone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) resolve();
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  // Asked first, so that work after an answer (audit, outbox) may end.
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await exited;
  clearTimeout(force);
}

async function tick(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(55_000) });
  const { outcome } = (await response.json()) as { outcome: string };
  if (outcome !== "ok") throw new Error(`The scheduled handler ended with "${outcome}".`);
}
