import type { Round, Share } from "./measure.ts";
import type { Memory } from "./memory.ts";
import { type Spread, show, spreadOf } from "./spread.ts";
import type { SubjectName } from "./subjects.ts";

export type Judged = {
  readonly aim: string;
  readonly measured: string;
  /** Null: this run did not measure it. */
  readonly isMet: boolean | null;
};

export function figureOf(rounds: readonly Round[], name: SubjectName, of: (share: Share) => number): Spread {
  return spreadOf(
    rounds.flatMap((round) => [round.get(name)].flatMap((share) => (share ? [of(share)] : []))),
  );
}

/** Of a subject and its floor, round by round. */
export function compare(
  rounds: readonly Round[],
  names: { readonly subject: SubjectName; readonly floor: SubjectName },
  of: (subject: Share, floor: Share) => number,
): Spread {
  return spreadOf(
    rounds.flatMap((round) => {
      const [subject, floor] = [round.get(names.subject), round.get(names.floor)];
      return subject && floor ? [of(subject, floor)] : [];
    }),
  );
}

export const cpuOf = ({ cpuMicroseconds, answers }: Share): number => cpuMicroseconds / answers;
export const perSecond = ({ answers, milliseconds }: Share): number => (answers * 1000) / milliseconds;
/** How many times the floor's CPU an operation takes; its inverse is the share of throughput on a full core. */
export const cpuRatio = (subject: Share, floor: Share): number => cpuOf(subject) / cpuOf(floor);
export const cpuShare = (subject: Share, floor: Share): number => cpuOf(floor) / cpuOf(subject);
export const cpuOver = (subject: Share, floor: Share): number => cpuOf(subject) - cpuOf(floor);
export const throughputShare = (subject: Share, floor: Share): number =>
  perSecond(subject) / perSecond(floor);

/**
 * Aims of throughput are judged by CPU: on a full core they are the same number, and CPU is the figure that a noisy
 * neighbour disturbs least. The measured requests per second stand in the table above.
 */
export function judgeAims(rounds: readonly Round[], memory: Memory | null): readonly Judged[] {
  const share = (subject: SubjectName, floor: SubjectName, atLeast: number, aim: string): Judged => {
    const measured = compare(rounds, { subject, floor }, cpuShare);
    return {
      aim: `${aim}: ≥ ${atLeast.toFixed(2)} × ${titles[floor] ?? floor}`,
      measured: show(measured, 2),
      isMet: isKnown(measured) ? measured.median >= atLeast : null,
    };
  };
  const ratio = (subject: SubjectName, floor: SubjectName, atMost: number, aim: string): Judged => {
    const measured = compare(rounds, { subject, floor }, cpuRatio);
    return {
      aim: `${aim}: CPU ≤ ${atMost.toFixed(2)} × ${titles[floor] ?? floor}`,
      measured: show(measured, 2),
      isMet: isKnown(measured) ? measured.median <= atMost : null,
    };
  };
  const over = compare(rounds, { subject: "key-check", floor: "bare" }, cpuOver);
  return [
    share("key-check", "hono-post", 0.75, "key check, bound > 0"),
    {
      aim: "key check, bound > 0: CPU over the bare Worker ≤ 40 µs",
      measured: show(over, 0),
      isMet: isKnown(over) ? over.median <= 40 : null,
    },
    share("key-check-strict", "hono-redis", 0.9, "key check, strict"),
    share("key-check-limit", "hono-redis", 0.9, "key check, one exact limit"),
    share("token-first", "jose-verify", 0.9, "token check, bound > 0, first sight"),
    share("token-known", "jose-verify", 1.4, "token check, bound > 0, remembered"),
    share("token-strict", "hono-redis", 0.9, "token check, strict, remembered"),
    ratio("gateway", "hono-proxy", 1.35, "gateway"),
    share("issue", "jose-sign", 0.8, "token issue, RS256"),
    share("issue-es256", "issue", 3, "token issue, ES256"),
    share("refresh", "jose-sign", 0.6, "refresh with rotation"),
    trips(rounds, "refresh", 2, "refresh with rotation"),
    ratio("sign-in", "password-hash", 1.15, "sign-in"),
    share("jwks", "hono-route", 0.9, "JWKS"),
    ...(memory ? judgeMemory(memory) : []),
  ];
}

const isKnown = ({ median }: Spread): boolean => !Number.isNaN(median);

/** How the floors are called in a sentence. */
const titles: Partial<Record<SubjectName, string>> = {
  "hono-post": "the Hono POST",
  "hono-redis": "one pipeline",
  "hono-proxy": "the bare Hono proxy",
  "hono-route": "the bare Hono route",
  "jose-verify": "jose alone",
  "jose-sign": "jose's bare signing loop",
  issue: "our own RS256",
  "password-hash": "the hash alone",
};

function trips(rounds: readonly Round[], name: SubjectName, atMost: number, aim: string): Judged {
  const made = figureOf(
    rounds,
    name,
    ({ redisTrips, postgresTrips, answers }) => (redisTrips + postgresTrips) / answers,
  );
  // A feed is read now and then, whoever asks.
  return {
    aim: `${aim}: ≤ ${atMost} round trips`,
    measured: show(made, 2),
    isMet: isKnown(made) ? made.median <= atMost : null,
  };
}

/** Flat: the last of the steps, all of them past what an isolate keeps, adds next to nothing. */
function judgeMemory({ honoBytes, oneKeyBytes, byKeysSeen }: Memory): readonly Judged[] {
  const ratio = oneKeyBytes / honoBytes;
  const underLoad = {
    aim: "memory under the same load: ≤ 1.3 × bare Hono",
    measured: ratio.toFixed(3),
    isMet: ratio <= 1.3,
  };
  const [before, last] = byKeysSeen.slice(-2);
  if (!before || !last) return [underLoad, { aim: "memory flat in keys seen", measured: "–", isMet: null }];
  const growth = last.bytes / before.bytes;
  const flat = {
    aim: `memory flat in keys seen: ${before.keys} → ${last.keys} keys ≤ 1.05 ×`,
    measured: growth.toFixed(3),
    isMet: growth <= 1.05,
  };
  return [underLoad, flat];
}
