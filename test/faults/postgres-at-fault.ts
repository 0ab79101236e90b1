import { describe, expect, test } from "vitest";
import { givenKey, givenRoute, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import {
  expectUnavailable,
  expectValid,
  type Fault,
  givenEdge,
  lateMilliseconds,
  postgresMilliseconds,
  redisMilliseconds,
  revokeElsewhere,
  within,
} from "./fault.ts";

const patience = 60_000;
/** Nothing of Postgres is needed: its fault must not be felt at all. */
const soon = (ask: () => Promise<Response>) => within(redisMilliseconds, ask);

/** What must hold when Postgres fails in one way. Redis is well, and tells what changed. */
export function describePostgresFault(fault: Fault): void {
  const { rule, postgresAnswers } = fault;
  const inTime = (ask: () => Promise<Response>) =>
    within(postgresAnswers ? lateMilliseconds : postgresMilliseconds, ask);

  describe.concurrent.each([0, 10])("Postgres at fault, bound %i s", (bound) => {
    test(
      "a warm key is served as if nothing were, for as long as Redis tells of changes",
      async () => {
        const edge = await givenEdge(bound);
        await edge.warmUp();
        await edge.isolate.postgresFault([rule]);
        for (let time = 0; time < 4; time += 1) {
          // Other tests change routes beside this one, and then the gateway asks for them until its deadline.
          expect((await inTime(edge.throughGateway)).status).toBe(200);
          await expectValid(await soon(edge.verified));
          edge.clock.advance(bound * 1000 + 1);
        }
      },
      patience,
    );

    test(
      "a warm key that was revoked is not served past the stated time, though nobody can read why",
      async () => {
        const edge = await givenEdge(bound);
        await edge.warmUp();
        await edge.isolate.postgresFault([rule]);
        const effective = await revokeElsewhere(edge);
        edge.clock.advance(Math.max(0, effective.getTime() - edge.clock.now()) + 1);
        const answer = await inTime(edge.throughGateway);
        if (postgresAnswers) await expectProblem(answer, 403, "Invalid API Key");
        else await expectUnavailable(answer);
        const told = await inTime(edge.verified);
        const code = postgresAnswers ? "revoked" : "unavailable";
        expect([told.status, await told.json()]).toMatchObject([200, { valid: false, code }]);
      },
      patience,
    );

    test(
      "a cold isolate decides nothing: 503 and when to come again, in time; and serves once Postgres is well",
      async () => {
        const edge = await givenEdge(bound);
        await edge.isolate.postgresFault([rule]);
        const [gateway, verify] = await Promise.all([inTime(edge.throughGateway), inTime(edge.verified)]);
        if (postgresAnswers) {
          expect(gateway.status).toBe(200);
          await expectValid(verify);
        } else {
          await expectUnavailable(gateway);
          await expectUnavailable(verify);
        }
        await edge.isolate.postgresFault([]);
        // As late as it was told to come again.
        edge.isolate.clock.advance(1001);
        expect((await soon(edge.throughGateway)).status).toBe(200);
        await expectValid(await soon(edge.verified));
      },
      patience,
    );

    test(
      "a key never seen here, asked for by a caller that is known, is not said to be unknown",
      async () => {
        const edge = await givenEdge(bound);
        await edge.warmUp();
        const cold = await givenKey(edge.healthy);
        await edge.isolate.postgresFault([rule]);
        const [gateway, verify] = await Promise.all([
          inTime(() => edge.throughGateway(cold.key)),
          inTime(() => edge.verified(cold.key)),
        ]);
        const told = await verify.json();
        if (postgresAnswers) {
          expect(gateway.status).toBe(200);
          expect(told).toMatchObject({ valid: true });
        } else {
          await expectUnavailable(gateway);
          expect(told).toMatchObject({ valid: false, code: "unavailable", retry_after_seconds: 1 });
        }
        await edge.isolate.postgresFault([]);
        await expectValid(await soon(() => edge.verified(cold.key)));
      },
      patience,
    );
  });

  describe.concurrent("Postgres at fault", () => {
    test(
      "what is refused without a look-up still is, at once and with no call",
      async () => {
        const edge = await givenEdge(10);
        await edge.isolate.postgresFault([rule]);
        const forged = `${edge.key.key.slice(0, -1)}-`;
        await expectProblem(await soon(() => edge.throughGateway(forged)), 403, "Invalid API Key");
        const calls = await edge.isolate.calls();
        // What is written of it to audit, behind the answer, is no look-up.
        expect([calls.redis, calls.summaries.flat()]).toEqual([0, calls.postgres === 0 ? [] : ["INSERT"]]);
      },
      patience,
    );

    test(
      "routes once loaded stay in force, and a route made meanwhile is found when Postgres is well",
      async () => {
        const edge = await givenEdge(10);
        await edge.warmUp();
        await edge.isolate.postgresFault([rule]);
        const made = await givenRoute(edge.healthy);
        edge.clock.advance(10_001);
        const headers = { "x-api-key": edge.key.key };
        const early = await inTime(() => edge.isolate.fetch(made.url, { headers }));
        if (postgresAnswers) expect(early.status).toBe(200);
        else await expectProblem(early, 404, "not_found");
        expect((await inTime(edge.throughGateway)).status).toBe(200);
        await edge.isolate.settle();
        await edge.isolate.postgresFault([]);
        edge.clock.advance(1001);
        expect((await soon(() => edge.isolate.fetch(made.url, { headers }))).status).toBe(200);
      },
      patience,
    );

    test(
      "the key set is published from the copy in hand; without one it is 503, as every read of the management API",
      async () => {
        const edge = await givenEdge(10);
        await edge.warmUp();
        const cold = await givenEdge(10);
        await edge.isolate.postgresFault([rule]);
        await cold.isolate.postgresFault([rule]);
        expect((await soon(() => edge.isolate.fetch("/.well-known/jwks.json"))).status).toBe(200);
        const answers = await Promise.all([
          inTime(() => cold.isolate.fetch("/.well-known/jwks.json")),
          ...["/keys", `/keys/${edge.key.id}`, "/routes", `/routes/${edge.route.id}`, "/audit"].map((path) =>
            inTime(() => edge.manage("GET", path)),
          ),
        ]);
        for (const answer of answers) {
          if (postgresAnswers) expect(answer.status).toBe(200);
          else await expectUnavailable(answer);
        }
      },
      patience,
    );

    test(
      "liveness is told, and readiness names Postgres alone",
      async () => {
        const { isolate } = await givenEdge(10);
        await isolate.postgresFault([rule]);
        expect((await soon(() => isolate.fetch("/health/live"))).status).toBe(200);
        const ready = await inTime(() => isolate.fetch("/health/ready"));
        const status = postgresAnswers ? "ok" : "unavailable";
        expect([ready.status, await ready.json()]).toMatchObject([
          postgresAnswers ? 200 : 503,
          { dependencies: { postgres: { status }, redis: { status: "ok" } } },
        ]);
      },
      patience,
    );
  });

  describeChanges(fault);
}

/** Changes whose answer was lost may have been made: nothing is half made, and asking again answers sensibly. */
function describeChanges({ rule, ran, postgresAnswers }: Fault): void {
  const isMade = ran || postgresAnswers;

  async function givenChange() {
    const edge = await givenEdge(10);
    await edge.warmUp();
    return {
      ...edge,
      /** The change under the fault; then the stores are well again. */
      async attempt(method: string, path: string, body?: unknown): Promise<Response> {
        await edge.isolate.postgresFault([{ ...rule, times: 1 }]);
        const milliseconds = postgresAnswers ? lateMilliseconds : postgresMilliseconds;
        const answer = await within(milliseconds, () => edge.manage(method, path, body));
        if (!postgresAnswers) await expectUnavailable(answer);
        await edge.isolate.settle();
        await edge.isolate.postgresFault([]);
        return answer;
      },
    };
  }

  describe.concurrent("Postgres at fault during a change", () => {
    test(
      "a key is made whole or not at all, and making another works",
      async () => {
        const { attempt, manage, isolate } = await givenChange();
        const owner = { type: "user", id: unique("owner") } as const;
        await attempt("POST", "/keys", { name: "lost", owner });
        const kept = await isolate.rooms.apiKeys.list({ owner, limit: 5 });
        expect(kept).toHaveLength(isMade ? 1 : 0);
        for (const record of kept)
          expect(record).toMatchObject({ enabled: true, replaces: null, revokedAt: null });
        expect((await manage("POST", "/keys", { name: "second", owner })).status).toBe(201);
        expect(await isolate.rooms.apiKeys.list({ owner, limit: 5 })).toHaveLength(isMade ? 2 : 1);
      },
      patience,
    );

    test(
      "a rotation gives a successor and an end to the old key, both or neither; asked again it is done or 409",
      async () => {
        const { attempt, manage, isolate, key } = await givenChange();
        const { owner } = key.record;
        // The first read of the key must pass; what is hit is the statement that changes it.
        await isolate.postgresFault([{ ...rule, times: 1, match: "replaced_by is null" }]);
        const answer = await within(lateMilliseconds, () =>
          manage("POST", `/keys/${key.id}/rotate`, { overlap_seconds: 3600 }),
        );
        if (postgresAnswers) expect(answer.status).toBe(201);
        else await expectUnavailable(answer);
        await isolate.postgresFault([]);
        const old = await isolate.rooms.apiKeys.get(key.id);
        const kept = await isolate.rooms.apiKeys.list({ owner, limit: 5 });
        const successor = kept.find(({ id }) => id !== key.id);
        expect(kept).toHaveLength(isMade ? 2 : 1);
        expect(old.replacedBy).toBe(successor?.id ?? null);
        expect(successor?.replaces ?? key.id).toBe(key.id);
        expect(old.expiresAt !== null).toBe(isMade);

        const again = await manage("POST", `/keys/${key.id}/rotate`, { overlap_seconds: 3600 });
        if (isMade) {
          await expectProblem(again, 409, "conflict");
          // The way on that the refusal names.
          expect((await manage("POST", `/keys/${successor?.id}/rotate`, {})).status).toBe(201);
        } else expect(again.status).toBe(201);
        // What runs behind the answers must not be what the fault hits.
        await isolate.settle();
        expect((await attempt("PATCH", `/keys/${key.id}`, { name: "still there" })).status).toBe(
          postgresAnswers ? 200 : 503,
        );
      },
      patience,
    );

    test(
      "a revocation is true or is not; asked again it is true with the first time, and the key is refused",
      async () => {
        const { attempt, manage, isolate, key, clock, throughGateway } = await givenChange();
        const first = new Date(clock.now());
        await attempt("POST", `/keys/${key.id}/revoke`);
        expect((await isolate.rooms.apiKeys.get(key.id)).revokedAt).toEqual(isMade ? first : null);
        clock.advance(1000);
        const again = await manage("POST", `/keys/${key.id}/revoke`);
        const revokedAt = isMade ? first : new Date(clock.now());
        expect([again.status, await again.json()]).toEqual([
          200,
          {
            revoked_at: revokedAt.toISOString(),
            effective_everywhere_by: new Date(clock.now() + 10_000).toISOString(),
          },
        ]);
        clock.advance(10_001);
        await expectProblem(await throughGateway(), 403, "Invalid API Key");
      },
      patience,
    );

    test(
      "a change that was made though its answer was lost reaches the edges by the outbox",
      async () => {
        const { attempt, isolate, healthy, key, clock, throughGateway } = await givenChange();
        await attempt("PATCH", `/keys/${key.id}`, { enabled: false });
        clock.advance(3000);
        await healthy.rooms.revocation.repair();
        clock.advance(10_001);
        const answer = await throughGateway();
        if (isMade) await expectProblem(answer, 403, "Invalid API Key");
        else expect(answer.status).toBe(200);
        expect((await isolate.rooms.apiKeys.get(key.id)).enabled).toBe(!isMade);
      },
      patience,
    );

    test(
      "a route is made whole or not at all, and its name is free or 409",
      async () => {
        const { attempt, manage } = await givenChange();
        const name = unique("lost");
        const draft = {
          name,
          match: { path: `/${name}` },
          upstream: { url: "https://u.example" },
          credentials: ["api-key"],
        };
        await attempt("POST", "/routes", draft);
        const again = await manage("POST", "/routes", draft);
        if (isMade) await expectProblem(again, 409, "conflict");
        else expect(again.status).toBe(201);
        const { data } = (await (await manage("GET", "/routes")).json()) as { data: { name: string }[] };
        expect(data.filter((route) => route.name === name)).toHaveLength(1);
      },
      patience,
    );
  });
}
