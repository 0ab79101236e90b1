import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env, withEnv } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { afterEach, expect, inject, test, vi } from "vitest";
import worker from "../../src/index.ts";
import { changeOutbox } from "../../src/revocation/tables.ts";
import { createClock } from "../support/clock.ts";
import { type FaultRule, givenIsolate, givenKey, unique } from "../support/given.ts";

const environment = env as unknown as Readonly<Record<string, unknown>>;

const patience = { timeout: 10_000, interval: 200 };

afterEach(() => vi.restoreAllMocks());

async function runCron(): Promise<void> {
  const scope = createExecutionContext();
  await worker.scheduled(createScheduledController(), environment, scope);
  await waitOnExecutionContext(scope);
}

/** The deployed Worker calls the stores in the lane of those that name none. */
async function redisFaultOfWorker(rules: readonly FaultRule[]): Promise<void> {
  const url = `http://127.0.0.1:${inject("stores").upstashPort}/_faults/default`;
  expect((await fetch(url, { method: "PUT", body: JSON.stringify(rules) })).ok).toBe(true);
}

/** An event that waits in Redis, and a revocation that no edge was told of, both a while old. */
async function givenUnfinishedWork() {
  const isolate = await givenIsolate({ clock: createClock(Date.now() - 10_000) });
  const { id } = await givenKey(isolate);
  const requestId = unique("unfinished");
  await isolate.postgresFault([{ kind: "refuse", match: "audit_events" }]);
  await isolate.redisFault([{ kind: "refuse", match: "changes" }]);
  const origin = { requestId, address: "192.0.2.1", country: null };
  const actor = { type: "operator", id: "given" } as const;
  const { reach } = await isolate.rooms.apiKeys.revoke(id, { actor, origin, background: isolate.background });
  // Redis rests for a second after its fault; the event that waits must reach it.
  isolate.clock.advance(1001);
  await isolate.settle();
  await isolate.postgresFault([]);
  expect(reach.announced).toBe(false);
  return {
    events: () => isolate.rooms.audit.list({ requestId, limit: 5 }),
    announced: async () => {
      const rows = await isolate.rooms.database
        .select()
        .from(changeOutbox)
        .where(eq(changeOutbox.subjectId, id));
      return rows.map(({ announcedAt }) => announcedAt !== null);
    },
  };
}

test("the Worker answers requests with the bindings it was given", async () => {
  const scope = createExecutionContext();
  const answer = await worker.fetch(
    new Request("https://auth.gatehouse.test/health/live"),
    environment,
    scope,
  );
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: "ok" });
  expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  await waitOnExecutionContext(scope);
});

test("each minute delivers the events that waited, tells the edges what they were not told, and keeps a signing key", async () => {
  const work = await givenUnfinishedWork();
  expect(await work.events()).toEqual([]);
  expect(await work.announced()).toEqual([false]);

  await expect
    .poll(async () => {
      await runCron();
      return [(await work.events()).length, await work.announced()];
    }, patience)
    .toEqual([1, [true]]);

  const set = await (await givenIsolate()).rooms.signingKeys.keySet();
  expect((JSON.parse(set.body) as { keys: unknown[] }).keys.length).toBeGreaterThan(0);
});

test("a job that fails is told in a fixed sentence and keeps no other from being done", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const work = await givenUnfinishedWork();
  await redisFaultOfWorker([{ kind: "status", status: 500, match: "audit:waiting" }]);
  try {
    await runCron();
  } finally {
    await redisFaultOfWorker([]);
  }
  expect(await work.events()).toEqual([]);
  const said = log.mock.calls.map(([line]) => line);
  expect(said).toContain(JSON.stringify({ message: "scheduled work failed; it runs again in a minute" }));
  expect(said.every((line) => !String(line).includes("audit:waiting"))).toBe(true);
  // The deployed Worker's clock is the real one: Redis rests for a second after its fault.
  await expect
    .poll(async () => {
      await runCron();
      return [(await work.events()).length, await work.announced()];
    }, patience)
    .toEqual([1, [true]]);
});

test("a missing variable refuses the deployment at start-up, before any request", async () => {
  const { DATABASE_URL: _, ...rest } = environment;
  // Evaluated once more, beside the one that serves.
  const deployed: string = "../../src/index.ts?deployed-again";
  await expect(withEnv(rest, () => import(deployed))).rejects.toThrow(/^DATABASE_URL is missing/);
});
