import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { managing, verdictOn } from "../api-keys/management.ts";
import { createClock } from "../support/clock.ts";
import { givenAdminKey, givenKey, type Isolate } from "../support/given.ts";
import { forgetFeed, givenEdges, hearNews, loseNewestChange, revokeAt } from "./edges.ts";

/** The longest life of a copy, and what its read may have taken. */
const lastCopyDies = 305_000;
const refuse = [{ kind: "refuse" }] as const;

async function outboxOf(edge: Isolate, keyId: string): Promise<{ announced: boolean }[]> {
  const { rows } = await edge.rooms.database.execute<{ announced: boolean }>(
    sql`select announced_at is not null as announced from change_outbox where subject_id = ${keyId} order by number`,
  );
  return rows;
}

test("a revocation answers the time of its announcement plus the bound, for every bound", async () => {
  for (const bound of [0, 1, 10, 300]) {
    const { clock, a, settle } = await givenEdges(bound);
    const { id } = await givenKey(a);
    clock.advance(500);
    const manage = managing(a, await givenAdminKey(a));
    const { status, body } = await manage("POST", `/keys/${id}/revoke`);
    expect([status, body]).toEqual([
      200,
      {
        revoked_at: new Date(clock.now()).toISOString(),
        effective_everywhere_by: new Date(clock.now() + bound * 1000).toISOString(),
      },
    ]);
    await settle();
    expect(await outboxOf(a, id)).toEqual([{ announced: true }]);
  }
});

test("a revocation that Redis was not told of says so, with a later time that is true even if it is never told", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await a.redisFault(refuse);
  const manage = managing(a, await givenAdminKey(a));
  const { status, body } = await manage("POST", `/keys/${id}/revoke`);
  const by = clock.now() + lastCopyDies + 10_000;
  expect([status, body]).toEqual([
    200,
    {
      revoked_at: new Date(clock.now()).toISOString(),
      effective_everywhere_by: new Date(by).toISOString(),
      propagation: "delayed",
    },
  ]);
  expect(await verdictOn(a, key)).toMatchObject({ code: "revoked" });

  // An edge that hears nothing and is used all the time lives on its copy until that dies, and no longer.
  let lastValid = 0;
  while (clock.now() <= by) {
    if ((await verdictOn(b, key)).valid) lastValid = clock.now();
    await b.settle();
    clock.advance(4000);
  }
  expect(lastValid).toBeGreaterThan(0);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});

test("the cron trigger announces what Redis was not told of, and every edge knows within the bound from then on", async () => {
  const { clock, a, b, c, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  for (const edge of [b, c]) expect((await verdictOn(edge, key)).valid).toBe(true);
  await settle();
  await a.redisFault(refuse);
  expect((await revokeAt(a, id)).reach.announced).toBe(false);
  expect(await outboxOf(a, id)).toEqual([{ announced: false }]);
  clock.advance(3000);
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ valid: true });

  const { announced } = await c.rooms.revocation.repair();

  expect(announced).toBeGreaterThanOrEqual(1);
  expect(await outboxOf(a, id)).toEqual([{ announced: true }]);
  clock.advance(10_001);
  for (const edge of [b, c]) expect(await verdictOn(edge, key)).toMatchObject({ code: "revoked" });
});

test("a repair that cannot reach Redis fails aloud, changes nothing and is made good by the next", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await a.redisFault(refuse);
  await revokeAt(a, id);
  clock.advance(3000);
  await expect(a.rooms.revocation.repair()).rejects.toThrow("redis_unavailable");
  expect(await outboxOf(a, id)).toEqual([{ announced: false }]);
  await a.redisFault([]);
  clock.advance(60_000);
  await a.rooms.revocation.repair();
  expect(await outboxOf(a, id)).toEqual([{ announced: true }]);
  clock.advance(10_001);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});

test("what was announced shortly before a Redis lost its last writes is announced again by the next repair", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  await hearNews(b);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  const position = b.rooms.revocation.feed.readBeganAt();
  expect((await revokeAt(a, id)).reach.announced).toBe(true);
  await a.settle();
  // The new leader never had the change; the edge's own position is in it, so nothing tells the edge of the loss.
  await loseNewestChange();
  clock.advance(10_001);
  expect(await verdictOn(b, key)).toMatchObject({ valid: true });
  expect(b.rooms.revocation.feed.readBeganAt()).toBeGreaterThan(position);

  await a.rooms.revocation.repair();
  clock.advance(10_001);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});

test("a revocation whose announcement was written but not answered claims no more than it knows", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await a.redisFault([{ kind: "drop-after", times: 1 }]);
  const { reach } = await revokeAt(a, id);
  expect(reach.announced).toBe(false);
  expect(reach.effectiveEverywhereBy.getTime()).toBe(clock.now() + lastCopyDies + 10_000);
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});

test("a revocation that Postgres did not carry out is no revocation: it fails and nobody is told", async () => {
  const { a, b } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  await a.postgresFault([{ kind: "status", status: 500, times: 1 }]);
  await expect(revokeAt(a, id)).rejects.toThrow();
  expect(await outboxOf(a, id)).toEqual([]);
  for (const edge of [a, b]) expect(await verdictOn(edge, key)).toMatchObject({ valid: true });
});

test("a revocation that Postgres carried out and could not answer is announced by the cron trigger", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  for (const edge of [a, b]) expect((await verdictOn(edge, key)).valid).toBe(true);
  await settle();
  await a.postgresFault([{ kind: "drop-after", times: 1 }]);
  await expect(revokeAt(a, id)).rejects.toThrow();
  clock.advance(3000);
  await b.rooms.revocation.repair();
  clock.advance(10_001);
  for (const edge of [a, b]) expect(await verdictOn(edge, key)).toMatchObject({ code: "revoked" });
});

test("asking again after a delayed answer tells the edges again, and then the promise is the bound", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await a.redisFault(refuse);
  const first = await revokeAt(a, id);
  await a.redisFault([]);
  clock.advance(1000);
  const second = await revokeAt(a, id);
  expect(second.revokedAt).toEqual(first.revokedAt);
  expect(second.reach).toEqual({ effectiveEverywhereBy: new Date(clock.now() + 10_000), announced: true });
  clock.advance(10_001);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});

test("the outbox forgets what was announced a day ago, and keeps what never was", async () => {
  // Of days ago: what other files have noted meanwhile is not a day old for these edges.
  const past = createClock(Date.now() - 3 * 24 * 3_600_000);
  const { clock, a, b, settle } = await givenEdges(10, 3, past);
  const [told, untold] = [await givenKey(a), await givenKey(a)];
  await revokeAt(a, told.id);
  await settle();
  await a.redisFault(refuse);
  await revokeAt(a, untold.id);
  clock.advance(24 * 3_600_000 + 1000);
  await expect(a.rooms.revocation.repair()).rejects.toThrow();
  expect(await outboxOf(b, untold.id)).toEqual([{ announced: false }]);
  await b.rooms.revocation.repair();
  expect(await outboxOf(b, told.id)).toEqual([]);
  expect(await outboxOf(b, untold.id)).toEqual([{ announced: true }]);
});

test("a Redis that comes back empty between a revocation and the edges' next look hides nothing", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  const { reach } = await revokeAt(a, id);
  await forgetFeed();
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
  expect(clock.now()).toBeLessThan(reach.effectiveEverywhereBy.getTime());
});
