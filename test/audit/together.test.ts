import { expect, test, vi } from "vitest";
import type { SecurityEvent } from "../../src/audit/events.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";

/** An isolate whose refusals wait until they are let go. */
async function givenPatientIsolate() {
  const waiting = Promise.withResolvers<void>();
  const isolate = await givenIsolate({ waitForRefusals: () => waiting.promise });
  const route = await givenRoute(isolate);
  const refuse = (headers: Record<string, string>) => isolate.fetch(route.url, { headers });
  const of = async (isolateAddress: string) =>
    (await isolate.rooms.audit.list({ subjectId: route.id, limit: 200 })).filter(
      ({ outcome, origin }) => outcome === "refused" && origin.address === isolateAddress,
    );
  return { isolate, route, refuse, of, letGo: () => waiting.resolve() };
}

test("equal refusals are one row that counts them, and one write, however many they were", async () => {
  const { isolate, refuse, of, letGo } = await givenPatientIsolate();
  await refuse({});
  await isolate.forgetCalls();
  for (let at = 0; at < 40; at += 1) expect((await refuse({})).status).toBe(401);
  expect((await isolate.calls()).postgres).toBe(0);

  letGo();
  await isolate.settle();

  expect((await isolate.calls()).postgres).toBe(1);
  expect(await of(isolate.address)).toMatchObject([{ reason: "missing_credential", count: 41 }]);
});

test("refusals that differ in reason, caller, address or subject are rows of their own, still in one write", async () => {
  const { isolate, refuse, of, letGo } = await givenPatientIsolate();
  const revoked = await givenKey(isolate, { expiresAt: new Date(1) });
  const other = await givenKey(isolate, { expiresAt: new Date(1) });
  await isolate.forgetCalls();
  for (let at = 0; at < 3; at += 1) {
    await refuse({});
    await refuse({ "x-api-key": "gk_live_0" });
    await refuse({ "x-api-key": revoked.key });
    await refuse({ "x-api-key": other.key });
    await refuse({ "x-api-key": other.key, "cf-connecting-ip": "192.0.2.77" });
  }
  const before = await isolate.calls();
  letGo();
  await isolate.settle();

  expect((await isolate.calls()).postgres - before.postgres).toBe(1);
  const counted = (await of(isolate.address)).map(({ reason, actor, count }) => [reason, actor.id, count]);
  expect(counted).toHaveLength(4);
  expect(counted).toEqual(
    expect.arrayContaining([
      ["missing_credential", "", 3],
      ["malformed", "", 3],
      ["expired", revoked.id, 3],
      ["expired", other.id, 3],
    ]),
  );
  expect(await of("192.0.2.77")).toMatchObject([{ reason: "expired", count: 3 }]);
});

test("a change is written at once, and takes the refusals that wait with it", async () => {
  const { isolate, route, refuse, of } = await givenPatientIsolate();
  const admin = await givenAdminKey(isolate);
  await refuse({});
  await isolate.forgetCalls();
  const answer = await isolate.fetch(
    "/admin/v1/keys",
    json({ name: "now", owner: { type: "user", id: unique("now") } }, withAdmin(admin)),
  );
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  await expect.poll(() => of(isolate.address)).toMatchObject([{ count: 1 }]);
  expect(await isolate.rooms.audit.list({ subjectId: id, limit: 5 })).toMatchObject([
    { type: "key.created" },
  ]);
  expect(route.id).toMatch(/^rte_/);
});

test("an operator who looks sees the refusals of this very second too", async () => {
  const { isolate, route, refuse } = await givenPatientIsolate();
  const admin = await givenAdminKey(isolate);
  await refuse({});
  await refuse({});
  const answer = await isolate.fetch(`/admin/v1/audit?subject_id=${route.id}&type=access.refused`, {
    headers: withAdmin(admin),
  });
  expect(await answer.json()).toMatchObject({ data: [{ reason: "missing_credential", count: 2 }] });
});

test("a flood from many addresses is written before it can fill the isolate's memory, each refusal counted once", async () => {
  const { isolate, letGo } = await givenPatientIsolate();
  const subject = { type: "route", id: unique("flooded") } as const;
  const refusal = (at: number): SecurityEvent => ({
    type: "access.refused",
    outcome: "refused",
    reason: "missing_credential",
    actor: { type: "stranger", id: "" },
    subject,
    origin: { requestId: "flood", address: `2001:db8:f::${at.toString(16)}`, country: null },
  });
  await isolate.forgetCalls();
  for (let at = 0; at < 4500; at += 1) isolate.rooms.audit.record(refusal(at), isolate.background);
  letGo();
  await isolate.settle();
  // Two floods of 2000 in two statements each, and what was left.
  expect((await isolate.calls()).postgres).toBe(5);
  const rows = await isolate.rooms.audit.list({ subjectId: subject.id, limit: 5000 });
  expect(rows).toHaveLength(4500);
  expect(new Set(rows.map(({ origin }) => origin.address)).size).toBe(4500);
});

test("refusals that lost their timer with the request that started it are written by the next one's", async () => {
  const waits: (() => void)[] = [];
  const isolate = await givenIsolate({
    waitForRefusals: () => new Promise<void>((resolve) => waits.push(resolve)),
  });
  const requestId = unique("lost-timer");
  const refuse = () => isolate.fetch("/v1/authenticate", { headers: { "x-request-id": requestId } });
  await refuse();
  await refuse();
  expect(waits).toHaveLength(1);
  // The first request is cut off: its timer never ends.
  isolate.clock.advance(2001);
  await refuse();
  expect(waits).toHaveLength(2);
  waits[1]?.();
  await vi.waitFor(async () => {
    const events = await isolate.rooms.audit.list({ requestId, limit: 5 });
    expect(events.map(({ count }) => count)).toEqual([3]);
  });
});
