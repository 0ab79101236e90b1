import { expect, test } from "vitest";
import { verdictOn } from "../api-keys/management.ts";
import { givenKey, givenRoute } from "../support/given.ts";
import { givenEdges, operatorAt, revokeAt } from "./edges.ts";

const refuse = [{ kind: "refuse" }] as const;

test("bound 0: a request that comes after a revocation was answered is refused at every edge, in the same millisecond too", async () => {
  const { a, b, c, settle } = await givenEdges(0);
  const { key, id } = await givenKey(a);
  for (const edge of [a, b, c, b, c]) {
    expect((await verdictOn(edge, key)).valid).toBe(true);
    await settle();
  }
  // The clock stands still: what an edge asked a moment ago for another request proves nothing for this one.
  const { reach } = await revokeAt(a, id);
  expect(reach).toEqual({ effectiveEverywhereBy: new Date(a.clock.now()), announced: true });
  for (const edge of [a, b, c])
    expect(await verdictOn(edge, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("bound 0: an edge that has just read the record itself asks again for the next request", async () => {
  const { a, b } = await givenEdges(0);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await revokeAt(a, id);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("bound 0 at the gateway: the next request after a revocation, a disabling or a narrowing is judged by it", async () => {
  const { clock, a, b, settle } = await givenEdges(0, 2);
  const route = await givenRoute(a, { scopes: ["read"] });
  const status = async (key: string) => (await b.fetch(route.url, { headers: { "x-api-key": key } })).status;
  const operator = operatorAt(a);
  const { apiKeys } = a.rooms;
  for (const change of [
    (id: string) => revokeAt(a, id),
    (id: string) => apiKeys.remove(id, operator),
    (id: string) => apiKeys.update(id, { enabled: false }, operator),
    (id: string) => apiKeys.update(id, { scopes: [] }, operator),
    (id: string) => apiKeys.update(id, { allowedAddresses: ["192.0.2.1/32"] }, operator),
    (id: string) => apiKeys.rotate(id, { overlapSeconds: 0 }, operator),
  ]) {
    const { key, id } = await givenKey(a, { scopes: ["read"] });
    expect(await status(key)).toBe(200);
    await settle();
    await change(id);
    clock.advance(1);
    expect(await status(key), change.toString()).toBe(403);
  }
});

test("bound 0: a key that is enabled again opens with the next request", async () => {
  const { a, b, settle } = await givenEdges(0);
  const { key, id } = await givenKey(a);
  for (let turn = 0; turn < 3; turn += 1) {
    await a.rooms.apiKeys.update(id, { enabled: false }, operatorAt(a));
    expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "disabled" });
    await settle();
    await a.rooms.apiKeys.update(id, { enabled: true }, operatorAt(a));
    expect(await verdictOn(b, key)).toMatchObject({ valid: true });
    await settle();
  }
});

test("bound 0 without Redis: Postgres answers each request, and a revocation is still felt by the next one", async () => {
  const { clock, a, b, settle } = await givenEdges(0);
  const { key, id } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await b.redisFault(refuse);
  await b.forgetCalls();
  for (let use = 1; use <= 3; use += 1) {
    clock.advance(1);
    expect((await verdictOn(b, key)).valid).toBe(true);
    expect((await b.calls()).postgres).toBe(use);
  }
  clock.advance(1);
  await revokeAt(a, id);
  expect(await verdictOn(b, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("bound 0 without either store: nothing is decided from memory, and it is decided again when one is back", async () => {
  const { clock, a, b, settle } = await givenEdges(0);
  const { key } = await givenKey(a);
  expect((await verdictOn(b, key)).valid).toBe(true);
  await settle();
  await b.redisFault(refuse);
  await b.postgresFault(refuse);
  clock.advance(1);
  expect(await verdictOn(b, key)).toMatchObject({
    valid: false,
    code: "unavailable",
    retry_after_seconds: 1,
  });
  await b.redisFault([]);
  clock.advance(1000);
  expect((await verdictOn(b, key)).valid).toBe(true);
});

test("bound 0: many requests at once each see what was true when they came", async () => {
  const { a, b, settle } = await givenEdges(0);
  const { key, id } = await givenKey(a);
  await verdictOn(b, key);
  await settle();
  const before = await Promise.all(Array.from({ length: 20 }, () => verdictOn(b, key)));
  expect(before.every(({ valid }) => valid)).toBe(true);
  await revokeAt(a, id);
  const after = await Promise.all(Array.from({ length: 20 }, () => verdictOn(b, key)));
  expect(after.map(({ code }) => code)).toEqual(after.map(() => "revoked"));
});
