import { describe, expect, test } from "vitest";
import { AuthError } from "../../src/errors/auth-error.ts";
import type { RefreshVerdict } from "../../src/tokens/refresh-tokens.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate } from "../support/given.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenFamily,
  givenRefreshTokens,
  givenSecret,
} from "../support/given-tokens.ts";

const [old, young] = [givenSecret(1), givenSecret(2)];

/** Two isolates over the same stores and the same clock, each with its own secrets. */
async function givenTwo(secrets: [first: (typeof old)[], second: (typeof old)[]], graceSeconds = 10) {
  const clock = createClock();
  // What is refused here is not written: hundreds of refusals would wait for the same database.
  const options = { clock, waitForRefusals: () => new Promise<void>(() => undefined) };
  const isolates = await Promise.all([givenIsolate(options), givenIsolate(options)]);
  const made = await Promise.all(
    isolates.map(async (isolate, index) => ({
      isolate,
      ...(await givenRefreshTokens(isolate, { graceSeconds, secrets: secrets[index] ?? [] })),
    })),
  );
  const sides = made.map((side) => ({
    ...side,
    present: (text: string) => side.refreshTokens.refresh(text, askedBy(side.isolate)),
  }));
  const [first, second] = sides;
  if (!first || !second) throw new Error("two isolates were asked for");
  const family = await givenFamily(first.isolate, first.refreshTokens);
  return { clock, first, second, ...family, row: () => familyRow(first.isolate, family.familyId) };
}

function tally(verdicts: readonly RefreshVerdict[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const verdict of verdicts) {
    const word = verdict.ok ? "ok" : verdict.reason;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

const successorsOf = (verdicts: readonly RefreshVerdict[]) => [
  ...new Set(verdicts.flatMap((verdict) => (verdict.ok ? [verdict.refreshToken] : []))),
];

/** Times that many, in turn at the one and the other isolate, all at once. */
function atOnce(
  count: number,
  text: string,
  { first, second }: Awaited<ReturnType<typeof givenTwo>>,
): Promise<RefreshVerdict[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => (index % 2 === 0 ? first : second).present(text)),
  );
}

describe("hundreds at once", () => {
  test("two hundred parallel refreshes of one token make one successor, whichever secret is the newest where", async () => {
    const two = await givenTwo([
      [old, young],
      [young, old],
    ]);
    const verdicts = await atOnce(200, two.refreshToken, two);
    // A statement that waited longer than its deadline is unanswered, and is repeated.
    expect(Object.keys(tally(verdicts)).filter((word) => word !== "ok" && word !== "unavailable")).toEqual(
      [],
    );
    const unanswered = verdicts.filter(({ ok }) => !ok).length;
    let again = await two.first.present(two.refreshToken);
    for (let time = 0; time < unanswered && !again.ok; time += 1) {
      again = await two.first.present(two.refreshToken);
    }
    const [successor, ...others] = successorsOf([...verdicts, again]);
    expect(others).toEqual([]);
    expect(await two.row()).toMatchObject({ generation: 1, revokedAt: null });
    expectRotated(await two.second.present(successor ?? ""));
    expect(await two.row()).toMatchObject({ generation: 2, revokedAt: null });
    expect([...two.first.notices, ...two.second.notices]).toEqual([]);
  }, 90_000);

  test("while a new secret is being rolled out nobody is signed out: an isolate without it says to ask again", async () => {
    const two = await givenTwo([[old], [young, old]]);
    let token = two.refreshToken;
    for (let round = 1; round <= 3; round += 1) {
      const verdicts = await atOnce(40, token, two);
      expect(Object.keys(tally(verdicts)).filter((word) => word !== "ok" && word !== "unavailable")).toEqual(
        [],
      );
      const again = expectRotated(await two.second.present(token));
      expect(successorsOf([...verdicts, again])).toEqual([again.refreshToken]);
      expect(await two.row()).toMatchObject({ generation: round, revokedAt: null });
      token = again.refreshToken;
    }
    expectRotated(await two.second.present(token));
  });

  test("with a grace of 0 parallel refreshes are replays: the family ends, and is noticed once", async () => {
    const two = await givenTwo([[old], [old]], 0);
    const verdicts = await atOnce(30, two.refreshToken, two);
    expect(tally(verdicts)).toEqual({ ok: 1, replayed: 1, unknown: 28 });
    expect(await two.row()).toMatchObject({ revokedReason: "replayed", generation: 1 });
    expect([...two.first.notices, ...two.second.notices]).toHaveLength(1);
  });

  test("a thief's old token beside the owner's newest: the family ends once, and nobody rotates any more", async () => {
    const two = await givenTwo([[old], [old]]);
    const second = expectRotated(await two.first.present(two.refreshToken));
    const third = expectRotated(await two.first.present(second.refreshToken));
    const [thief, owner] = await Promise.all([
      atOnce(20, two.refreshToken, two),
      atOnce(20, third.refreshToken, two),
    ]);
    expect(tally(thief)).toEqual({ replayed: 1, unknown: 19 });
    expect(Object.keys(tally(owner)).filter((word) => word !== "ok" && word !== "unknown")).toEqual([]);
    for (const token of [third.refreshToken, ...successorsOf(owner)]) {
      expect(await two.second.present(token)).toEqual({ ok: false, reason: "unknown" });
    }
    expect([...two.first.notices, ...two.second.notices]).toHaveLength(1);
  });
});

describe("answers that are lost, and steps that are cut short", () => {
  test("an answer lost after the commit is no rotation lost: the same token gets the successor that was stored", async () => {
    const { first, refreshToken, row } = await givenTwo([[old], [old]]);
    await first.isolate.postgresFault([{ kind: "drop-after", match: "previous_hash = case", times: 1 }]);
    expect(await first.present(refreshToken)).toEqual({ ok: false, reason: "unavailable" });
    const stored = await row();
    expect(stored).toMatchObject({ generation: 1, revokedAt: null });
    const again = expectRotated(await first.present(refreshToken));
    expect(await row()).toEqual(stored);
    expectRotated(await first.present(again.refreshToken));
  });

  test("twenty of forty parallel answers lost after the commit: still one successor", async () => {
    const two = await givenTwo([[old], [old]]);
    await two.first.isolate.postgresFault([{ kind: "drop-after", match: "previous_hash = case", times: 20 }]);
    const verdicts = await atOnce(40, two.refreshToken, two);
    expect(tally(verdicts)).toEqual({ ok: 20, unavailable: 20 });
    expect(successorsOf(verdicts)).toHaveLength(1);
    expect(await two.row()).toMatchObject({ generation: 1, revokedAt: null });
  });

  test("Postgres away: nothing has changed, the same token works afterwards however late", async () => {
    const { clock, first, refreshToken, row } = await givenTwo([[old], [old]]);
    for (const kind of ["refuse", "garble"] as const) {
      const before = await row();
      await first.isolate.postgresFault([{ kind: "refuse", match: "refresh_families" }]);
      expect([kind, await first.present(refreshToken)]).toEqual([kind, { ok: false, reason: "unavailable" }]);
      await first.isolate.postgresFault([]);
      expect(await row()).toEqual(before);
    }
    clock.advance(3_600_000);
    expectRotated(await first.present(refreshToken));
  });

  test("a crash after the rotation and before the signature: the retry elsewhere gets what was stored", async () => {
    const clock = createClock();
    const [crashing, other] = await Promise.all([givenIsolate({ clock }), givenIsolate({ clock })]);
    const broken = { issue: () => Promise.reject(new AuthError("unavailable")) };
    const left = await givenRefreshTokens(crashing, { accessTokens: broken });
    const right = await givenRefreshTokens(other);
    const { refreshToken, familyId } = await givenFamily(crashing, left.refreshTokens);
    expect(await left.refreshTokens.refresh(refreshToken, askedBy(crashing))).toEqual({
      ok: false,
      reason: "unavailable",
    });
    expect(await familyRow(other, familyId)).toMatchObject({ generation: 1, revokedAt: null });
    const again = expectRotated(await right.refreshTokens.refresh(refreshToken, askedBy(other)));
    expectRotated(await right.refreshTokens.refresh(again.refreshToken, askedBy(other)));
  });

  test("a crash after a replay was stored and before anybody was told: the cron trigger tells the edges", async () => {
    const { clock, first, second, refreshToken, sessionId, row } = await givenTwo([[old], [old]]);
    expectRotated(await first.present(refreshToken));
    clock.advance(10_000);
    await first.isolate.postgresFault([{ kind: "drop-after", match: "previous_hash = case", times: 1 }]);
    expect(await first.present(refreshToken)).toEqual({ ok: false, reason: "unavailable" });
    expect(await row()).toMatchObject({ revokedReason: "replayed" });
    clock.advance(3000);
    const { revocation } = second.isolate.rooms;
    await revocation.refreshBehind();
    const facts = { jti: "tok_x", sessionId, subject: "usr_x", clientId: "x", keyId: "x" };
    await revocation.repair();
    await revocation.refreshBehind();
    expect(revocation.denylist.find({ ...facts, issuedAtSeconds: clock.now() / 1000 })).toBe("session");
  });
});
