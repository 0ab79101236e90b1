// CPU of each main path, one request at a time, in the Worker as it is deployed: which plan a path needs.
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stop as stopEsbuild } from "esbuild";
import { ownScopes } from "../../src/authentication/operator-access.ts";
import { describeFailure } from "../stack/refusal.ts";
import { coresSentence, farCore, pin } from "./cores.ts";
import { createPeople, type Keys, machinePaths, type Path, passkeyPaths, peoplePaths } from "./cpu-paths.ts";
import { clientOf, openStage, type Stage } from "./cpu-stage.ts";
import { type Bundle, bundleMinified, type Running, serveWorker } from "./runtime.ts";
import { type Spread, show, spreadOf, table } from "./spread.ts";

const HELP = `Measures the CPU of single requests: node scripts/bench/cpu.ts [options]

  --rounds N   requests of each path in a warm isolate (25), after a fifth as many that are not counted
  --fresh N    isolates that see a path first (7)
  --only TEXT  paths whose title holds it
  --help       this text

What is counted is the runtime's process, from before the request until what it does behind its answer is done: all its
threads, compiling and collecting garbage too, and the one thread that ran the isolate, which also does the network's work.`;

/** Events, limits given back and mails are written behind the answer. */
const behindAnswerMilliseconds = 80;
const planLimitMilliseconds = 10;
const report = (line: string) => process.stderr.write(`${line}\n`);
const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** CPU milliseconds of all threads, and of the one that did most: that which ran the isolate. */
type Cost = { readonly all: number; readonly one: number };
type Costs = { readonly all: Spread; readonly one: Spread };
type Measured = { readonly title: string; readonly warm: Costs; readonly first: Costs };

async function costOf(running: Running, act: () => Promise<unknown>): Promise<Cost> {
  const before = running.threadMicroseconds();
  await act();
  await after(behindAnswerMilliseconds);
  const spent = [...running.threadMicroseconds()].map(
    ([thread, microseconds]) => (microseconds - (before.get(thread) ?? 0)) / 1000,
  );
  return { all: spent.reduce((sum, one) => sum + one, 0), one: Math.max(...spent) };
}

async function costOfPath(running: Running, path: Path): Promise<Cost> {
  const ask = await path.prepare();
  const client = clientOf(running.port);
  const cost = await costOf(running, async () => {
    const { status, text } = await ask(client);
    if (status !== path.expect) throw new Error(`${path.title}: ${status} ${text.slice(0, 200)}`);
  });
  return cost;
}

async function firstCosts(start: () => Promise<Running>, path: Path, count: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (let index = 0; index < count; index += 1) {
    const running = await start();
    try {
      // The isolate is there and wired, and has done nothing yet.
      if (path.title !== "liveness") await costOfPath(running, liveness);
      costs.push(await costOfPath(running, path));
    } finally {
      await running.stop();
    }
  }
  return costs;
}

const liveness: Path = {
  title: "liveness",
  expect: 200,
  prepare: async () => (subject) => subject("GET", "/health/live"),
};

async function warmCosts(running: Running, path: Path, count: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  const unmeasured = Math.ceil(count / 5);
  for (let index = 0; index < count + unmeasured; index += 1) {
    const cost = await costOfPath(running, path);
    if (index >= unmeasured) costs.push(cost);
  }
  return costs;
}

async function provision({ rooms, operator, upstream }: Stage): Promise<Keys> {
  const owner = { type: "service", id: "bench" } as const;
  const rest = {
    environment: "live",
    allowedAddresses: [],
    metadata: {},
    expiresAt: null,
    limits: [],
  } as const;
  const keyWith = async (scopes: string[]) =>
    (await rooms.apiKeys.create({ name: "Bench", owner, scopes, ...rest, limits: [] }, operator)).key;
  await rooms.routeAdmin.create(
    {
      name: "bench",
      host: null,
      path: "/bench",
      upstream: { kind: "url", url: upstream },
      keepPath: false,
      credentials: ["api-key", "access-token"],
      scopes: [],
      level: null,
      maxAgeSeconds: null,
      limits: [],
      timeoutSeconds: 30,
      corsOrigins: [],
      audiences: [],
      enabled: true,
    },
    operator,
  );
  return { plain: await keyWith(["orders:read"]), verifier: await keyWith([ownScopes.verify]) };
}

function describe(measured: readonly Measured[], idle: Costs): string {
  const verdict = ({ warm, first }: Measured): string => {
    if (warm.one.median > planLimitMilliseconds) return "above 10 ms";
    return first.one.median > planLimitMilliseconds ? "above 10 ms when first" : "";
  };
  const head = ["path", "warm: all threads", "isolate's", "first in an isolate: all", "isolate's", ""];
  const rows = measured.map((one) => [
    one.title,
    show(one.warm.all, 1),
    show(one.warm.one, 1),
    show(one.first.all, 1),
    show(one.first.one, 1),
    verdict(one),
  ]);
  return `CPU ms, median [least–greatest]; idle in the same time ${show(idle.all, 2)}\n\n${table([head, ...rows])}`;
}

const spreadsOf = (costs: readonly Cost[]): Costs => ({
  all: spreadOf(costs.map(({ all }) => all)),
  one: spreadOf(costs.map(({ one }) => one)),
});

async function run(
  { rounds, fresh, only }: { rounds: number; fresh: number; only: string },
  closing: AsyncDisposableStack,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "gatehouse-cpu-"));
  closing.defer(() => rmSync(directory, { recursive: true, force: true }));
  pin(process.pid, farCore);
  report("building, starting");
  const bundle: Bundle = await bundleMinified("src/index.ts", directory, "gatehouse");
  await stopEsbuild();
  const stage = await openStage(closing);
  const start = () => serveWorker(bundle, "gatehouse", stage.environment);
  const [helping, warm] = [await start(), await start()];
  for (const running of [helping, warm]) closing.defer(() => running.stop());
  const given = { stage, helper: clientOf(helping.port) };
  const people = createPeople(given);
  const machines = machinePaths(people, await provision(stage));
  const all = [...machines, ...peoplePaths(people), ...passkeyPaths(given)];

  await costOfPath(warm, liveness);
  const idleCosts: Cost[] = [];
  for (let index = 0; index < rounds; index += 1) idleCosts.push(await costOf(warm, () => Promise.resolve()));
  const idle = spreadsOf(idleCosts);
  const measured: Measured[] = [];
  for (const path of all.filter(({ title }) => title.includes(only))) {
    report(path.title);
    const warmly = spreadsOf(await warmCosts(warm, path, rounds));
    measured.push({
      title: path.title,
      warm: warmly,
      first: spreadsOf(await firstCosts(start, path, fresh)),
    });
  }
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(`\n${coresSentence}; load average ${load.join(", ")}; ${describe(measured, idle)}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "25" },
      fresh: { type: "string", default: "7" },
      only: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  await using closing = new AsyncDisposableStack();
  await run({ rounds: Number(values.rounds), fresh: Number(values.fresh), only: values.only }, closing);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(describeFailure(error));
    process.exit(1);
  },
);
