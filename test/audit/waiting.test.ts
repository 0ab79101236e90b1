import { afterEach, expect, test, vi } from "vitest";
import type { SecurityEvent, StoredEvent } from "../../src/audit/events.ts";
import { createAuditStore } from "../../src/audit/store.ts";
import { ask } from "../../src/storage/redis.ts";
import { type FaultRule, givenIsolate, type Isolate, unique } from "../support/given.ts";

const toEvents = "audit_events";

function change(isolate: Isolate, requestId: string): void {
  const event: SecurityEvent = {
    type: "key.updated",
    outcome: "done",
    reason: null,
    actor: { type: "operator", id: "test" },
    subject: { type: "key", id: `key_${requestId}` },
    origin: { requestId, address: "192.0.2.9", country: "CH" },
  };
  isolate.rooms.audit.record(event, isolate.background);
}

const rowsOf = (isolate: Isolate, requestId: string): Promise<StoredEvent[]> =>
  isolate.rooms.audit.list({ requestId, limit: 2000 });

/** Other files leave events in Redis too: a batch of them may stand before ours. */
async function retryAll({ rooms }: Isolate): Promise<void> {
  while ((await rooms.audit.retry()) > 0);
}

/** An event that waits in Redis, because Postgres would not take it. */
async function givenWaitingEvent(fault: FaultRule = { kind: "refuse" }) {
  const isolate = await givenIsolate();
  const requestId = unique("waiting");
  await isolate.postgresFault([{ ...fault, match: toEvents }]);
  change(isolate, requestId);
  await isolate.settle();
  await isolate.postgresFault([]);
  return { isolate, requestId };
}

afterEach(() => vi.restoreAllMocks());

const written = (requestId: string, isolate: Isolate) => ({
  id: expect.stringMatching(/^evt_/),
  at: new Date(isolate.clock.now()),
  type: "key.updated",
  outcome: "done",
  reason: null,
  actor: { type: "operator", id: "test" },
  subject: { type: "key", id: `key_${requestId}` },
  origin: { requestId, address: "192.0.2.9", country: "CH" },
  count: 1,
});

const never: FaultRule[] = [
  { kind: "refuse" },
  { kind: "status", status: 500 },
  { kind: "status", status: 429 },
];

test.each(never)(
  "an event that Postgres would not take ($kind $status) waits in Redis and is delivered whole, once",
  async (fault) => {
    const { isolate, requestId } = await givenWaitingEvent(fault);
    expect(await rowsOf(isolate, requestId)).toEqual([]);

    await retryAll(isolate);
    expect(await rowsOf(isolate, requestId)).toEqual([written(requestId, isolate)]);

    await retryAll(isolate);
    expect(await rowsOf(isolate, requestId)).toHaveLength(1);
  },
);

const ran: FaultRule[] = [{ kind: "drop-after" }, { kind: "garble" }, { kind: "partial" }];

test.each(ran)(
  "an event that Postgres took though its answer was lost ($kind) stays one event",
  async (fault) => {
    const { isolate, requestId } = await givenWaitingEvent(fault);
    await retryAll(isolate);
    expect(await rowsOf(isolate, requestId)).toEqual([written(requestId, isolate)]);
  },
);

test("two isolates that deliver at once deliver one event, and leave nothing behind", async () => {
  const { isolate, requestId } = await givenWaitingEvent();
  const others = await Promise.all([givenIsolate(), givenIsolate(), givenIsolate()]);
  await Promise.all([isolate, ...others].map(retryAll));
  expect(await rowsOf(isolate, requestId)).toHaveLength(1);
  const left = (await ask(isolate.rooms.redis, {
    verb: "head",
    key: "audit:waiting",
    count: 1000,
  })) as string[];
  expect(left.filter((text) => text.includes(requestId))).toEqual([]);
});

test("a delivery that fails half way loses nothing: not at Postgres, not when forgetting", async () => {
  const { isolate, requestId } = await givenWaitingEvent();
  await isolate.postgresFault([{ kind: "refuse", match: toEvents }]);
  await expect(isolate.rooms.audit.retry()).rejects.toMatchObject({ code: "unavailable" });
  await isolate.postgresFault([]);
  expect(await rowsOf(isolate, requestId)).toEqual([]);

  await isolate.redisFault([{ kind: "status", status: 500, match: "lrem" }]);
  await expect(isolate.rooms.audit.retry()).rejects.toThrow();
  await isolate.redisFault([]);
  isolate.clock.advance(1001);
  await retryAll(isolate);
  expect(await rowsOf(isolate, requestId)).toHaveLength(1);
});

test("what waits in Redis and is no event of ours is thrown away, and keeps no event waiting", async () => {
  const { isolate, requestId } = await givenWaitingEvent();
  const junk = [
    `{"junk":"${requestId}"}`,
    `junk ${requestId}`,
    `{"id":"evt_1","at":"${requestId}"}`,
    `["${requestId}"]`,
  ];
  for (const text of junk)
    await ask(isolate.rooms.redis, { verb: "push", key: "audit:waiting", values: [text] });
  await retryAll(isolate);
  expect(await rowsOf(isolate, requestId)).toHaveLength(1);
  for (const text of junk)
    await ask(isolate.rooms.redis, { verb: "push", key: "audit:waiting", values: [text] });
  await retryAll(isolate);
  const left = (await ask(isolate.rooms.redis, {
    verb: "head",
    key: "audit:waiting",
    count: 1000,
  })) as string[];
  expect(left.filter((text) => text.includes(requestId))).toEqual([]);
});

test("with Postgres and Redis both away the event goes to the platform's log, whole, and the caller never notices", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const isolate = await givenIsolate();
  const requestId = unique("lost");
  await isolate.postgresFault([{ kind: "refuse" }]);
  await isolate.redisFault([{ kind: "refuse" }]);
  change(isolate, requestId);
  await isolate.settle();
  const lines = log.mock.calls.map(
    ([line]) => JSON.parse(String(line)) as { message: string; event: unknown },
  );
  const expected = { ...written(requestId, isolate), at: new Date(isolate.clock.now()).toISOString() };
  expect(lines).toEqual([{ message: "audit event not stored", event: expected }]);
});

test("the platform's log is the last resort only: nothing goes there while one of the stores takes it", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { isolate, requestId } = await givenWaitingEvent();
  await isolate.redisFault([{ kind: "refuse" }]);
  change(isolate, unique("other"));
  await isolate.settle();
  expect(log).not.toHaveBeenCalled();
  await isolate.redisFault([]);
  isolate.clock.advance(1001);
  await retryAll(isolate);
  expect(await rowsOf(isolate, requestId)).toHaveLength(1);
});

test("one run of the cron delivers what a long outage left: more than one batch", async () => {
  const { isolate, requestId } = await givenWaitingEvent();
  const store = await createAuditStore(isolate.rooms);
  const event = { ...written(requestId, isolate), at: new Date(isolate.clock.now()) };
  const many = Array.from({ length: 1200 }, (_, at) => ({ ...event, id: `evt_${requestId}_${at}` }));
  await store.keepWaiting(many as Parameters<typeof store.keepWaiting>[0]);
  await isolate.rooms.audit.retry();
  expect(await rowsOf(isolate, requestId)).toHaveLength(1201);
});

test("Redis takes no more waiting events than it has room for: all of a batch, or none of it", async () => {
  const isolate = await givenIsolate();
  const events = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => ({
      ...written(unique("full"), isolate),
      id: unique(`evt_${name}_${at}`),
      at: new Date(isolate.clock.now()),
    })) as unknown as StoredEvent[];
  const held = async () =>
    (await ask(isolate.rooms.redis, { verb: "head", key: "audit:waiting", count: 10_000 })) as string[];
  const roomy = await createAuditStore(isolate.rooms);
  await roomy.keepWaiting(events(3, "first"));
  const full = await createAuditStore({ ...isolate.rooms, waitingMax: (await held()).length + 1 });
  await expect(full.keepWaiting(events(500, "many"))).rejects.toThrow("audit_waiting_full");
  expect((await held()).filter((text) => text.includes("evt_many"))).toEqual([]);
  await retryAll(isolate);
});
