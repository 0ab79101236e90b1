import { expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute } from "../support/given.ts";
import { givenManagement, managing, present, rowOf, verdictOn } from "./management.ts";

const lastUseWrite = "set last_used_at";
const minute = 60_000;

test("last use is written behind the answer: a write that hangs delays nobody", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  await present(isolate, route, (await givenKey(isolate)).key);
  await isolate.settle();
  await isolate.postgresFault([{ kind: "slow", ms: 700, match: lastUseWrite }]);

  const answer = await present(isolate, route, key);
  expect(answer.status).toBe(200);
  // The call has been answered while the write still waits.
  expect((await manage("GET", `/keys/${id}`)).body.last_used).toBeNull();
  await isolate.settle();
  expect((await manage("GET", `/keys/${id}`)).body.last_used).toEqual({
    at: new Date(isolate.clock.now()).toISOString(),
    address: isolate.address,
    country: null,
  });
});

test("uses within a minute cost one write, and the first use a minute later costs another", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  await verdictOn(isolate, key);
  await isolate.settle();
  const first = (await rowOf(isolate, id))["last_used_at"];
  await isolate.forgetCalls();
  for (let use = 0; use < 5; use += 1) {
    isolate.clock.advance(minute / 6);
    expect((await verdictOn(isolate, key)).valid).toBe(true);
  }
  await isolate.settle();
  expect((await isolate.calls()).postgres).toBe(0);
  expect((await rowOf(isolate, id))["last_used_at"]).toBe(first);

  await isolate.forgetCalls();
  isolate.clock.advance(minute / 6);
  expect((await verdictOn(isolate, key)).valid).toBe(true);
  await isolate.settle();
  expect((await isolate.calls()).postgres).toBe(1);
  expect(Date.parse(String((await rowOf(isolate, id))["last_used_at"]))).toBe(isolate.clock.now());
});

test("a write that fails is made good by the next use, not by the next minute's", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  await isolate.postgresFault([{ kind: "status", status: 500, times: 1, match: lastUseWrite }]);
  expect((await verdictOn(isolate, key)).valid).toBe(true);
  await isolate.settle();
  expect((await rowOf(isolate, id))["last_used_at"]).toBeNull();
  isolate.clock.advance(1000);
  expect((await verdictOn(isolate, key)).valid).toBe(true);
  await isolate.settle();
  expect(Date.parse(String((await rowOf(isolate, id))["last_used_at"]))).toBe(isolate.clock.now());
});

test("an edge that writes late never moves the time of last use backwards", async () => {
  const early = await givenIsolate();
  const late = await givenIsolate();
  const { key, id } = await givenKey(early);
  late.clock.advance(10 * minute);
  expect((await verdictOn(late, key)).valid).toBe(true);
  await late.settle();
  expect((await verdictOn(early, key)).valid).toBe(true);
  await early.settle();
  expect(Date.parse(String((await rowOf(early, id))["last_used_at"]))).toBe(late.clock.now());
});

test("a refused use is no use: a disabled key's last use stays what it was", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  await manage("PATCH", `/keys/${id}`, { enabled: false });
  expect((await present(isolate, route, key)).status).toBe(403);
  await isolate.settle();
  expect((await rowOf(isolate, id))["last_used_at"]).toBeNull();
});

test("after a rotation the operator sees whether the old key is still in use, when and from where", async () => {
  const { isolate, admin, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const rotated = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 3600 })).body;
  expect(rotated.replaced.still_in_use).toBeNull();

  isolate.clock.advance(minute);
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  await present(elsewhere, route, key, { "cf-connecting-ip": "198.51.100.9" });
  await elsewhere.settle();
  const seen = (await managing(isolate, admin)("GET", `/keys/${id}`)).body;
  expect(seen).toMatchObject({
    status: "replaced",
    replaced_by: rotated.id,
    last_used: { at: new Date(isolate.clock.now()).toISOString(), address: "198.51.100.9" },
  });
});
