import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { expectUnavailable, expectValid, type Fault, givenEdge, lateMilliseconds, within } from "./fault.ts";

const inTime = (ask: () => Promise<Response>) => within(lateMilliseconds, ask);

/** What must hold when both stores fail in one way: what is known is used within the bound, and nothing is guessed. */
export function describeBothFaults({ rule, postgresAnswers }: Fault): void {
  describe.concurrent("both stores at fault", () => {
    // Events that no store takes go to the platform's log; test/audit/waiting proves which.
    beforeAll(() => void vi.spyOn(console, "error").mockImplementation(() => undefined));
    afterAll(() => void vi.restoreAllMocks());

    test("a warm key is served within the bound and not a millisecond past it, and served again when they are well", async () => {
      const edge = await givenEdge(10);
      await edge.warmUp();
      await edge.isolate.postgresFault([rule]);
      await edge.isolate.redisFault([rule]);
      edge.clock.advance(10_000);
      expect((await inTime(edge.throughGateway)).status).toBe(200);
      edge.clock.advance(1);
      const late = await inTime(edge.throughGateway);
      if (postgresAnswers) expect(late.status).toBe(200);
      else {
        await expectUnavailable(late);
        await expectUnavailable(await inTime(edge.verified));
      }
      await edge.isolate.settle();
      await edge.isolate.postgresFault([]);
      await edge.isolate.redisFault([]);
      edge.clock.advance(1001);
      expect((await inTime(edge.throughGateway)).status).toBe(200);
      await expectValid(await inTime(edge.verified));
    }, 60_000);

    test("with bound 0 nothing is served that cannot be asked for", async () => {
      const edge = await givenEdge(0);
      await edge.warmUp();
      await edge.isolate.postgresFault([rule]);
      await edge.isolate.redisFault([rule]);
      const answer = await inTime(edge.throughGateway);
      if (postgresAnswers) expect(answer.status).toBe(200);
      else await expectUnavailable(answer);
    }, 60_000);

    test("readiness names both, liveness names none", async () => {
      const { isolate } = await givenEdge(10);
      await isolate.postgresFault([rule]);
      await isolate.redisFault([rule]);
      const ready = await inTime(() => isolate.fetch("/health/ready"));
      const postgres = { status: postgresAnswers ? "ok" : "unavailable" };
      expect([ready.status, await ready.json()]).toMatchObject([
        503,
        { dependencies: { redis: { status: "unavailable" }, postgres } },
      ]);
      expect((await inTime(() => isolate.fetch("/health/live"))).status).toBe(200);
    }, 60_000);
  });
}
