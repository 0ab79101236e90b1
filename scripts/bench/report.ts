import {
  compare,
  cpuOf,
  cpuOver,
  cpuRatio,
  figureOf,
  type Judged,
  perSecond,
  throughputShare,
} from "./aims.ts";
import type { Round } from "./measure.ts";
import type { Memory } from "./memory.ts";
import type { Bundle } from "./runtime.ts";
import { show, table } from "./spread.ts";
import type { Subject } from "./subjects.ts";

const head = [
  "subject",
  "CPU µs/op",
  "over bare µs",
  "requests/s",
  "core busy",
  "CPU × floor",
  "req/s of floor",
  "Redis / Postgres",
  "floor",
];

export function describeSubjects(subjects: readonly Subject[], rounds: readonly Round[]): string {
  const rows = subjects.map(({ name, title, floor }) => {
    const busy = figureOf(rounds, name, (share) => share.cpuMicroseconds / 1000 / share.milliseconds);
    const redis = figureOf(rounds, name, (share) => share.redisTrips / share.answers);
    const postgres = figureOf(rounds, name, (share) => share.postgresTrips / share.answers);
    return [
      title,
      show(figureOf(rounds, name, cpuOf), 0),
      show(compare(rounds, { subject: name, floor: "bare" }, cpuOver), 0),
      show(figureOf(rounds, name, perSecond), 0),
      `${(busy.median * 100).toFixed(0)} %`,
      show(compare(rounds, { subject: name, floor }, cpuRatio), 2),
      show(compare(rounds, { subject: name, floor }, throughputShare), 2),
      `${redis.median.toFixed(2)} / ${postgres.median.toFixed(2)}`,
      subjects.find((other) => other.name === floor)?.title ?? "",
    ];
  });
  return table([head, ...rows]);
}

export function describeMemory({ honoBytes, oneKeyBytes, byKeysSeen }: Memory, requests: number): string {
  const rows = [
    ["process, after", "resident"],
    [`Hono POST, ${requests} requests`, megabytes(honoBytes)],
    [`Gatehouse, ${requests} requests with one key`, megabytes(oneKeyBytes)],
    ...byKeysSeen.map(({ keys, bytes }) => [`Gatehouse, then ${keys} different keys`, megabytes(bytes)]),
  ];
  return table(rows);
}

export function describeAims(judged: readonly Judged[]): string {
  const rows = judged.map(({ aim, measured, isMet }) => [aim, measured, verdictOf(isMet)]);
  return table([["aim", "measured", ""], ...rows]);
}

export const describeBundle = ({ bytes, gzippedBytes }: Bundle): string =>
  `bundle, minified: ${kilobytes(bytes)}, gzipped ${kilobytes(gzippedBytes)} (budget 350 KB)`;

function verdictOf(isMet: boolean | null): string {
  if (isMet === null) return "not measured by this run";
  return isMet ? "met" : "NOT MET";
}

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`;
