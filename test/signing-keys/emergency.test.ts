import { eq } from "drizzle-orm";
import { decodeProtectedHeader } from "jose";
import { expect, test } from "vitest";
import { changeOutbox } from "../../src/revocation/tables.ts";
import { leaveSeconds, rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import { createSlowNetwork } from "../revocation/held-answers.ts";
import type { Isolate } from "../support/given.ts";
import { givenOwnKeys, operatorOf } from "../support/given-signing-keys.ts";

const ms = (seconds: number) => seconds * 1000;
const bound = ms(10);
const sign = async ({ rooms }: Isolate) =>
  decodeProtectedHeader(await rooms.signingKeys.sign("identity", "test+jwt", {})).kid ?? "";
const kill = (isolate: Isolate, compromised: string) =>
  isolate.rooms.signingKeys.rotate({ compromised }, operatorOf(isolate));
const knows = async ({ rooms }: Isolate, kid: string) => {
  const set = (await rooms.signingKeys.keySet()).body;
  return [set.includes(kid), (await rooms.signingKeys.verificationKey("identity", kid)) !== null];
};

test("a killed key is published and verified nowhere past the stated time, its successor signs at once, and the time line says what breaks", async () => {
  const { first, clock, isolate, rows, tick } = await givenOwnKeys();
  await tick();
  clock.advance(ms(seenSeconds));
  const kid = await sign(first);
  const other = await isolate();
  expect(await knows(other, kid)).toEqual([true, true]);
  await other.rooms.revocation.refreshBehind();

  const { killed, signing } = await kill(first, kid);

  expect(await knows(first, kid)).toEqual([false, false]);
  expect(killed).toMatchObject({ kid, killedAt: new Date(clock.now()), reach: { announced: true } });
  expect(killed?.reach.effectiveEverywhereBy.getTime()).toBeLessThanOrEqual(clock.now() + bound);
  expect(killed?.trustedElsewhereUntil.getTime()).toBe(
    (killed?.reach.effectiveEverywhereBy.getTime() ?? 0) + ms(rotation.keySetSeconds),
  );
  const [successor] = signing.filter(({ purpose }) => purpose === "identity");
  expect(successor).toMatchObject({ mayBeRefusedUntil: null });
  expect(await sign(first)).toBe(successor?.kid);
  // The other isolate hears of it by the feed, and needs no read of the keys.
  clock.advance(bound);
  await other.rooms.revocation.refreshBehind();
  await other.forgetCalls();
  expect(await knows(other, kid)).toEqual([false, false]);
  expect(await sign(other)).toBe(successor?.kid);

  const row = (await rows()).find((one) => one.kid === kid);
  expect([row?.killedAt, row?.privateJwkSealed]).toEqual([killed?.killedAt, ""]);
  const noted = await first.rooms.database.select().from(changeOutbox).where(eq(changeOutbox.subjectId, kid));
  const dead = new Date((killed?.killedAt.getTime() ?? 0) + ms(960));
  expect(noted).toMatchObject([{ kind: "signing-key", notedAt: killed?.killedAt, expiresAt: dead }]);
  await first.settle();
  const events = await first.rooms.audit.list({ type: "signing_key.killed", subjectId: kid, limit: 5 });
  expect(events).toMatchObject([{ outcome: "done", reason: "by_operator", actor: { type: "operator" } }]);
});

test("without a successor one is made and signs at once, and the time line says until when verifiers may refuse it", async () => {
  const { first, clock } = await givenOwnKeys();
  const kid = await sign(first);
  const { signing } = await kill(first, kid);
  const made = await sign(first);
  expect(made).not.toBe(kid);
  expect(signing.find((key) => key.kid === made)).toMatchObject({
    signsFrom: new Date(clock.now()),
    mayBeRefusedUntil: new Date(clock.now() + ms(seenSeconds)),
  });
});

test("a successor that is killed before its time takes nothing along: the key before it signs on, and gets another", async () => {
  const { first, clock, rows, tick } = await givenOwnKeys();
  await tick();
  const kid = await sign(first);
  const next = (await rows()).find(({ purpose, slot }) => purpose === "identity" && slot === 2);
  await kill(first, next?.kid ?? "");
  clock.advance((next?.signsFrom.getTime() ?? 0) - clock.now());
  expect(await sign(first)).toBe(kid);
  await tick();
  clock.advance(ms(seenSeconds));
  const third = (await rows()).find(({ purpose, slot }) => purpose === "identity" && slot === 3);
  expect(await sign(first)).toBe(third?.kid);
});

test("with Redis away the key is dead here at once, the time that is told is that of the last copy's death, and the cron trigger tells the rest", async () => {
  const { first, clock, isolate, tick } = await givenOwnKeys();
  await tick();
  const kid = await sign(first);
  await first.redisFault([{ kind: "refuse" }]);
  const { killed } = await kill(first, kid);
  expect(killed?.reach.announced).toBe(false);
  expect(killed?.reach.effectiveEverywhereBy.getTime()).toBeGreaterThan(
    clock.now() + ms(rotation.copySeconds),
  );
  expect(await knows(first, kid)).toEqual([false, false]);
  await first.redisFault([]);
  clock.advance(ms(5));
  expect((await first.rooms.revocation.repair()).announced).toBeGreaterThan(0);
  expect(await knows(await isolate(), kid)).toEqual([false, false]);
});

test("a read of the keys that was under way during the kill does not bring the killed key back", async () => {
  const { first, isolate, tick } = await givenOwnKeys();
  await tick();
  const kid = await sign(first);
  const late = await isolate();
  await late.rooms.signingKeys.keySet();
  await late.rooms.revocation.refreshBehind();
  const network = createSlowNetwork();
  try {
    const held = network.holdNext(first, "postgres");
    first.clock.advance(ms(1));
    const looking = late.rooms.signingKeys.verificationKey("identity", "A".repeat(43));
    await held.answered;
    const killer = await isolate();
    await kill(killer, kid);
    await late.rooms.revocation.refreshBehind();
    held.release();
    await looking;
  } finally {
    network.restore();
  }
  expect(await knows(late, kid)).toEqual([false, false]);
});

test("a kid that nothing has is 404, one that is killed or gone is a conflict with the reason, and nothing is noted for the edges", async () => {
  const { first, clock, rows, tick } = await givenOwnKeys();
  await tick();
  const kid = await sign(first);
  await expect(kill(first, "A".repeat(43))).rejects.toMatchObject({ code: "not_found" });
  await kill(first, kid);
  const killedAt = new Date(clock.now()).toISOString();
  await expect(kill(first, kid)).rejects.toMatchObject({
    code: "conflict",
    detail: expect.stringContaining(killedAt),
  });
  const old = (await rows()).find(({ purpose, slot }) => purpose === "access-token" && slot === 1);
  clock.advance(ms(rotation.periodSeconds + leaveSeconds));
  await expect(kill(first, old?.kid ?? "")).rejects.toMatchObject({
    code: "conflict",
    detail: expect.stringContaining(`now < signs_until + ${leaveSeconds} s`),
  });
  const noted = (id: string) =>
    first.rooms.database.select().from(changeOutbox).where(eq(changeOutbox.subjectId, id));
  expect([(await noted(kid)).length, (await noted(old?.kid ?? "")).length]).toEqual([1, 0]);
});

test("of several who kill one key at once one does, the others are told, and one successor signs", async () => {
  const { first, isolate, rows } = await givenOwnKeys();
  const kid = await sign(first);
  const many = [first, await isolate(), await isolate()];
  const done = await Promise.allSettled(many.map((one) => kill(one, kid)));
  expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const signers = await Promise.all(many.map(sign));
  expect(new Set(signers).size).toBe(1);
  expect((await rows()).filter(({ purpose }) => purpose === "identity")).toHaveLength(2);
});
