import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

type Demo = { email: string; password: string };
type Ready = {
  issuer: string;
  admin_key: string;
  mailbox: string;
  demo: Demo | null;
  redis: { url: string };
};
type Run = {
  child: ChildProcess;
  stdout: Promise<string>;
  stderr: Promise<string>;
  code: Promise<number | null>;
};

const SECONDS_10 = 10_000;
let directory: string;
let local: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-start-"));
  local = join(directory, "local");
  // One start pays for making the database cluster; the tests after it find one.
  const run = start(["--json", "--port", "0"]);
  await readyLine(run);
  run.child.kill("SIGINT");
  await run.code;
}, 30_000);

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(given: string[], environment: Record<string, string> = {}): Run {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, "stubs/start.ts"), ...given], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...inherited, GATEHOUSE_LOCAL: local, ...environment },
  });
  children.add(child);
  const stdout = text(child.stdout);
  const stderr = text(child.stderr);
  return { child, stdout, stderr, code: once(child, "close").then(([code]) => code as number | null) };
}

async function readyLine(run: Run): Promise<Ready> {
  let line = "";
  for await (const [piece] of onData(run.child)) {
    line += String(piece);
    if (line.endsWith("\n")) return JSON.parse(line) as Ready;
  }
  throw new Error(`The stack did not start: ${await run.stderr}`);
}

async function* onData(child: ChildProcess) {
  const ended = once(child, "close").then(() => null);
  for (;;) {
    const piece = await Promise.race([child.stdout ? once(child.stdout, "data") : null, ended]);
    if (!piece) return;
    yield piece;
  }
}

/** Processes below this one, from /proc; a system without it is judged by its ports alone. */
function descendants(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return [];
  const direct = readFileSync(path, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return direct.flatMap((child) => [child, ...descendants(child)]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function isOpen(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

async function refusalOf(given: string[], environment?: Record<string, string>): Promise<string> {
  const run = start(given, environment);
  expect(await run.code).toBe(1);
  expect(await run.stdout).toBe("");
  const lines = (await run.stderr).trim().split("\n");
  return lines.filter((line) => !line.startsWith("database: ")).join("\n");
}

/** A copy of the directory that the first start made, to be broken. */
function copyOfLocal(name: string): string {
  const copy = join(directory, name);
  cpSync(local, copy, { recursive: true });
  return copy;
}

describe("the local stack's life", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("leaves no process and no port behind after %s", async (signal) => {
    const run = start(["--json", "--port", "0"]);
    const ready = await readyLine(run);
    const below = descendants(run.child.pid ?? 0);
    expect((await fetch(ready.issuer)).status).toBe(200);
    run.child.kill(signal);
    expect(await run.code).toBe(0);
    expect(below.filter(isRunning)).toEqual([]);
    for (const url of [ready.issuer, ready.mailbox, ready.redis.url])
      expect(await isOpen(url), url).toBe(false);
    expect((await run.stdout).trim().split("\n")).toHaveLength(1);
  });

  it("leaves no process behind when it is killed outright", async () => {
    const run = start(["--json", "--port", "0"]);
    await readyLine(run);
    const below = descendants(run.child.pid ?? 0);
    run.child.kill("SIGKILL");
    await run.code;
    await expect.poll(() => below.filter(isRunning), { timeout: 3_000 }).toEqual([]);
  });

  it("ends with a sentence when the Worker's process ends", async () => {
    const run = start(["--json", "--port", "0"]);
    await readyLine(run);
    for (const pid of descendants(run.child.pid ?? 0)) {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd")) process.kill(pid, "SIGKILL");
    }
    expect(await run.code).toBe(1);
    expect(await run.stderr).toContain("The Worker has ended by itself.");
  });

  it("keeps keys and secrets from one start to the next, readable by their owner only", async () => {
    const before = readFileSync(join(local, "secrets.json"), "utf8");
    const run = start(["--json", "--port", "0"], { REVOCATION_BOUND_SECONDS: "0" });
    const ready = await readyLine(run);
    const answer = (await (await fetch(ready.issuer)).json()) as { environment: Record<string, string> };
    expect(ready).toMatchObject({ admin_key: "gk_test_first" });
    expect(ready.demo).toEqual((JSON.parse(before) as { demo: Demo }).demo);
    expect(ready.demo).toEqual({
      email: "demo@gatehouse.local",
      password: expect.stringMatching(/^[0-9A-Za-z-]{15,}$/),
    });
    expect(answer.environment).toMatchObject({
      ISSUER: ready.issuer,
      REVOCATION_BOUND_SECONDS: "0",
      ACCESS_TOKEN_SECONDS: "600",
    });
    expect(readFileSync(join(local, "secrets.json"), "utf8")).toBe(before);
    expect(before).toContain(answer.environment["KEY_ENCRYPTION_KEYS"]);
    expect(statSync(join(local, "secrets.json")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(local, "build/workerd.capnp"), "utf8")).not.toContain(
      answer.environment["KEY_ENCRYPTION_KEYS"],
    );
  });

  it(
    "gives a demo account to secrets from before there was one, and keeps the rest of them",
    async () => {
      const older = copyOfLocal("older");
      const path = join(older, "secrets.json");
      const { demo: _, ...before } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      writeFileSync(path, JSON.stringify(before));
      const { demo } = await readyLine(start(["--json", "--port", "0"], { GATEHOUSE_LOCAL: older }));
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ ...before, demo });
      expect(demo?.password).toMatch(/^[0-9A-Za-z-]{15,}$/);
    },
    SECONDS_10,
  );

  it(
    "makes no demo account for an issuer that others can reach",
    async () => {
      const public_ = copyOfLocal("public");
      const environment = { GATEHOUSE_LOCAL: public_, ISSUER: "https://auth.example.com" };
      expect((await readyLine(start(["--json", "--port", "0"], environment))).demo).toBeNull();
    },
    SECONDS_10,
  );

  it("tells a person where everything is and what to type next", async () => {
    const run = start(["--port", "0"]);
    const { promise, resolve } = Promise.withResolvers<string>();
    let said = "";
    run.child.stdout?.on("data", (piece) => {
      said += String(piece);
      if (said.includes("Ctrl-C")) resolve(said);
    });
    expect(await promise).toMatch(
      /issuer +http:\/\/localhost:\d+\n[\s\S]*gk_test_first[\s\S]*demo@gatehouse\.local +\S{15,}\n[\s\S]*npm run demo[\s\S]*\/auth\/login --json/,
    );
  });
});

describe("what stands in the local stack's way", () => {
  it("names a busy port", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    expect(await refusalOf(["--port", String(port)])).toBe(
      `Port ${port} is in use: choose another with --port.`,
    );
    taken.close();
  });

  it("refuses a second stack on the same data", async () => {
    const run = start(["--json", "--port", "0"]);
    await readyLine(run);
    const second = refusalOf(["--port", "0"]);
    const sentence = await second;
    expect(sentence).toContain(`already running on ${local} (process ${run.child.pid},`);
    expect(sentence.split("\n")).toHaveLength(1);
  });

  it("starts over a lock whose owner is gone", async () => {
    writeFileSync(join(local, "lock"), JSON.stringify({ pid: process.pid, started: "1", port: 1 }));
    const ready = await readyLine(start(["--json", "--port", "0"]));
    expect((await fetch(ready.issuer)).status).toBe(200);
  });

  it.each<[string, (path: string) => void]>([
    ["foreign", (path) => rmSync(join(path, "pglite/PG_VERSION"))],
    ["damaged", (path) => truncateSync(join(path, "pglite/global/pg_control"), 100)],
    ["garbled", (path) => writeFileSync(join(path, "secrets.json"), "{")],
    ["foreign-version", (path) => writeFileSync(join(path, "secrets.json"), '{"version":99}')],
    ["secretless", (path) => rmSync(join(path, "secrets.json"))],
  ])(
    "names a %s data directory and --fresh",
    async (name, breakIt) => {
      const broken = copyOfLocal(name);
      breakIt(broken);
      const sentence = await refusalOf(["--port", "0"], { GATEHOUSE_LOCAL: broken });
      expect(sentence).toContain(broken);
      expect(sentence).toContain("--fresh");
      expect(sentence.split("\n")).toHaveLength(1);
    },
    SECONDS_10,
  );

  it(
    "wipes with --fresh and makes everything anew",
    async () => {
      const broken = copyOfLocal("wiped");
      writeFileSync(join(broken, "secrets.json"), "{");
      await readyLine(start(["--json", "--port", "0", "--fresh"], { GATEHOUSE_LOCAL: broken }));
      expect(JSON.parse(readFileSync(join(broken, "secrets.json"), "utf8"))).toMatchObject({ version: 1 });
    },
    SECONDS_10,
  );

  it.each([
    ["--port", "http"],
    ["--prot", "1"],
  ])("explains the option %s %s", async (...given) => {
    expect(await refusalOf(given)).toContain("npm start -- --help");
  });

  it("names an unreachable DATABASE_URL without its password", async () => {
    const sentence = await refusalOf(["--port", "0"], {
      DATABASE_URL: "postgres://someone:secret-word@127.0.0.1:1/none",
    });
    expect(sentence).toContain("DATABASE_URL");
    expect(sentence).not.toContain("secret-word");
  });
});
