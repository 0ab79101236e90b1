import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import {
  type Compatibility,
  deployedAliases,
  readCompatibility,
  wasmBeside,
  wasmOf,
} from "../stack/bundle.ts";
import { REPOSITORY } from "../stack/local-data.ts";
import { refusal } from "../stack/refusal.ts";
import { pin, subjectCore } from "./cores.ts";

export type Bundle = {
  readonly path: string;
  readonly wasm: readonly string[];
  readonly bytes: number;
  readonly gzippedBytes: number;
};
export type Environment = Readonly<Record<string, string>>;

/** One module as the deployment has it, minified. */
export async function bundleMinified(entry: string, directory: string, name: string): Promise<Bundle> {
  const path = join(directory, `${name}.js`);
  const { metafile } = await build({
    entryPoints: [join(REPOSITORY, entry)],
    outfile: path,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    ...wasmBeside,
    plugins: [deployedAliases()],
    metafile: true,
    logLevel: "silent",
  });
  const code = readFileSync(path);
  return {
    path,
    wasm: wasmOf(metafile),
    bytes: code.length,
    gzippedBytes: gzipSync(code, { level: 9 }).length,
  };
}

export type Running = {
  readonly port: number;
  /** CPU time used so far, all threads, user and system. */
  cpuMicroseconds(): number;
  /** The same of each thread, by its id; of a system that does not tell, the process as one. */
  threadMicroseconds(): ReadonlyMap<string, number>;
  residentBytes(): number;
  stop(): Promise<void>;
};

/** Plain `workerd serve`: no inspector, no development middleware, one process. */
export async function serveWorker(bundle: Bundle, name: string, environment: Environment): Promise<Running> {
  const configuration = join(bundle.path, "..", `${name}.capnp`);
  writeFileSync(configuration, describe(bundle, environment, readCompatibility()), { mode: 0o600 });
  const child = spawn(findRuntime(), ["serve", "--control-fd=3", configuration], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: { ...environment },
  });
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  const port = await Promise.race([readPort(child), exited.then(() => null)]);
  if (port === null || child.pid === undefined) throw refusal(`The runtime did not start for ${name}.`);
  const { pid } = child;
  pin(pid, subjectCore);
  return {
    port,
    cpuMicroseconds: () => cpuOf(pid),
    threadMicroseconds: () => threadsOf(pid),
    residentBytes: () => residentOf(pid),
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function describe(bundle: Bundle, environment: Environment, { date, flags }: Compatibility): string {
  const bindings = Object.keys(environment).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  const wasm = bundle.wasm.map((file) => `, (name = "${file}", wasm = embed "${file}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed ${JSON.stringify(basename(bundle.path))})${wasm.join("")}],
      compatibilityDate = "${date}",
      compatibilityFlags = [${flags.map((flag) => JSON.stringify(flag)).join(", ")}],
      bindings = [${bindings.join(", ")}],
      globalOutbound = "internet",
    )),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "main", address = "127.0.0.1:0", service = "main", http = ())],
);
`;
}

/** The runtime that wrangler brings. */
function findRuntime(): string {
  const wrangler = createRequire(import.meta.url).resolve("wrangler");
  return (createRequire(wrangler)("workerd") as { default: string }).default;
}

async function readPort(child: ChildProcess): Promise<number | null> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const message = JSON.parse(line) as { event: string; port?: number };
    if (message.event === "listen" && message.port) return message.port;
  }
  return null;
}

/** The scheduler's own nanoseconds where the system tells them, else `utime` and `stime` in ticks of 10 ms. */
function threadsOf(pid: number): ReadonlyMap<string, number> {
  const tasks = `/proc/${pid}/task`;
  if (existsSync(`${tasks}/${pid}/schedstat`)) {
    const spentOf = (task: string) =>
      Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]) / 1000;
    return new Map(readdirSync(tasks).map((task) => [task, spentOf(task)]));
  }
  // The second field is the command in parentheses and may hold anything; counting begins after it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return new Map([["process", (Number(fields[11]) + Number(fields[12])) * 10_000]]);
}

const cpuOf = (pid: number): number => [...threadsOf(pid).values()].reduce((sum, one) => sum + one, 0);

function residentOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}
