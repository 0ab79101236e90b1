import fc from "fast-check";
import { expect, test } from "vitest";
import type { RefreshRefusal, RefreshVerdict } from "../../src/tokens/refresh-tokens.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate } from "../support/given.ts";
import { askedBy, familyRow, givenFamily, givenRefreshTokens, givenSecret } from "../support/given-tokens.ts";

const secrets = [givenSecret(1), givenSecret(2)];
const patience = 120_000;

/** Two isolates that disagree about which secret is the newest, and whose answers can be lost after the commit. */
async function givenSides(graceSeconds: number) {
  const clock = createClock();
  const isolates = await Promise.all([givenIsolate({ clock }), givenIsolate({ clock })]);
  const rooms = await Promise.all(
    isolates.map((isolate, index) =>
      givenRefreshTokens(isolate, { graceSeconds, secrets: index === 0 ? secrets : secrets.toReversed() }),
    ),
  );
  async function present(side: number, text: string, isLost: boolean): Promise<RefreshVerdict> {
    const [isolate, room] = [isolates[side], rooms[side]];
    if (!isolate || !room) throw new Error("there are two sides");
    if (isLost) {
      await isolate.postgresFault([{ kind: "drop-after", match: "previous_hash = case", times: 1 }]);
    }
    return await room.refreshTokens.refresh(text, askedBy(isolate));
  }

  return {
    clock,
    present,
    /** As a client does: what was not answered is asked again. */
    async insist(side: number, text: string): Promise<RefreshVerdict> {
      let verdict = await present(side, text, false);
      for (let time = 0; time < 5 && !verdict.ok && verdict.reason === "unavailable"; time += 1) {
        verdict = await present(side, text, false);
      }
      return verdict;
    },
    async begin() {
      const [isolate, room] = [isolates[0], rooms[0]];
      if (!isolate || !room) throw new Error("two isolates were asked for");
      const family = await givenFamily(isolate, room.refreshTokens);
      return { ...family, row: () => familyRow(isolate, family.familyId) };
    },
    notices: () => rooms.reduce((count, { notices }) => count + notices.length, 0),
  };
}

const step = fc.record({
  /** How many generations behind the newest token. */
  behind: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 4 }) },
  ),
  side: fc.integer({ min: 0, max: 1 }),
  isLost: fc.boolean(),
  /** Presented this many times at the same moment. */
  atOnce: fc.integer({ min: 1, max: 4 }),
  waitMilliseconds: fc.oneof(fc.constant(0), fc.integer({ min: -2000, max: 25_000 }), fc.constant(10_000)),
});

type Model = { tokens: string[]; rotatedAt: number; isEnded: boolean };

/** What one presentation must answer, told from the tokens there have been and when the last one was made. */
function expected(model: Model, index: number, now: number, graceMilliseconds: number) {
  const newest = model.tokens.length - 1;
  if (model.isEnded) return "unknown";
  if (index === newest) return "rotates";
  const isRetry = index === newest - 1 && model.rotatedAt > now - graceMilliseconds;
  return isRetry ? "retry" : "replayed";
}

test.each([0, 10, 60])(
  "grace %i s: any presentation of any token, lost or not, anywhere, does what one row and one clock say",
  async (graceSeconds) => {
    const sides = await givenSides(graceSeconds);
    const { clock } = sides;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { refreshToken, row } = await sides.begin();
        const model: Model = { tokens: [refreshToken], rotatedAt: clock.now(), isEnded: false };
        const noticed = sides.notices();
        let told = 0;
        for (const { behind, side, isLost, atOnce, waitMilliseconds } of steps) {
          const index = Math.max(0, model.tokens.length - 1 - behind);
          const text = model.tokens[index] ?? "";
          // Nobody ever saw this one: its answer was lost for good.
          if (text === "") continue;
          const answers = await Promise.all(
            Array.from({ length: atOnce }, (_, time) =>
              sides.present((side + time) % 2, text, isLost && time === 0),
            ),
          );
          const before = model.tokens.length;
          let replays = 0;
          for (let time = 0; time < atOnce; time += 1) {
            const must = expected(model, index, clock.now(), graceSeconds * 1000);
            if (must === "rotates") {
              const got = answers.find((answer) => answer.ok);
              // Every answer of this moment may be lost: what was stored is asked for below.
              model.tokens.push(got?.ok ? got.refreshToken : "");
              model.rotatedAt = clock.now();
            } else if (must === "replayed") {
              model.isEnded = true;
              replays += 1;
            }
          }
          expectAnswers(answers, { isEndedNow: model.isEnded, replays, successor: model.tokens[index + 1] });
          told += answers.filter((answer) => !answer.ok && answer.reason === "replayed").length;
          const stored = await row();
          expect(stored?.generation).toBe(model.tokens.length - 1);
          expect(stored?.revokedAt === null).toBe(!model.isEnded);
          if (model.tokens.length > before && model.tokens.at(-1) === "" && !model.isEnded) {
            const again = await sides.insist(side, text);
            if (graceSeconds === 0) {
              expect(again).toEqual({ ok: false, reason: "replayed" });
              model.isEnded = true;
              told += 1;
            } else {
              expect(again).toMatchObject({ ok: true });
              model.tokens[model.tokens.length - 1] = again.ok ? again.refreshToken : "";
            }
          }
          clock.advance(waitMilliseconds);
        }
        expect(sides.notices() - noticed).toBe(told);
        expect(new Set(model.tokens).size).toBe(model.tokens.length);
      }),
      { numRuns: 25 },
    );
  },
  patience,
);

/** No answer contradicts the model; `unavailable` only where the answer was lost. */
function expectAnswers(
  answers: readonly RefreshVerdict[],
  model: { isEndedNow: boolean; replays: number; successor: string | undefined },
): void {
  const words = answers.map((answer): "ok" | RefreshRefusal => (answer.ok ? "ok" : answer.reason));
  const successors = new Set(answers.flatMap((answer) => (answer.ok ? [answer.refreshToken] : [])));
  expect(successors.size).toBeLessThanOrEqual(1);
  if (successors.size === 1 && model.successor) expect([...successors]).toEqual([model.successor]);
  expect(words.filter((word) => word === "replayed").length).toBeLessThanOrEqual(model.replays);
  if (!model.isEndedNow)
    expect(words.filter((word) => word === "unknown" || word === "replayed")).toEqual([]);
}

test(
  "an honest client that repeats what was not answered within the grace is never signed out, whatever is lost",
  async () => {
    const sides = await givenSides(10);
    const { clock } = sides;
    const call = fc.record({
      lost: fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 3 }),
      side: fc.integer({ min: 0, max: 1 }),
      tabs: fc.integer({ min: 1, max: 5 }),
      restMilliseconds: fc.integer({ min: 0, max: 86_400_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        const { refreshToken, row } = await sides.begin();
        let held = refreshToken;
        for (const { lost, side, tabs, restMilliseconds } of calls) {
          for (const where of lost) {
            expect(await sides.present(where, held, true)).toEqual({ ok: false, reason: "unavailable" });
            clock.advance(3000);
          }
          const answers = await Promise.all(
            Array.from({ length: tabs }, (_, tab) => sides.insist((side + tab) % 2, held)),
          );
          const successors = new Set(
            answers.map((answer) => (answer.ok ? answer.refreshToken : answer.reason)),
          );
          expect(successors.size).toBe(1);
          held = [...successors][0] ?? "";
          clock.advance(restMilliseconds);
        }
        expect(await row()).toMatchObject({ generation: calls.length, revokedAt: null });
      }),
      { numRuns: 25 },
    );
    expect(sides.notices()).toBe(0);
  },
  patience,
);
