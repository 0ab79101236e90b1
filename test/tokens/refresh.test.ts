import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { changeOutbox } from "../../src/revocation/tables.ts";
import { absoluteSeconds, idleSeconds } from "../../src/tokens/refresh-family.ts";
import { givenIsolate, type Isolate, type IsolateOptions, unique } from "../support/given.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenFamily,
  givenRefreshTokens,
  givenSecret,
  origin,
} from "../support/given-tokens.ts";

const endsOf = (isolate: Isolate, sessionId: string) =>
  isolate.rooms.database
    .select()
    .from(changeOutbox)
    .where(and(eq(changeOutbox.kind, "session"), eq(changeOutbox.subjectId, sessionId)));

async function given(options: Parameters<typeof givenRefreshTokens>[1] & IsolateOptions = {}) {
  const isolate = await givenIsolate(options);
  const room = await givenRefreshTokens(isolate, options);
  const family = await givenFamily(isolate, room.refreshTokens);
  const present = (text: string, clientId?: string) =>
    room.refreshTokens.refresh(text, askedBy(isolate, clientId));
  return { isolate, ...room, ...family, present, row: () => familyRow(isolate, family.familyId) };
}

describe("RFC 9700 §4.14.2: rotation", () => {
  test("a refresh gives a new pair of the same grant, and the row moves on by one generation", async () => {
    const { isolate, refreshToken, familyId, sessionId, accountId, present, row } = await given();
    isolate.clock.advance(3_600_000);
    const first = expectRotated(await present(refreshToken));
    expect(first).toMatchObject({ sessionId, accountId, expiresInSeconds: 600, scopes: ["profile"] });
    expect(first.refreshToken).toMatch(new RegExp(`^gr_${familyId}_1_[0-9A-Za-z]{55}$`));
    expect(await row()).toMatchObject({ generation: 1, revokedAt: null, secretVersion: 1 });
    const second = expectRotated(await present(first.refreshToken));
    expect(second.refreshToken).toMatch(new RegExp(`^gr_${familyId}_2_`));
    expect(second.accessToken).not.toBe(first.accessToken);
  });

  test("neither a token nor its secret part is in the database, only SHA-256", async () => {
    const { isolate, refreshToken, present, row } = await given();
    const { refreshToken: next } = expectRotated(await present(refreshToken));
    await isolate.settle();
    const stored = JSON.stringify(await row());
    for (const text of [refreshToken, next]) {
      expect(stored).not.toContain(text);
      expect(stored).not.toContain(text.split("_")[3]);
    }
    expect((await row())?.currentHash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("each rotation puts the idle end off, and none moves the absolute end", async () => {
    const { isolate, refreshToken, present, row } = await given();
    const began = isolate.clock.now();
    const absolute = began + absoluteSeconds * 1000;
    let token = refreshToken;
    for (let day = 6; day <= 24; day += 6) {
      isolate.clock.advance(6 * 86_400_000);
      const verdict = expectRotated(await present(token));
      token = verdict.refreshToken;
      expect(verdict.absoluteExpiresAt.getTime()).toBe(absolute);
      const idle = Math.min(isolate.clock.now() + idleSeconds * 1000, absolute);
      expect((await row())?.idleExpiresAt.getTime()).toBe(idle);
    }
    isolate.clock.advance(absolute - isolate.clock.now() - 60_000);
    const last = expectRotated(await present(token));
    expect(last.expiresInSeconds).toBeLessThanOrEqual(60);
    isolate.clock.advance(60_000);
    expect(await present(last.refreshToken)).toEqual({ ok: false, reason: "unknown" });
  });

  test("an idle family is over after seven days, a moment before it is not", async () => {
    const { isolate, refreshToken, present } = await given();
    isolate.clock.advance(idleSeconds * 1000 - 1);
    const { refreshToken: next } = expectRotated(await present(refreshToken));
    isolate.clock.advance(idleSeconds * 1000);
    expect(await present(next)).toEqual({ ok: false, reason: "unknown" });
  });
});

describe("retry and replay", () => {
  test("a retry of the immediate predecessor within the grace gets the identical successor, again and again", async () => {
    const { isolate, refreshToken, present, row, notices } = await given();
    const first = expectRotated(await present(refreshToken));
    for (let time = 0; time < 3; time += 1) {
      isolate.clock.advance(3333);
      const again = expectRotated(await present(refreshToken));
      expect(again.refreshToken).toBe(first.refreshToken);
      expect(again.accessToken).not.toBe(first.accessToken);
    }
    expect(await row()).toMatchObject({ generation: 1, revokedAt: null });
    expect(notices).toEqual([]);
  });

  test.each([
    ["after the grace", 10_000, 1],
    ["two generations old, within the grace", 1, 2],
    ["five generations old", 1, 5],
  ])("a replay %s ends this family at once and no other", async (_, waitMilliseconds, rotations) => {
    const { isolate, refreshTokens, refreshToken, present, row, notices, sessionId, accountId } =
      await given();
    const neighbour = await givenFamily(isolate, refreshTokens, { accountId });
    let newest = refreshToken;
    for (let time = 0; time < rotations; time += 1) {
      newest = expectRotated(await present(newest)).refreshToken;
    }
    isolate.clock.advance(waitMilliseconds);
    const at = new Date(isolate.clock.now());
    expect(await present(refreshToken)).toEqual({ ok: false, reason: "replayed" });
    expect(await row()).toMatchObject({ revokedAt: at, revokedReason: "replayed", generation: rotations });
    expect(await present(newest)).toEqual({ ok: false, reason: "unknown" });
    expect(notices).toEqual([{ accountId, sessionId, at, origin }]);
    expectRotated(await refreshTokens.refresh(neighbour.refreshToken, askedBy(isolate)));
    await isolate.settle();
    const [noted, ...more] = await endsOf(isolate, sessionId);
    expect(more).toEqual([]);
    expect(noted).toMatchObject({ notedAt: at, expiresAt: new Date(at.getTime() + 960_000) });
    expect(noted?.announcedAt).not.toBeNull();
    expect(await endsOf(isolate, neighbour.sessionId)).toEqual([]);
    const events = await isolate.rooms.audit.list({ subjectId: sessionId, limit: 10 });
    expect(events.map(({ type, reason }) => [type, reason]).sort()).toEqual([
      ["refresh.replayed", "replayed"],
      ["session.ended", "replayed"],
    ]);
  });

  test("with a grace of 0 every second presentation is a replay, with 60 the last moment of it is a retry", async () => {
    const strict = await given({ graceSeconds: 0 });
    expectRotated(await strict.present(strict.refreshToken));
    expect(await strict.present(strict.refreshToken)).toEqual({ ok: false, reason: "replayed" });
    const lenient = await given({ graceSeconds: 60 });
    expectRotated(await lenient.present(lenient.refreshToken));
    lenient.isolate.clock.advance(59_999);
    expectRotated(await lenient.present(lenient.refreshToken));
    lenient.isolate.clock.advance(1);
    expect(await lenient.present(lenient.refreshToken)).toEqual({ ok: false, reason: "replayed" });
  });

  test("a clock that went back makes no replay out of a retry, and shortens no life", async () => {
    const { isolate, refreshToken, present, row } = await given();
    const { refreshToken: first } = expectRotated(await present(refreshToken));
    isolate.clock.advance(60_000);
    const { refreshToken: next } = expectRotated(await present(first));
    const before = await row();
    isolate.clock.advance(-30_000);
    expect(expectRotated(await present(first)).refreshToken).toBe(next);
    expectRotated(await present(next));
    expect((await row())?.idleExpiresAt).toEqual(before?.idleExpiresAt);
  });

  test("a replay is an ending even when Redis is away: the outbox keeps the note for the cron trigger", async () => {
    const { isolate, refreshToken, present, sessionId, row } = await given();
    expectRotated(await present(refreshToken));
    isolate.clock.advance(10_000);
    await isolate.redisFault([{ kind: "refuse" }]);
    expect(await present(refreshToken)).toEqual({ ok: false, reason: "replayed" });
    await isolate.settle();
    expect(await row()).toMatchObject({ revokedReason: "replayed" });
    expect(await endsOf(isolate, sessionId)).toMatchObject([{ announcedAt: null }]);
  });
});

describe("whose token", () => {
  test("another client's token is unknown, and its family goes on", async () => {
    const { refreshToken, present, row } = await given();
    expect(await present(refreshToken, "another-client")).toEqual({ ok: false, reason: "unknown" });
    expect(await row()).toMatchObject({ generation: 0, revokedAt: null });
    expectRotated(await present(refreshToken));
    expect(await present(refreshToken, "another-client")).toEqual({ ok: false, reason: "unknown" });
    expect(await row()).toMatchObject({ generation: 1, revokedAt: null });
  });

  test("malformed and forged tokens are refused without a call, though the family's id is right", async () => {
    const forever = new Promise<void>(() => undefined);
    const { isolate, refreshToken, familyId, present, row } = await given({
      waitForRefusals: () => forever,
    });
    const other = await givenRefreshTokens(isolate, { secrets: [{ ...givenSecret(2), version: 1 }] });
    const forged = (await other.format.successorOf(refreshToken, { familyId, generation: 0 }, 1)) ?? "";
    await isolate.forgetCalls();
    for (const [text, reason] of [
      [forged, "forged"],
      [`${refreshToken.slice(0, -1)}${refreshToken.endsWith("0") ? "1" : "0"}`, "forged"],
      [refreshToken.replace("_0_", "_1_"), "forged"],
      [refreshToken.replace("_0_", "_00_"), "malformed"],
      [`${refreshToken} `, "malformed"],
      ["", "malformed"],
      ["gr_".repeat(100_000), "malformed"],
    ] as const) {
      expect([text.slice(0, 40), await present(text)]).toEqual([text.slice(0, 40), { ok: false, reason }]);
    }
    const { postgres, redis } = await isolate.calls();
    expect([postgres, redis]).toEqual([0, 0]);
    expect(await row()).toMatchObject({ generation: 0, revokedAt: null });
  });

  test("a well-made token of a family that nobody inserted is unknown", async () => {
    const isolate = await givenIsolate();
    const { refreshTokens } = await givenRefreshTokens(isolate);
    const { refreshToken } = await refreshTokens.begin({
      sessionId: unique("ses"),
      accountId: unique("usr"),
      clientId: "first-party",
      audience: "https://auth.gatehouse.test",
      scopes: [],
      authTime: new Date(isolate.clock.now()),
      acr: "one-factor",
      amr: ["pwd"],
      tokensFrom: null,
    });
    expect(await refreshTokens.refresh(refreshToken, askedBy(isolate))).toEqual({
      ok: false,
      reason: "unknown",
    });
  });
});
