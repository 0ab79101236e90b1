import { expect, test } from "vitest";
import { verdictOn } from "../api-keys/management.ts";
import { type FaultRule, givenKey, givenRoute, type Isolate } from "../support/given.ts";
import { givenEdges, hearNews, revokeAt } from "./edges.ts";

const bound = 10_000;
const refuse = [{ kind: "refuse" }] as const;

/** Three edges that hold the same key, read moments ago and watched by the feed. */
async function givenWarmKey(boundSeconds = bound / 1000) {
  const edges = await givenEdges(boundSeconds);
  const made = await givenKey(edges.a);
  for (const edge of edges.edges) expect((await verdictOn(edge, made.key)).valid).toBe(true);
  await edges.settle();
  for (const edge of edges.edges) {
    await hearNews(edge);
    await edge.forgetCalls();
  }
  return { ...edges, ...made };
}

const callsAt = async (edge: Isolate) => {
  const { postgres, redis } = await edge.calls();
  return { postgres, redis };
};

test("within half the bound a warm check calls nobody, neither before its answer nor behind it", async () => {
  const { clock, b, key } = await givenWarmKey();
  for (let use = 0; use < 5; use += 1) {
    expect((await verdictOn(b, key)).valid).toBe(true);
    await b.settle();
    clock.advance(bound / 10);
  }
  expect(await callsAt(b)).toEqual({ postgres: 0, redis: 0 });
});

test("past half the bound a check is still answered from memory, and the feed is read behind the answer, once", async () => {
  const { clock, b, key } = await givenWarmKey();
  clock.advance(bound / 2 + 1);
  await b.redisFault([{ kind: "slow", ms: 100 }]);
  const uses = Promise.all(Array.from({ length: 10 }, () => verdictOn(b, key)));
  const before = b.rooms.revocation.feed.readBeganAt();
  expect((await uses).every(({ valid }) => valid)).toBe(true);
  // Answered while the slow feed has not.
  expect(b.rooms.revocation.feed.readBeganAt()).toBe(before);
  await b.settle();
  expect(b.rooms.revocation.feed.readBeganAt()).toBeGreaterThanOrEqual(clock.now());
  expect(await callsAt(b)).toEqual({ postgres: 0, redis: 1 });
});

test("an edge that is used more often than half the bound never makes a request wait", async () => {
  const { clock, a, b, key, id } = await givenWarmKey();
  for (let step = 0; step < 30; step += 1) {
    clock.advance(bound / 4);
    await b.redisFault([{ kind: "slow", ms: 60 }]);
    const before = b.rooms.revocation.feed.readBeganAt();
    expect((await verdictOn(b, key)).valid).toBe(true);
    expect(b.rooms.revocation.feed.readBeganAt()).toBe(before);
    await b.settle();
  }
  const { reach } = await revokeAt(a, id);
  for (let step = 0; step < 3; step += 1) {
    clock.advance(bound / 4);
    await verdictOn(b, key);
    await b.settle();
  }
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
  expect(clock.now()).toBeLessThan(reach.effectiveEverywhereBy.getTime());
});

test("at the bound a copy still decides; one millisecond past it a request waits for one call", async () => {
  const { clock, b, key } = await givenWarmKey();
  clock.advance(bound);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  await b.forgetCalls();
  clock.advance(bound + 1);
  expect((await verdictOn(b, key)).valid).toBe(true);
  expect(await callsAt(b)).toEqual({ postgres: 0, redis: 1 });
});

test("one millisecond past the bound a revoked key is refused even where nothing was heard of it before", async () => {
  const { clock, a, b, c, key, id } = await givenWarmKey();
  const { reach } = await revokeAt(a, id);
  clock.advance(bound);
  expect(clock.now()).toBe(reach.effectiveEverywhereBy.getTime());
  clock.advance(1);
  for (const edge of [a, b, c]) expect(await verdictOn(edge, key)).toMatchObject({ code: "revoked" });
});

test("with Redis away past the bound Postgres is asked, once a bound, and nothing stale is served", async () => {
  for (const fault of [
    { kind: "refuse" },
    { kind: "status", status: 500 },
    { kind: "garble" },
    { kind: "partial" },
    { kind: "drop-after" },
    { kind: "hang" },
    { kind: "slow", ms: 600 },
  ] satisfies FaultRule[]) {
    const { clock, a, b, key, id } = await givenWarmKey();
    const label = JSON.stringify(fault);
    await b.redisFault([fault]);
    clock.advance(bound + 1);
    expect((await verdictOn(b, key)).valid, label).toBe(true);
    expect((await verdictOn(b, key)).valid, label).toBe(true);
    expect((await callsAt(b)).postgres, label).toBe(1);
    const { reach } = await revokeAt(a, id);
    clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
    expect(await verdictOn(b, key), label).toMatchObject({ valid: false, code: "revoked" });
    await b.redisFault([]);
    await b.settle();
  }
});

test("with both stores away a warm key opens until the bound and then nothing is decided: 503 and when to retry", async () => {
  const { clock, a, b, key } = await givenWarmKey();
  const route = await givenRoute(a);
  const use = () => b.fetch(route.url, { headers: { "x-api-key": key } });
  expect((await use()).status).toBe(200);
  await b.settle();
  const heard = Math.floor(b.rooms.revocation.feed.readBeganAt());
  await b.redisFault(refuse);
  await b.postgresFault(refuse);
  clock.advance(heard + bound - clock.now());
  expect((await use()).status).toBe(200);
  await b.settle();
  clock.advance(1);
  const refused = await use();
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ error: "unavailable" });
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "unavailable" });

  await b.settle();
  await b.postgresFault([]);
  expect((await use()).status).toBe(200);
});

test("a key that is not in memory cannot be decided without Postgres, whatever Redis says", async () => {
  const { a, b } = await givenWarmKey();
  const { key } = await givenKey(a);
  await b.postgresFault(refuse);
  expect(await verdictOn(b, key)).toMatchObject({
    valid: false,
    code: "unavailable",
    retry_after_seconds: 1,
  });
  await b.postgresFault([]);
  expect(await verdictOn(b, key)).toMatchObject({ valid: true });
});

test("a copy is read anew behind an answer before its life ends, and no copy outlives five minutes", async () => {
  const { clock, a, b, key } = await givenWarmKey();
  for (let step = 0; step < 80; step += 1) {
    clock.advance(3000);
    await verdictOn(b, key);
    await b.settle();
  }
  // Four minutes of use: nothing but the feed was asked, and last use was written each minute.
  const { summaries } = await b.calls();
  expect(summaries.flat()).not.toContain("SELECT");
  clock.advance(3000);
  await b.forgetCalls();
  await b.postgresFault([{ kind: "slow", ms: 60 }]);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await b.settle();
  expect((await b.calls()).summaries.flat()).toContain("SELECT");

  // An edge that is not used reads anew when it is used again, after any time.
  await a.forgetCalls();
  clock.advance(300_001);
  expect((await verdictOn(a, key)).valid).toBe(true);
  expect((await callsAt(a)).postgres).toBeGreaterThanOrEqual(1);
});

test("a revoked or deleted key costs nothing to refuse again: that can never become untrue", async () => {
  const { clock, b, id, key } = await givenWarmKey();
  await revokeAt(b, id);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
  await b.settle();
  await b.forgetCalls();
  await b.redisFault(refuse);
  await b.postgresFault(refuse);
  clock.advance(bound * 3);
  expect(await verdictOn(b, key)).toMatchObject({ code: "revoked" });
});
