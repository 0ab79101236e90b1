import { afterEach, beforeEach, expect, test } from "vitest";
import { verdictOn } from "../api-keys/management.ts";
import { givenKey, type Isolate } from "../support/given.ts";
import { forgetFeed, givenEdges, hearNews, operatorAt, revokeAt } from "./edges.ts";
import { createSlowNetwork, type SlowNetwork } from "./held-answers.ts";

const bound = 10_000;
let network: SlowNetwork;
beforeEach(() => {
  network = createSlowNetwork();
});
afterEach(() => network.restore());

/** Edges that have read the feed, and a key that none of them has read. */
async function givenUnreadKey() {
  const edges = await givenEdges(bound / 1000);
  for (const edge of edges.edges) await hearNews(edge);
  return { ...edges, ...(await givenKey(edges.a)) };
}

/** A use whose record comes from Postgres, where it was read before what happens meanwhile. */
async function useMeanwhile(edge: Isolate, key: string, meanwhile: () => Promise<unknown>) {
  const held = network.holdNext(edge, "postgres");
  const use = verdictOn(edge, key);
  await held.answered;
  await meanwhile();
  held.release();
  const verdict = await use;
  await edge.settle();
  return verdict;
}

test("a record read before a revocation, arriving after the edge heard of it, is not kept as if it were still watched", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  const verdict = await useMeanwhile(b, key, async () => {
    clock.advance(1000);
    await revokeAt(a, id);
    await hearNews(b);
  });
  // Its read began before the revocation: for as long as the bound it may count, and not a millisecond longer.
  expect(verdict.valid).toBe(true);
  const startedAt = clock.now() - 1000;
  await hearNews(b);
  clock.advance(startedAt + bound - clock.now() + 1);
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a record read before a revocation, arriving before the edge hears of it, is dropped when it does", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  const verdict = await useMeanwhile(b, key, () => revokeAt(a, id));
  expect(verdict.valid).toBe(true);
  clock.advance(1);
  await hearNews(b);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a record read before a revocation at the very edge that revokes it does not come back into its memory as valid", async () => {
  const { clock, a, key, id } = await givenUnreadKey();
  await useMeanwhile(a, key, () => revokeAt(a, id));
  clock.advance(1);
  await hearNews(a);
  expect(await verdictOn(a, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a record that arrives after the feed started anew is watched by no feed, and is read anew past the bound", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  await useMeanwhile(b, key, async () => {
    await revokeAt(a, id);
    await forgetFeed();
    await hearNews(b);
  });
  for (let step = 0; step < 2; step += 1) {
    clock.advance(bound / 2 + 1);
    await hearNews(b);
  }
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("of two reads the one that began first and arrives last neither decides nor stays", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  const slow = network.holdNext(b, "postgres");
  const first = verdictOn(b, key);
  await slow.answered;
  clock.advance(1);
  await revokeAt(a, id);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
  slow.release();
  expect(await first).toMatchObject({ valid: false, code: "revoked" });
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a look at the feed that began before a revocation and arrives last does not make the edge forget it", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  const slow = network.holdNext(b, "redis");
  const late = hearNews(b);
  await slow.answered;
  clock.advance(1);
  await revokeAt(a, id);
  await hearNews(b);
  slow.release();
  await late;
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
  clock.advance(bound + 1);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a look at the feed that began before a revocation is no evidence for the time after it", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  const slow = network.holdNext(b, "redis");
  const late = hearNews(b);
  await slow.answered;
  clock.advance(1);
  const { reach } = await revokeAt(a, id);
  clock.advance(100);
  slow.release();
  await late;
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("an answer of the feed from before it was lost, arriving after the edge started anew, changes nothing", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  const slow = network.holdNext(b, "redis");
  const late = hearNews(b);
  await slow.answered;
  clock.advance(1);
  await forgetFeed();
  await revokeAt(a, id);
  await hearNews(b);
  slow.release();
  await late;
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a request that waits for the feed while its key is revoked is judged by what is true past the bound", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  clock.advance(bound + 1);
  const slow = network.holdNext(b, "redis");
  const use = verdictOn(b, key);
  await slow.answered;
  const { reach } = await revokeAt(a, id);
  // The feed's answer is on its way while the whole bound passes: it proves too little when it arrives.
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  slow.release();
  expect(await use).toMatchObject({ valid: false, code: "revoked" });
});

test("a key that changes under every read of one request is refused for now, never accepted from a copy", async () => {
  const { clock, a, b, key, id } = await givenUnreadKey();
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  const operator = operatorAt(a);
  clock.advance(bound + 1);
  await a.rooms.apiKeys.update(id, { scopes: ["a"] }, operator);
  const holds = Array.from({ length: 2 }, () => network.holdNext(b, "postgres"));
  const use = verdictOn(b, key);
  for (const held of holds) {
    await held.answered;
    await a.rooms.apiKeys.update(id, { enabled: false }, operator);
    clock.advance(bound + 1);
    held.release();
  }
  expect(await use).toMatchObject({ valid: false, code: "unavailable", retry_after_seconds: 1 });
});
