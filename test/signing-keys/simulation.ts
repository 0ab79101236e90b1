import {
  handOver,
  isOfPair,
  isPublished,
  type KeyDates,
  type Pair,
  pairsOf,
  rotation,
  type Step,
  seenFrom,
  signersOf,
  standardPairs,
  stateOf,
  stepsDue,
} from "../../src/signing-keys/schedule.ts";
import { timelineOf } from "../../src/signing-keys/timeline.ts";

type Copy = { readonly keys: readonly KeyDates[]; readonly at: number };
type Token = { readonly kid: string; readonly issuedAt: number };

const open = () => true;
const second = 1000;

/**
 * Postgres, isolates with copies of it, and verifiers elsewhere with copies of the key set, as plain values: the rules
 * are those of `schedule.ts`, what the statements do to the rows is done here.
 */
export function simulate() {
  let now = Date.parse("2026-11-24T12:00:00Z");
  let keys: KeyDates[] = [];
  let made = 0;
  const isolates: { copy: Copy; isAway: boolean }[] = [];
  const verifiers: Copy[] = [];
  const tokens: Token[] = [];
  /** Keys of which a time line said that they may be refused for a while. */
  const warned = new Set<string>();
  const killedAt = new Map<string, number>();

  function endEarlier(begun: KeyDates): void {
    keys = keys.map((key) => {
      const isEarlier = isOfPair(begun)(key) && key.slot < begun.slot;
      const mayMove = !key.killedAt && (key.signsUntil === null || key.signsUntil.getTime() > now);
      if (!isEarlier || !mayMove) return key;
      return { ...key, signsUntil: new Date(Math.max(key.signsFrom.getTime(), begun.signsFrom.getTime())) };
    });
  }

  function perform(step: Step): void {
    if (step.do === "retire") return;
    if (step.do === "make") {
      made += 1;
      const dates = { publishedAt: new Date(now), signsFrom: new Date(step.signsFrom) };
      const begun = {
        ...step.pair,
        ...dates,
        kid: `k${made}`,
        slot: step.slot,
        signsUntil: null,
        killedAt: null,
      };
      endEarlier(begun);
      keys.push(begun);
      return;
    }
    keys = keys.map((key) => (key.kid === step.kid ? { ...key, signsFrom: new Date(step.signsFrom) } : key));
    const begun = keys.find((key) => key.kid === step.kid);
    if (begun) endEarlier(begun);
  }

  function prolongBefore(killed: KeyDates): void {
    const others = keys.filter((key) => isOfPair(killed)(key) && !key.killedAt);
    const begins = others.map((key) => key.signsFrom.getTime()).filter((time) => time > now);
    const signsUntil = begins.length === 0 ? null : new Date(Math.min(...begins));
    keys = keys.map((key) =>
      others.includes(key) && stateOf(key, now) === "active" && key.signsUntil !== null
        ? { ...key, signsUntil }
        : key,
    );
  }

  const read = (): Copy => ({ keys: keys.filter((key) => !key.killedAt), at: now });
  const tick = () => stepsDue(keys, now, open).forEach(perform);

  /** The set as an isolate publishes it: never older than it may be. */
  function keySet(at: number): Copy {
    const isolate = isolates[at % isolates.length];
    // Who has no Postgres is not promised to publish what is new: verifiers are sent elsewhere.
    if (!isolate || isolate.isAway)
      return { ...read(), keys: read().keys.filter((key) => isPublished(key, now)) };
    if (now - isolate.copy.at > rotation.copySeconds * second) isolate.copy = read();
    return { keys: isolate.copy.keys.filter((key) => isPublished(key, now)), at: now };
  }

  tick();
  tick();
  for (let at = 0; at < 3; at += 1) isolates.push({ copy: read(), isAway: false });
  for (let at = 0; at < 3; at += 1) verifiers.push(keySet(at));

  return {
    advance: (seconds: number) => {
      now += seconds * second;
    },
    tick,
    /** Postgres is away for one isolate, or there again. */
    toggle: (at: number) => {
      const isolate = isolates[at % isolates.length];
      if (isolate) isolate.isAway = !isolate.isAway;
    },
    fetchKeySet: (at: number) => {
      verifiers[at % verifiers.length] = keySet(at + 1);
    },
    sign: (at: number) => {
      const isolate = isolates[at % isolates.length];
      const pair = standardPairs[at % standardPairs.length] as Pair;
      if (!isolate) return;
      const isOld = now - isolate.copy.at > rotation.lastGoodSeconds * second;
      if (!isolate.isAway) isolate.copy = isOld || at % 3 === 0 ? read() : isolate.copy;
      else if (isOld) return;
      const [signer] = signersOf(isolate.copy.keys, pair, now);
      if (signer) tokens.push({ kid: signer.kid, issuedAt: now });
    },
    rotate: () => {
      for (const pair of pairsOf(keys)) {
        const step = handOver(keys, pair, now, open);
        if (step.do !== "refuse" && step.do !== "nothing") perform(step);
      }
    },
    kill: (at: number) => {
      const candidates = keys.filter((one) => isPublished(one, now));
      const key = candidates[at % candidates.length];
      if (!key) return;
      killedAt.set(key.kid, now);
      keys = keys.map((one) => (one.kid === key.kid ? { ...one, killedAt: new Date(now) } : one));
      prolongBefore(key);
      for (const isolate of isolates) {
        isolate.copy = { ...isolate.copy, keys: isolate.copy.keys.filter(({ kid }) => kid !== key.kid) };
      }
      stepsDue(keys, now, open, key)
        .filter((step) => step.do !== "retire" && step.signsFrom <= now)
        .forEach(perform);
      for (const told of timelineOf(keys, null, now).signing)
        if (told.mayBeRefusedUntil) warned.add(told.kid);
    },

    /** What must be true at any time; empty when it is. */
    broken(): string[] {
      const complaints: string[] = [];
      const alive = tokens.filter(
        ({ issuedAt }) => now < issuedAt + (rotation.tokenLifeSeconds + rotation.skewSeconds) * second,
      );
      verifiers.forEach((copy, at) => {
        const current = now - copy.at > rotation.keySetSeconds * second ? keySet(at) : copy;
        verifiers[at] = current;
        for (const { kid } of alive) {
          const isHeld = current.keys.some((one) => one.kid === kid);
          const killed = killedAt.get(kid);
          const key = keys.find((one) => one.kid === kid);
          const isForewarned = warned.has(kid) && key !== undefined && now < seenFrom(key);
          if (killed === undefined && !isHeld && !isForewarned) complaints.push(`${kid} unknown at ${at}`);
          if (killed !== undefined && isHeld && now > killed + rotation.keySetSeconds * second)
            complaints.push(`${kid} trusted at ${at} though killed`);
        }
      });
      for (const pair of standardPairs) {
        const states = keys.filter((key) => key.algorithm === pair.algorithm).map((key) => stateOf(key, now));
        if (states.filter((state) => state === "active").length !== 1) complaints.push(states.join());
      }
      return complaints;
    },
  };
}

export type Simulation = ReturnType<typeof simulate>;
