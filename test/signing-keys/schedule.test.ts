import fc from "fast-check";
import { expect, test } from "vitest";
import {
  handOver,
  type KeyDates,
  leaveSeconds,
  type Pair,
  publishedUntil,
  rotation,
  seenSeconds,
  signersOf,
  stateOf,
  stepsDue,
} from "../../src/signing-keys/schedule.ts";
import { type Simulation, simulate } from "./simulation.ts";

const pair: Pair = { purpose: "identity", algorithm: "ES256" };
const at = Date.parse("2026-11-24T12:00:00Z");
const day = 86_400;

/** Times in seconds from `at`. */
const given = (
  kid: string,
  slot: number,
  times: { published: number; from: number; until?: number; killed?: number },
): KeyDates => ({
  ...pair,
  kid,
  slot,
  publishedAt: new Date(at + times.published * 1000),
  signsFrom: new Date(at + times.from * 1000),
  signsUntil: times.until === undefined ? null : new Date(at + times.until * 1000),
  killedAt: times.killed === undefined ? null : new Date(at + times.killed * 1000),
});
const all = () => true;

test("a key is published longer than any copy of the set lives before it signs, and after it until its last token is dead", () => {
  expect(seenSeconds).toBeGreaterThanOrEqual(rotation.keySetSeconds + rotation.slackSeconds);
  expect(leaveSeconds).toBeGreaterThanOrEqual(900 + 60 + rotation.keySetSeconds);
});

test("a key is next, active, retiring and gone by the clock alone, each from its very millisecond", () => {
  const key = given("a", 1, { published: 0, from: 1000, until: 2000 });
  const states = [999.999, 1000, 1999.999, 2000, 2000 + leaveSeconds - 0.001, 2000 + leaveSeconds];
  expect(states.map((seconds) => stateOf(key, at + seconds * 1000))).toEqual([
    "next",
    "active",
    "active",
    "retiring",
    "retiring",
    "gone",
  ]);
  expect(publishedUntil(key)).toBe(at + (2000 + leaveSeconds) * 1000);
  expect(stateOf({ ...key, killedAt: new Date(at) }, at + 1000 * 1000)).toBe("killed");
});

test("a successor stands in for a missing key only when every verifier has seen it", () => {
  const next = given("b", 2, { published: 0, from: 30 * day });
  expect(signersOf([next], pair, at + (seenSeconds - 1) * 1000)).toEqual([]);
  expect(signersOf([next], pair, at + seenSeconds * 1000)).toEqual([next]);
  expect(signersOf([next], { ...pair, purpose: "access-token" }, at + seenSeconds * 1000)).toEqual([]);
});

test("a hand-over comes at once when the successor was seen, as soon as it is otherwise, and sooner never", () => {
  const active = given("a", 1, { published: -day, from: -day });
  const seen = given("b", 2, { published: -seenSeconds, from: 29 * day });
  const fresh = given("b", 2, { published: -60, from: 29 * day });
  expect(handOver([active, seen], pair, at, all)).toMatchObject({ do: "promote", kid: "b", signsFrom: at });
  const soon = at + (seenSeconds - 60) * 1000;
  expect(handOver([active, fresh], pair, at, all)).toMatchObject({ do: "promote", signsFrom: soon });
  expect(handOver([active], pair, at, all)).toMatchObject({
    do: "make",
    slot: 2,
    signsFrom: at + seenSeconds * 1000,
  });

  const underWay = { ...fresh, signsFrom: new Date(soon) };
  const refused = handOver([active, underWay], pair, at, all);
  expect(refused.do).toBe("refuse");
  expect("reason" in refused && refused.reason).toContain(`signs_from >= published_at + ${seenSeconds} s: b`);
});

test("under a lost master key nothing is made; beside a key that opens, those that do not are passed over", () => {
  const active = given("a", 1, { published: -day, from: -day });
  const next = given("b", 2, { published: -day, from: 29 * day });
  const due = (opens: string[]) =>
    stepsDue([active, next], at, (kid) => opens.includes(kid)).filter(
      (step) => step.do === "retire" || step.pair.purpose === "identity",
    );
  expect(due([])).toEqual([]);
  expect(due(["a", "b"])).toEqual([]);
  expect(due(["a"])).toMatchObject([{ do: "make", slot: 3, signsFrom: at + 29 * day * 1000 }]);
});

type Event = { readonly name: string; readonly run: (simulation: Simulation) => void };
const event = (name: string, run: Event["run"]): Event => ({ name, run });
const which = fc.nat({ max: 5 });
const events = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(1, 30, 60, 299, 301, 659, 661, 960, 3600, day, 15 * day, 31 * day)
      .map((s) => event(`advance ${s}`, ({ advance }) => advance(s))),
  },
  { weight: 4, arbitrary: which.map((n) => event(`sign ${n}`, ({ sign }) => sign(n))) },
  { weight: 3, arbitrary: fc.constant(event("tick", ({ tick }) => tick())) },
  { weight: 3, arbitrary: which.map((n) => event(`fetch ${n}`, ({ fetchKeySet }) => fetchKeySet(n))) },
  { weight: 2, arbitrary: fc.constant(event("rotate", ({ rotate }) => rotate())) },
  { weight: 1, arbitrary: which.map((n) => event(`kill ${n}`, ({ kill }) => kill(n))) },
  { weight: 1, arbitrary: which.map((n) => event(`toggle ${n}`, ({ toggle }) => toggle(n))) },
);

test("whatever the schedule, every unexpired token whose key was not killed verifies with a key set of up to max-age, and of a killed key none", () => {
  fc.assert(
    fc.property(fc.array(events, { minLength: 10, maxLength: 60 }), (schedule) => {
      const simulation = simulate();
      const told: string[] = [];
      for (const { name, run } of schedule) {
        run(simulation);
        told.push(name);
        expect([told.join(", "), simulation.broken()]).toEqual([expect.any(String), []]);
      }
    }),
    { numRuns: 1500 },
  );
});
