import { refusal } from "../stack/refusal.ts";
import type { Child } from "./child.ts";
import type { FarSideCall, FarSideCounts } from "./far-side.ts";
import type { LoadCall, LoadDone, Target, Until } from "./load.ts";
import type { Running } from "./runtime.ts";
import type { ProcessName, Subject, SubjectName } from "./subjects.ts";

/** What one subject did in one round. */
export type Share = {
  answers: number;
  milliseconds: number;
  cpuMicroseconds: number;
  redisTrips: number;
};
/** Subjects that were measured side by side: a floor, what stands on it, and the bare Worker. */
export type Round = ReadonlyMap<SubjectName, Share>;

export type Bench = {
  readonly processes: ReadonlyMap<ProcessName, Running>;
  readonly farSide: Child<FarSideCall>;
  readonly load: Child<LoadCall>;
};
export type Plan = {
  readonly rounds: number;
  /** Turns each subject gets in a round, one after the other, there and back. */
  readonly turns: number;
  readonly turnMilliseconds: number;
  readonly warmMilliseconds: number;
};

const connections = 32;
/** What is done behind an answer belongs to the operation. */
const behindAnswersMilliseconds = 10;
/** A trip more or less in a hundred is the feed being read behind an answer. */
const tripsTolerance = 0.02;

export async function measure(
  bench: Bench,
  subjects: readonly Subject[],
  plan: Plan,
  report: (line: string) => void,
): Promise<readonly Round[]> {
  report("warming");
  for (const subject of subjects) {
    await prepare(bench, subject);
    await takeTurn(bench, subject, emptyShare(), plan.warmMilliseconds);
  }
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index += 1) {
    report(`round ${index + 1} of ${plan.rounds}`);
    for (const group of groupsOf(subjects)) rounds.push(await measureRound(bench, group, plan));
  }
  return rounds;
}

/** A noisy neighbour comes and goes within a second, so the sides of a ratio take turns of a fraction of it. */
async function measureRound(bench: Bench, group: readonly Subject[], plan: Plan): Promise<Round> {
  const round = new Map<SubjectName, Share>(group.map(({ name }) => [name, emptyShare()]));
  for (let turn = 0; turn < plan.turns; turn += 1) {
    for (const subject of turn % 2 === 0 ? group : group.toReversed()) {
      const share = round.get(subject.name);
      if (share) await takeTurn(bench, subject, share, plan.turnMilliseconds);
    }
  }
  for (const subject of group) requireTrips(subject, round.get(subject.name));
  return round;
}

const emptyShare = (): Share => ({ answers: 0, milliseconds: 0, cpuMicroseconds: 0, redisTrips: 0 });

async function takeTurn(bench: Bench, subject: Subject, share: Share, milliseconds: number): Promise<void> {
  const running = runningOf(bench, subject.process);
  const countsBefore = await bench.farSide.ask<FarSideCounts>({ do: "count" });
  const cpuBefore = running.cpuMicroseconds();
  const done = await drive(bench, subject, { milliseconds });
  await new Promise((resolve) => setTimeout(resolve, behindAnswersMilliseconds));
  share.cpuMicroseconds += running.cpuMicroseconds() - cpuBefore;
  const counts = await bench.farSide.ask<FarSideCounts>({ do: "count" });
  share.redisTrips += counts.redis - countsBefore.redis;
  share.answers += done.answers;
  share.milliseconds += done.milliseconds;
}

/** Every floor but the bare Worker begins a group. */
function groupsOf(subjects: readonly Subject[]): readonly (readonly Subject[])[] {
  const bare = subjects.filter(({ name }) => name === "bare");
  return subjects
    .filter(({ name, floor }) => floor === "bare" && name !== "bare")
    .map((floor) => [...bare, floor, ...subjects.filter((subject) => subject.floor === floor.name)]);
}

function runningOf({ processes }: Pick<Bench, "processes">, name: ProcessName): Running {
  const running = processes.get(name);
  if (!running) throw new Error(`there is no process ${name}`);
  return running;
}

type Driven = { readonly name: string; readonly title: string };

export function prepare(
  bench: Pick<Bench, "processes" | "load">,
  {
    name,
    process,
    requests,
    expect,
  }: Omit<Target, "port" | "connections"> & Driven & { process: ProcessName },
): Promise<null> {
  const { port } = runningOf(bench, process);
  return bench.load.ask<null>({ do: "prepare", name, target: { port, requests, connections, expect } });
}

export async function drive({ load }: Pick<Bench, "load">, { name, title }: Driven, until: Until) {
  try {
    return await load.ask<LoadDone>({ do: "drive", name, until });
  } catch (error) {
    throw refusal(`${title} misbehaves: ${(error as Error).message}`, error);
  }
}

/** A check that asked more often than it says, or was answered without asking, is not what its row says. */
function requireTrips({ title, trips }: Subject, share: Share | undefined): void {
  const made = share ? share.redisTrips / share.answers : Number.NaN;
  if (Math.abs(made - trips) <= tripsTolerance) return;
  throw refusal(`${title} misbehaves: ${made.toFixed(3)} Redis trips per operation instead of ${trips}.`);
}
