import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createRevocation } from "../../src/revocation/revocation.ts";
import { createRevocationStore } from "../../src/revocation/store.ts";
import { createClock } from "../support/clock.ts";
import { givenKey, type Isolate, unique } from "../support/given.ts";
import { feedMembers, givenEdges, hearNews, operatorAt, revokeAt, tellRedis } from "./edges.ts";
import { endAt, everyKind, givenFacts, givenWarmEdges, isDeniedAt, noteAt, subjectOf } from "./endings.ts";

const bound = 10_000;
/** A token's longest life and the clocks' skew; the longest life of a copy, and what its read may have taken. */
const longestLife = 960_000;
const lastCopyDies = 305_000;
const refuse = [{ kind: "refuse" }] as const;

async function markOf(key: string): Promise<{ value: unknown; life: number }> {
  return { value: await tellRedis("GET", key), life: Number(await tellRedis("PTTL", key)) };
}

const outboxOf = async (edge: Isolate, subject: string) =>
  (
    await edge.rooms.database.execute<{ told: boolean }>(
      sql`select announced_at is not null as told from change_outbox where subject_id = ${subject}`,
    )
  ).rows;

test("Redis says for whoever reads it what ended, until the last token of it has expired: a token's id plainly, the rest by kind", async () => {
  const { clock, a } = await givenEdges(10);
  for (const kind of everyKind) {
    const subject = unique(kind);
    await endAt(a, kind, subject);
    const { value, life } = await markOf(`revoked:${kind === "jti" ? "" : `${kind}:`}${subject}`);
    expect(value, kind).toBe(String(clock.now()));
    expect(life, kind).toBeLessThanOrEqual(longestLife);
    expect(life, kind).toBeGreaterThan(longestLife - 10_000);
  }
  const jti = unique("tok");
  await endAt(a, "jti", jti, new Date(clock.now() + 40_000));
  const { life } = await markOf(`revoked:${jti}`);
  expect(life).toBeLessThanOrEqual(100_000);
  expect(life).toBeGreaterThan(90_000);
});

test("Redis says of a revoked or deleted key that it is, for a day or until it would have expired, and of no other change", async () => {
  const { clock, a } = await givenEdges(10);
  const day = 24 * 3_600_000;
  const [revoked, deleted, changed] = [await givenKey(a), await givenKey(a), await givenKey(a)];
  const short = await givenKey(a, { expiresAt: new Date(clock.now() + 60_000) });
  for (const { id } of [revoked, short]) await revokeAt(a, id);
  await a.rooms.apiKeys.remove(deleted.id, operatorAt(a));
  await a.rooms.apiKeys.update(changed.id, { enabled: false }, operatorAt(a));
  for (const [{ id }, longest] of [
    [revoked, day],
    [deleted, day],
    [short, 60_000],
  ] as const) {
    const { life } = await markOf(`revoked:key:${id}`);
    expect(life).toBeLessThanOrEqual(longest);
    expect(life).toBeGreaterThan(longest - 10_000);
  }
  expect(await markOf(`revoked:key:${changed.id}`)).toEqual({ value: null, life: -2 });
});

test("what was ended twice is marked with the later time, though the earlier is told last", async () => {
  const { clock, a } = await givenEdges(10);
  const subject = unique("usr");
  const first = await noteAt(a, "subject", [subject]);
  clock.advance(5000);
  const later = await noteAt(a, "subject", [subject]);
  await a.rooms.revocation.announceNow(later, a.background);
  await a.rooms.revocation.announceNow(first, a.background);
  expect((await markOf(`revoked:subject:${subject}`)).value).toBe(String(clock.now()));
});

test("many endings of one statement are all told or none is", async () => {
  const { a, b } = await givenWarmEdges();
  const subjects = Array.from({ length: 120 }, () => unique("ses"));
  const changes = await noteAt(a, "session", subjects);
  expect(new Set(changes.map(({ number }) => number)).size).toBe(120);
  await a.redisFault([{ kind: "status", status: 500, times: 1 }]);
  const before = await feedMembers();
  expect((await a.rooms.revocation.announceNow(changes, a.background)).announced).toBe(false);
  expect(await feedMembers()).toEqual(before);
  a.clock.advance(1001);
  expect((await a.rooms.revocation.announceNow(changes, a.background)).announced).toBe(true);
  await hearNews(b);
  for (const sessionId of subjects) expect(await isDeniedAt(b, givenFacts(a, { sessionId }))).toBe("session");
});

test("an ending that Redis was not told of answers when no copy can contradict it, and that is true if it is never told", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const [facts, brief] = [givenFacts(a), givenFacts(a)];
  await a.redisFault(refuse);
  const { effectiveEverywhereBy: by, announced } = await endAt(a, "session", subjectOf("session", facts));
  expect([by.getTime(), announced]).toEqual([clock.now() + lastCopyDies + bound, false]);
  // A token that dies sooner than every copy: its own end is the promise.
  const exp = new Date(clock.now() + 30_000);
  expect((await endAt(a, "jti", brief.jti, exp)).effectiveEverywhereBy).toEqual(
    new Date(exp.getTime() + 60_000),
  );
  expect(await isDeniedAt(a, facts)).toBe("session");
  let lastValid = 0;
  while (clock.now() <= by.getTime()) {
    if ((await isDeniedAt(b, facts)) === "valid") lastValid = clock.now();
    await b.settle();
    clock.advance(4000);
  }
  expect(lastValid).toBeGreaterThan(0);
  expect(await isDeniedAt(b, facts)).toBe("session");
});

test("the cron trigger tells Redis what it was not told, with the life that is left, and every edge knows within the bound", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  await a.redisFault(refuse);
  await endAt(a, "client", facts.clientId);
  clock.advance(60_000);
  await b.rooms.revocation.repair();
  expect(await outboxOf(a, facts.clientId)).toEqual([{ told: true }]);
  const { value, life } = await markOf(`revoked:client:${facts.clientId}`);
  expect(value).toBe(String(clock.now() - 60_000));
  expect(life).toBeLessThanOrEqual(longestLife - 60_000);
  expect(life).toBeGreaterThan(longestLife - 70_000);
  clock.advance(bound + 1);
  expect(await isDeniedAt(b, facts)).toBe("client");
});

test("an ending that is over is told without a mark, denies nothing any more and is forgotten by every edge", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  const changes = await noteAt(a, "session", [subjectOf("session", facts)]);
  await a.rooms.revocation.announceNow(changes, a.background);
  await hearNews(b);
  for (const edge of [a, b]) expect(await isDeniedAt(edge, facts)).toBe("session");
  const held = b.rooms.revocation.denylist.size();
  clock.advance(longestLife);
  for (const edge of [a, b]) expect(await isDeniedAt(edge, facts)).toBe("valid");
  await b.settle();
  await endAt(b, "jti", unique("tok"));
  expect(b.rooms.revocation.denylist.size()).toBeLessThanOrEqual(held);
  await tellRedis("DEL", `revoked:session:${facts.sessionId}`);
  expect((await a.rooms.revocation.announceNow(changes, a.background)).announced).toBe(true);
  expect((await markOf(`revoked:session:${facts.sessionId}`)).value).toBeNull();
});

test("a row that may still end a living token is not deleted, however long ago it was told", async () => {
  const past = createClock(Date.now() - 5 * 24 * 3_600_000);
  const { clock, a } = await givenEdges(10, 2, past);
  const [living, dead] = [unique("kid"), unique("kid")];
  const day = 24 * 3_600_000;
  await endAt(a, "signing-key", living, new Date(clock.now() + 2 * day));
  await endAt(a, "signing-key", dead);
  await a.settle();
  clock.advance(day + 1000);
  await a.rooms.revocation.repair();
  expect(await outboxOf(a, dead)).toEqual([]);
  expect(await outboxOf(a, living)).toEqual([{ told: true }]);
  clock.advance(day + 60_000);
  await a.rooms.revocation.repair();
  expect(await outboxOf(a, living)).toEqual([]);
});

test("a copy is read anew from Postgres before five minutes are over, so that what no feed ever told is heard of", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  await noteAt(a, "session", [subjectOf("session", facts)]);
  let lastValid = 0;
  const began = clock.now();
  for (let step = 0; step < 110; step += 1) {
    if ((await isDeniedAt(b, facts)) === "valid") lastValid = clock.now();
    await b.settle();
    clock.advance(3000);
  }
  expect(lastValid).toBeGreaterThan(began);
  expect(lastValid).toBeLessThanOrEqual(began + 300_000);
  expect((await b.calls()).postgres).toBeLessThanOrEqual(2);
});

test("more endings than an isolate may hold cost it its copy and no answer: Postgres is asked about each token", async () => {
  // Of the next century, where no other file ends anything.
  const { clock, a, b } = await givenEdges(10, 2, createClock(Date.UTC(2101, 0, 1)));
  const { database, redis } = b.rooms;
  const store = await createRevocationStore({ database, redis });
  const revocation = createRevocation({ store, boundSeconds: 10, endingsMax: 40, now: clock.now });
  const { denylist, mark } = revocation;
  const edge = { ...b, rooms: { ...b.rooms, revocation } };
  await revocation.refreshBehind();
  const subjects = Array.from({ length: 40 }, () => unique("ses"));
  const held = givenFacts(a, { sessionId: subjects[0] ?? "" });
  await noteAt(a, "session", subjects);
  expect(await denylist.load()).toBe(true);
  expect([denylist.size(), denylist.isFresh(mark())]).toEqual([40, true]);

  // One too many, heard of through the feed.
  const last = givenFacts(a);
  await endAt(a, "jti", last.jti);
  await revocation.refreshBehind();
  expect(denylist.isFresh(mark())).toBe(false);
  expect(denylist.size()).toBeLessThanOrEqual(1);
  for (const [facts, answer] of [
    [held, "session"],
    [last, "jti"],
    [givenFacts(a), "valid"],
  ] as const) {
    expect(await isDeniedAt(edge, facts)).toBe(answer);
  }
  clock.advance(61_000);
  expect(await denylist.load(), "one too many in Postgres").toBe(false);
  expect(denylist.size()).toBe(0);
  await b.postgresFault(refuse);
  expect(await isDeniedAt(edge, givenFacts(a))).toBe("unknown");
  await b.postgresFault([]);

  clock.advance(longestLife);
  expect(await denylist.load(), "they are over").toBe(true);
  expect(await isDeniedAt(edge, held)).toBe("valid");
});

test("a copy that cannot be read anew opens nothing past five minutes, though the feed goes on", async () => {
  const { clock, b } = await givenWarmEdges();
  const facts = givenFacts(b);
  await b.postgresFault(refuse);
  const began = clock.now();
  let lastValid = 0;
  for (let step = 0; step < 110; step += 1) {
    if ((await isDeniedAt(b, facts)) === "valid") lastValid = clock.now();
    await b.settle();
    clock.advance(3000);
  }
  expect(lastValid).toBe(began + 300_000);
  expect(await isDeniedAt(b, facts)).toBe("unknown");
});
