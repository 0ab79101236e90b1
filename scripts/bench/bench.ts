// Throughput, CPU, memory and round trips of Gatehouse beside bare-runtime floors, alternating in one run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stop as stopEsbuild } from "esbuild";
import { describeFailure, refusal } from "../stack/refusal.ts";
import { judgeAims } from "./aims.ts";
import { type Child, startChild } from "./child.ts";
import { coresSentence } from "./cores.ts";
import type { LoadCall } from "./load.ts";
import { type Bench, measure, type Plan } from "./measure.ts";
import { type MemoryPlan, measureMemory } from "./memory.ts";
import { type Provision, provision } from "./provision.ts";
import { describeAims, describeBundle, describeMemory, describeSubjects } from "./report.ts";
import { type Bundle, bundleMinified, type Running, serveWorker } from "./runtime.ts";
import {
  environmentOf,
  type ProcessName,
  processes,
  type Subject,
  subjectsNamed,
  subjectsOf,
} from "./subjects.ts";

const HELP = `Measures Gatehouse beside bare-runtime floors: npm run bench -- [options]

  --quick          fewer and shorter slices, no flood of keys: some two minutes instead of seven
  --only <name>    subjects whose name begins so, such as token or sign-in, and their floors; no memory
  --help           this text

Each subject is a minified bundle in a process of its own under plain workerd. Floor and
subject take turns of a tenth of a second; ratios are taken between turns of the same round; CPU per operation is the steady figure, requests per second depend on who else uses the machine.
Redis and the upstream answer in constant time, for Gatehouse and the floors alike; Postgres answers cold reads, and
what a refresh and a sign-in ask of it is answered from memory once it has been asked.`;

type Asked = { readonly quick: boolean; readonly only: string };
type Size = Plan & { readonly memory: MemoryPlan };

const SIZES: Readonly<Record<"full" | "quick", Size>> = {
  full: {
    rounds: 10,
    turns: 4,
    turnMilliseconds: 100,
    warmMilliseconds: 6000,
    memory: { requests: 20_000, keySteps: [1_000, 10_000, 20_000, 40_000] },
  },
  quick: {
    rounds: 5,
    turns: 2,
    turnMilliseconds: 100,
    warmMilliseconds: 2500,
    memory: { requests: 5_000, keySteps: [] },
  },
};

const report = (line: string) => process.stderr.write(`${line}\n`);

async function bundleAll(directory: string): Promise<ReadonlyMap<ProcessName, Bundle>> {
  const bundles = new Map<ProcessName, Bundle>();
  try {
    for (const { name, entry } of processes) bundles.set(name, await bundleMinified(entry, directory, name));
  } finally {
    await stopEsbuild();
  }
  return bundles;
}

async function serveAll(
  bundles: ReadonlyMap<ProcessName, Bundle>,
  given: Provision,
  subjects: readonly Subject[],
  closing: AsyncDisposableStack,
): Promise<ReadonlyMap<ProcessName, Running>> {
  const running = new Map<ProcessName, Running>();
  for (const [name, bundle] of bundles) {
    if (!subjects.some(({ process }) => process === name)) continue;
    const one = await serveWorker(bundle, name, environmentOf(name, given));
    closing.defer(() => one.stop());
    running.set(name, one);
  }
  return running;
}

async function run({ quick, only }: Asked, closing: AsyncDisposableStack): Promise<void> {
  const size = quick ? SIZES.quick : SIZES.full;
  if (process.platform !== "linux") throw refusal("The bench reads CPU time from /proc: run it on Linux.");
  const directory = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
  closing.defer(() => rmSync(directory, { recursive: true, force: true }));
  report("building, starting");
  const bundles = await bundleAll(directory);
  const given = await provision(closing);
  const load: Child<LoadCall> = startChild("load.ts");
  closing.defer(() => load.stop());
  const { farSide } = given;

  const subjects = subjectsNamed(subjectsOf(given), only);
  if (subjects.length === 0) throw refusal(`No subject's name begins with ${only}.`);
  if (only === "") report("measuring memory");
  const memory = only === "" ? await measureMemory({ farSide, load }, given, bundles, size.memory) : null;
  const bench: Bench = {
    farSide,
    load,
    report,
    processes: await serveAll(bundles, given, subjects, closing),
  };
  const rounds = await measure(bench, subjects, size);

  const gatehouse = bundles.get("gatehouse");
  const parts = [
    `${size.rounds} rounds, in each ${size.turns} turns of ${size.turnMilliseconds} ms a subject; median [least–greatest]; ${coresSentence}`,
    describeSubjects(subjects, rounds),
    memory ? describeMemory(memory, size.memory.requests) : "",
    gatehouse ? describeBundle(gatehouse) : "",
    describeAims(judgeAims(rounds, memory)),
  ];
  console.log(`\n${parts.filter((part) => part !== "").join("\n\n")}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  await using closing = new AsyncDisposableStack();
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => reject(refusal("The bench was interrupted.")));
  });
  await Promise.race([run(values, closing), interrupted]);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(describeFailure(error));
    process.exit(1);
  },
);
