import { isRefusal, refusal } from "../stack/refusal.ts";
import type { Child } from "./child.ts";
import type { FarSideCall, FarSideCounts } from "./far-side.ts";
import type { LoadCall, LoadDone, Target, Until } from "./load.ts";
import type { Running } from "./runtime.ts";
import type { ProcessName, Subject, SubjectName } from "./subjects.ts";

/** What one subject did in one round. */
export type Share = {
  readonly answers: number;
  readonly milliseconds: number;
  readonly cpuMicroseconds: number;
  readonly redisTrips: number;
  readonly postgresTrips: number;
};
/** Subjects that were measured side by side: a floor, what stands on it, and the bare Worker. */
export type Round = ReadonlyMap<SubjectName, Share>;

export type Bench = {
  readonly processes: ReadonlyMap<ProcessName, Running>;
  readonly farSide: Child<FarSideCall>;
  readonly load: Child<LoadCall>;
  readonly report: (line: string) => void;
};
export type Plan = {
  readonly rounds: number;
  /** Turns each subject gets in a round, one after the other, there and back. */
  readonly turns: number;
  readonly turnMilliseconds: number;
  /** The compiler works beside the first ten thousands of answers, and its time is the process's. */
  readonly warmMilliseconds: number;
};

const connectionsStandard = 32;
/** What is done behind an answer belongs to the operation. */
const behindAnswersMilliseconds = 10;
/** Beside the answers: the feed, last uses and refusals, each about once a second or less. */
const tripsTolerance = 0.02;
const attemptsMax = 8;
const redisRestMilliseconds = 1200;

export async function measure(
  bench: Bench,
  subjects: readonly Subject[],
  plan: Plan,
): Promise<readonly Round[]> {
  bench.report("warming");
  for (const subject of subjects) {
    await prepare(bench, subject);
    await takeTurn(bench, subject, plan.warmMilliseconds);
  }
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index += 1) {
    bench.report(`round ${index + 1} of ${plan.rounds}`);
    for (const group of groupsOf(subjects)) rounds.push(await measureRound(bench, group, plan));
  }
  return rounds;
}

/** A noisy neighbour comes and goes within a second, so the sides of a ratio take turns of a fraction of it. */
async function measureRound(bench: Bench, group: readonly Subject[], plan: Plan): Promise<Round> {
  const round = new Map<SubjectName, Share>();
  for (let turn = 0; turn < plan.turns; turn += 1) {
    for (const subject of turn % 2 === 0 ? group : group.toReversed()) {
      const taken = await takeSoundTurn(bench, subject, plan.turnMilliseconds);
      const before = round.get(subject.name);
      round.set(subject.name, before ? sumOf(before, taken) : taken);
    }
  }
  return round;
}

const sumOf = (a: Share, b: Share): Share => ({
  answers: a.answers + b.answers,
  milliseconds: a.milliseconds + b.milliseconds,
  cpuMicroseconds: a.cpuMicroseconds + b.cpuMicroseconds,
  redisTrips: a.redisTrips + b.redisTrips,
  postgresTrips: a.postgresTrips + b.postgresTrips,
});

/**
 * A machine that stands still for 250 ms makes Redis look away, and the Worker rightly does without it for a second:
 * such a turn is no measurement, and is taken again. A subject that misbehaves does so each time.
 */
async function takeSoundTurn(bench: Bench, subject: Subject, milliseconds: number): Promise<Share> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const share = await takeTurn(bench, subject, milliseconds);
      requireTrips(subject, share);
      return share;
    } catch (error) {
      if (attempt === attemptsMax || !isRefusal(error)) throw error;
      bench.report(`taken again: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, redisRestMilliseconds));
    }
  }
}

async function takeTurn(bench: Bench, subject: Subject, milliseconds: number): Promise<Share> {
  const running = runningOf(bench, subject.process);
  const before = await bench.farSide.ask<FarSideCounts>({ do: "count" });
  const cpuBefore = running.cpuMicroseconds();
  const done = await drive(bench, subject, { milliseconds });
  await new Promise((resolve) => setTimeout(resolve, behindAnswersMilliseconds));
  const cpuMicroseconds = running.cpuMicroseconds() - cpuBefore;
  const after = await bench.farSide.ask<FarSideCounts>({ do: "count" });
  return {
    milliseconds: done.milliseconds,
    answers: done.answers * (subject.operations ?? 1),
    cpuMicroseconds,
    redisTrips: after.redis - before.redis,
    postgresTrips: after.neon - before.neon,
  };
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
    connections = connectionsStandard,
  }: Omit<Target, "port" | "connections"> & Driven & { connections?: number } & { process: ProcessName },
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
function requireTrips({ title, trips }: Subject, { redisTrips, postgresTrips, answers }: Share): void {
  const tolerated = Math.max(1, tripsTolerance * answers);
  const isExact = (made: number, each: number) => Math.abs(made - each * answers) <= tolerated;
  if (isExact(redisTrips, trips.redis) && isExact(postgresTrips, trips.postgres)) return;
  const [redis, postgres] = [redisTrips, postgresTrips].map((count) => (count / answers).toFixed(3));
  throw refusal(
    `${title} misbehaves: ${redis} Redis trips per operation instead of ${trips.redis}, ${postgres} to Postgres instead of ${trips.postgres}.`,
  );
}
