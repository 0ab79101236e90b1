import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate, unique } from "../support/given.ts";
import { expectInvalidToken, givenTokenRoute, refusalsOf } from "../support/given-jws.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenAccessToken,
  givenFamily,
  givenRefreshTokens,
  operatorOf,
} from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

/** Who ends something, and an edge that only hears of it: two isolates of one clock. */
async function givenEdges(boundSeconds: number) {
  const clock = createClock();
  const environment = { REVOCATION_BOUND_SECONDS: String(boundSeconds) };
  const [authority, edge] = await Promise.all([
    givenIsolate({ clock, environment }),
    givenIsolate({ clock, environment }),
  ]);
  const route = await givenTokenRoute(edge);
  return { clock, authority, edge, route };
}

async function givenSession(isolate: Isolate, draft: Parameters<typeof givenFamily>[2] = {}) {
  const family = await givenFamily(isolate, isolate.rooms.refreshTokens, draft);
  const first = expectRotated(
    await isolate.rooms.refreshTokens.refresh(family.refreshToken, askedBy(isolate)),
  );
  return { ...family, ...first };
}

type Session = Awaited<ReturnType<typeof givenSession>>;
type Ending = (isolate: Isolate, session: Session) => Promise<{ effectiveEverywhereBy: Date } | null>;

const jtiOf = (accessToken: string) =>
  (JSON.parse(atob(accessToken.split(".")[1] ?? "")) as { jti: string }).jti;

const endings: [string, Ending][] = [
  [
    "revoked by its jti",
    (isolate, { accessToken }) =>
      isolate.rooms.refreshTokens.revokeToken(jtiOf(accessToken), null, operatorOf(isolate)),
  ],
  [
    "of a session that was ended",
    (isolate, { sessionId, accountId }) =>
      isolate.rooms.refreshTokens.endSession(sessionId, accountId, "signed_out", operatorOf(isolate)),
  ],
  [
    "of one of the other sessions",
    (isolate, { accountId }) =>
      isolate.rooms.refreshTokens.endOthers(accountId, unique("ses"), "by_person", operatorOf(isolate)),
  ],
  [
    "of an account whose sessions all were ended",
    (isolate, { accountId }) =>
      isolate.rooms.sessions.endAll(accountId, "signed_out_everywhere", operatorOf(isolate)),
  ],
  [
    "of a client that was revoked",
    (isolate, { row }) => isolate.rooms.refreshTokens.revokeClient(row.clientId, operatorOf(isolate)),
  ],
  [
    "of a family whose past was replayed",
    async (isolate, { refreshToken }) => {
      isolate.clock.advance(10_000);
      const ask = (text: string) =>
        isolate.rooms.refreshTokens.refresh(text, askedBy(isolate, "client-of-the-test"));
      const next = await ask(refreshToken);
      isolate.clock.advance(10_000);
      expect([next.ok, await ask(refreshToken)]).toEqual([true, { ok: false, reason: "replayed" }]);
      return null;
    },
  ],
];

describe.each([0, 10])("bound %i s", (boundSeconds) => {
  test.each(endings)("a token %s is refused at another edge within the bound", async (_, end) => {
    const { clock, authority, edge, route } = await givenEdges(boundSeconds);
    const own = { accountId: unique("usr"), sessionId: unique("ses"), clientId: unique("client") };
    const isReplay = _ === "of a family whose past was replayed";
    const clientId = isReplay ? "client-of-the-test" : own.clientId;
    const family = await givenFamily(authority, authority.rooms.refreshTokens, { ...own, clientId });
    const first = expectRotated(
      await authority.rooms.refreshTokens.refresh(family.refreshToken, askedBy(authority, clientId)),
    );
    const bystander = await givenAccessToken(authority);
    for (const text of [first.accessToken, bystander.accessToken]) {
      expect((await route.call(text)).status).toBe(200);
    }
    await edge.settle();
    clock.advance(1000);
    const reach = await end(authority, { ...family, ...first });
    await authority.settle();
    if (reach) {
      expect(reach.effectiveEverywhereBy.getTime()).toBeLessThanOrEqual(clock.now() + boundSeconds * 1000);
      clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now());
    } else clock.advance(boundSeconds * 1000);
    await expectInvalidToken(await route.call(first.accessToken));
    expect((await route.call(bystander.accessToken)).status).toBe(200);
    expect(await refusalsOf(edge, route)).toEqual(["revoked"]);
  });
});

describe("what else an ending does, and what not", () => {
  test("ending one session leaves the account's others, and its own tokens cannot rotate", async () => {
    const isolate = await givenIsolate();
    const { refreshTokens } = isolate.rooms;
    const accountId = unique("usr");
    const [mine, other] = [
      await givenSession(isolate, { accountId }),
      await givenSession(isolate, { accountId }),
    ];
    await refreshTokens.endSession(mine.sessionId, accountId, "signed_out", operatorOf(isolate));
    expect(await familyRow(isolate, mine.familyId)).toMatchObject({ revokedReason: "signed_out" });
    expect(await refreshTokens.refresh(mine.refreshToken, askedBy(isolate))).toEqual({
      ok: false,
      reason: "unknown",
    });
    expectRotated(await refreshTokens.refresh(other.refreshToken, askedBy(isolate)));
    await isolate.settle();
    const events = await isolate.rooms.audit.list({ subjectId: mine.sessionId, limit: 10 });
    expect(events).toMatchObject([{ type: "session.ended", reason: "signed_out", outcome: "done" }]);
  });

  test("nobody ends another account's session, and what has ended is not ended twice", async () => {
    const isolate = await givenIsolate();
    const { refreshTokens } = isolate.rooms;
    const session = await givenSession(isolate);
    const end = (accountId: string) =>
      refreshTokens.endSession(session.sessionId, accountId, "by_person", operatorOf(isolate));
    expect(await end(unique("usr"))).toBeNull();
    expect(await familyRow(isolate, session.familyId)).toMatchObject({ revokedAt: null });
    expect(await end(session.accountId)).not.toBeNull();
    expect(await end(session.accountId)).toBeNull();
  });

  test("ending the others keeps this one: its refresh token and its access token go on", async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
    const route = await givenTokenRoute(isolate);
    const accountId = unique("usr");
    const [kept, ...others] = await Promise.all([1, 2, 3].map(() => givenSession(isolate, { accountId })));
    if (!kept) throw new Error("three were asked for");
    await isolate.rooms.refreshTokens.endOthers(
      accountId,
      kept.sessionId,
      "password_changed",
      operatorOf(isolate),
    );
    for (const { accessToken, familyId } of others) {
      await expectInvalidToken(await route.call(accessToken));
      expect(await familyRow(isolate, familyId)).toMatchObject({ revokedReason: "password_changed" });
    }
    expect((await route.call(kept.accessToken)).status).toBe(200);
    expectRotated(await isolate.rooms.refreshTokens.refresh(kept.refreshToken, askedBy(isolate)));
  });

  test("everything before an ending is dead, a token that says a second ahead too; what is signed in later lives", async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
    const route = await givenTokenRoute(isolate);
    const accountId = unique("usr");
    const tokensFrom = new Date(isolate.clock.now());
    const ahead = await givenSession(isolate, { accountId, tokensFrom });
    await isolate.rooms.sessions.endAll(accountId, "by_operator", operatorOf(isolate));
    await expectInvalidToken(await route.call(ahead.accessToken));
    const later = await givenSession(isolate, { accountId, tokensFrom: new Date(isolate.clock.now()) });
    expect((await route.call(later.accessToken)).status).toBe(200);
  });

  test("an access token signed after an ending, for a refresh that was stored before it, is dead at birth", async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
    const { accessTokens } = isolate.rooms;
    const route = await givenTokenRoute(isolate);
    const accountId = unique("usr");
    const endBetween = {
      issue: async (...given: Parameters<typeof accessTokens.issue>) => {
        await isolate.rooms.sessions.endAll(accountId, "account_disabled", operatorOf(isolate));
        isolate.clock.advance(3000);
        return await accessTokens.issue(...given);
      },
    };
    const { refreshTokens } = await givenRefreshTokens(isolate, { accessTokens: endBetween });
    const family = await givenFamily(isolate, refreshTokens, { accountId });
    isolate.clock.advance(1);
    const late = expectRotated(await refreshTokens.refresh(family.refreshToken, askedBy(isolate)));
    const { iat } = JSON.parse(atob(late.accessToken.split(".")[1] ?? "")) as { iat: number };
    expect(iat * 1000).toBeLessThanOrEqual(isolate.clock.now() - 3000);
    await expectInvalidToken(await route.call(late.accessToken));
  });

  test("without Redis an ending is stored and the time it promises is the true one", async () => {
    const { clock, authority, edge, route } = await givenEdges(10);
    const session = await givenSession(authority);
    expect((await route.call(session.accessToken)).status).toBe(200);
    await edge.settle();
    await authority.redisFault([{ kind: "refuse" }]);
    const reach = await authority.rooms.refreshTokens.endSession(
      session.sessionId,
      session.accountId,
      "by_operator",
      operatorOf(authority),
    );
    expect(reach?.announced).toBe(false);
    clock.advance((reach?.effectiveEverywhereBy.getTime() ?? 0) - clock.now());
    await expectInvalidToken(await route.call(session.accessToken));
  });
});

describe("when the stores are silent", () => {
  test("Redis silent past the bound: Postgres decides; both silent: 503, never a guess", async () => {
    const { clock, authority, edge, route } = await givenEdges(10);
    const [good, ended] = [await givenSession(authority), await givenSession(authority)];
    for (const { accessToken } of [good, ended]) expect((await route.call(accessToken)).status).toBe(200);
    await edge.settle();
    await authority.rooms.refreshTokens.endSession(
      ended.sessionId,
      ended.accountId,
      "by_operator",
      operatorOf(authority),
    );
    await edge.redisFault([{ kind: "refuse" }]);
    clock.advance(10_001);
    await expectInvalidToken(await route.call(ended.accessToken));
    expect((await route.call(good.accessToken)).status).toBe(200);
    await edge.settle();
    clock.advance(20_001);
    await edge.postgresFault([{ kind: "refuse" }]);
    const refused = await route.call(good.accessToken);
    await expectProblem(refused, 503, "unavailable");
    expect(refused.headers.get("retry-after")).toBe("1");
    await edge.postgresFault([]);
    await edge.redisFault([]);
    clock.advance(2000);
    expect((await route.call(good.accessToken)).status).toBe(200);
  });
});
