import { expect, test } from "vitest";
import { feedKeys } from "../../src/revocation/feed-scripts.ts";
import { verdictOn } from "../api-keys/management.ts";
import { givenKey } from "../support/given.ts";
import { feedMembers, forgetFeed, givenEdges, hearNews, operatorAt, revokeAt, tellRedis } from "./edges.ts";

const [changes = "", counter = ""] = feedKeys;

test("an edge hears of a change that another edge announced, and of nothing twice", async () => {
  const { clock, a, b } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  const { reach } = await revokeAt(a, id);
  expect(reach).toEqual({ effectiveEverywhereBy: new Date(clock.now() + 10_000), announced: true });
  await hearNews(b);
  await b.forgetCalls();
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
  // The copy was dropped once and read anew once.
  // Beside the refusals, which are written behind their answers.
  const { summaries, redis } = await b.calls();
  expect([summaries.filter((summary) => !/^insert\b/i.test(summary)).length, redis]).toEqual([1, 0]);
});

test("a feed that was lost is noticed by its witness: every copy is dropped and the truth is read anew", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const [revoked, honest] = [await givenKey(a), await givenKey(a)];
  for (const { key } of [revoked, honest]) expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  const { reach } = await revokeAt(a, revoked.id);
  await forgetFeed();
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  expect(await verdictOn(b, revoked.key)).toMatchObject({ valid: false, code: "revoked" });
  expect(await verdictOn(b, honest.key)).toMatchObject({ valid: true });
});

test("a feed that was lost and grew again is not taken for the old one, even where its members look alike", async () => {
  const { clock, a, b, c, settle } = await givenEdges(10);
  await forgetFeed();
  const [first, again, revoked] = [await givenKey(a), await givenKey(a), await givenKey(a)];
  const touch = (id: string) => a.rooms.apiKeys.update(id, { name: "touched" }, operatorAt(a));
  await hearNews(a);
  await touch(first.id);
  await touch(again.id);
  for (const { key } of [first, again, revoked]) {
    for (const edge of [b, c]) expect((await verdictOn(edge, key)).valid).toBe(true);
  }
  await settle();
  const before = await feedMembers();

  await forgetFeed();
  await hearNews(a);
  const { reach } = await revokeAt(a, revoked.id);
  await touch(again.id);
  // The same number and the same subject stand at the end of both feeds, with another change before it.
  const after = await feedMembers();
  expect(after).toHaveLength(before.length);
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  for (const edge of [b, c])
    expect(await verdictOn(edge, revoked.key)).toMatchObject({ valid: false, code: "revoked" });
});

test("an edge that knew changes which a failover lost starts anew, also when their numbers were given out again", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const [lost, revoked] = [await givenKey(a), await givenKey(a)];
  for (const { key } of [lost, revoked]) expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  const touched = () => a.rooms.apiKeys.update(lost.id, { name: "touched" }, operatorAt(a));
  await touched();
  await touched();
  await hearNews(b);
  // The new leader never had the last two writes.
  await tellRedis("ZREMRANGEBYRANK", changes, -2, -1);
  await tellRedis("DECRBY", counter, 2);
  const { reach } = await revokeAt(a, revoked.id);
  await touched();
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  expect(await verdictOn(b, revoked.key)).toMatchObject({ valid: false, code: "revoked" });
});

test("an edge that missed more changes than the feed keeps starts anew instead of missing them", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  const { reach } = await revokeAt(a, id);
  const flood = Array.from({ length: 5001 }, (_, index) => ({
    kind: "key" as const,
    subjectId: `key_flood${index}`,
    number: 0,
  }));
  await a.rooms.revocation.announceNow(flood, a.background);
  await settle();
  expect((await feedMembers()).length).toBeLessThanOrEqual(5000);
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("an edge that was not there when a key changed needs no history: it reads the truth", async () => {
  const { a, b } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  await revokeAt(a, id);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("an answer of Redis that is no feed at all teaches nothing and loses nothing", async () => {
  const { clock, a, b, settle } = await givenEdges(10);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await revokeAt(a, id);
  const readBefore = b.rooms.revocation.feed.readBeganAt();
  clock.advance(1000);
  for (const body of [
    "[]",
    '[{"result":[]}]',
    '[{"result":["reset"]}]',
    '[{"result":["9:key:x"]}]',
    '[{"result":7}]',
  ]) {
    await b.redisFault([{ kind: "status", status: 200, body, times: 1 }]);
    await hearNews(b);
    expect(b.rooms.revocation.feed.readBeganAt(), body).toBe(readBefore);
    clock.advance(1000);
  }
  await b.redisFault([]);
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});
