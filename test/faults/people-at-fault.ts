import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { createClock } from "../support/clock.ts";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { expectInvalidToken, givenTokenRoute } from "../support/given-jws.ts";
import { givenPerson, mailsTo, otherPassword } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { familyRow } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";
import {
  expectUnavailable,
  type Fault,
  lateMilliseconds,
  postgresMilliseconds,
  redisMilliseconds,
  within,
} from "./fault.ts";

const patience = 60_000;
/** A moment past the bound: what was read exactly that long ago may still be used. */
const pastBoundMilliseconds = 10_001;
const familyIdOf = (refreshToken: string) => refreshToken.split("_")[1] ?? "";
const bodyOf = async (answer: Response) => (await answer.json()) as Tokens;

/** Statements, by words that no other one has. */
const statements = {
  refresh: "current_hash = case",
  lookUp: "email_canonical",
  begin: "last_signed_in_at = ",
  end: "revoked_reason = ",
  changePassword: "password_changed_at = ",
} as const;

/** Somebody signed in, an isolate whose stores will fail, and a gateway elsewhere that knows the access token. */
async function givenPeopleEdge() {
  const clock = createClock();
  const [isolate, elsewhere] = [await givenSignInIsolate({ clock }), await givenSignInIsolate({ clock })];
  const person = await givenPerson(elsewhere);
  const tokens = await givenTokens(elsewhere, person);
  const route = await givenTokenRoute(elsewhere);
  // What an isolate that serves people has in hand: the signing key, and what was revoked.
  await givenTokens(isolate, await givenPerson(isolate));
  expect((await isolate.fetch(route.url, { headers: bearerOf(tokens.access_token) })).status).toBe(200);
  expect((await route.call(tokens.access_token)).status).toBe(200);
  await Promise.all([isolate.settle(), elsewhere.settle()]);
  const { email, password } = person;
  return {
    clock,
    isolate,
    elsewhere,
    route,
    person,
    tokens,
    family: () => familyRow(elsewhere, familyIdOf(tokens.refresh_token)),
    live: () => elsewhere.rooms.sessions.list(person.account.id),
    signIn: (given = password) =>
      isolate.fetch("/auth/login", json({ email, password: given, refresh_in_body: true })),
    refresh: (text = tokens.refresh_token) => isolate.fetch("/auth/refresh", json({ refresh_token: text })),
    logOut: () => isolate.fetch("/auth/logout", json({ refresh_token: tokens.refresh_token })),
    here: () => isolate.fetch(route.url, { headers: bearerOf(tokens.access_token) }),
  };
}

/** What must hold for people when Postgres fails once, at one statement of their call. */
export function describePeopleAtPostgresFault({ rule, ran, postgresAnswers }: Fault): void {
  const isMade = ran || postgresAnswers;
  const inTime = (ask: () => Promise<Response>) =>
    within(postgresAnswers ? lateMilliseconds : postgresMilliseconds, ask);

  /** The call under the fault, answered as is documented; then Postgres is well again. */
  async function attempt(
    { isolate }: Awaited<ReturnType<typeof givenPeopleEdge>>,
    statement: keyof typeof statements,
    ask: () => Promise<Response>,
  ): Promise<Response> {
    await isolate.postgresFault([{ ...rule, match: statements[statement] }]);
    const answer = await inTime(ask);
    await isolate.postgresFault([]);
    if (postgresAnswers) expect(answer.status).toBeLessThan(300);
    else {
      expect(answer.headers.getSetCookie()).toEqual([]);
      await expectUnavailable(answer.clone());
    }
    await isolate.settle();
    return answer;
  }

  describe.concurrent("Postgres at fault while somebody", () => {
    test(
      "refreshes: whoever repeats a refresh whose answer was lost gets the very token that was lost",
      async () => {
        const edge = await givenPeopleEdge();
        const lost = await attempt(edge, "refresh", () => edge.refresh());
        const between = await edge.family();
        expect(between).toMatchObject({ generation: isMade ? 1 : 0, revokedAt: null });

        const again = await edge.refresh();
        expect(again.status).toBe(200);
        const { refresh_token: successor, access_token: fresh } = await bodyOf(again);
        if (isMade) expect(await sha256Hex(successor)).toBe(between?.currentHash);
        if (postgresAnswers) expect((await bodyOf(lost)).refresh_token).toBe(successor);
        expect((await bodyOf(await edge.refresh())).refresh_token).toBe(successor);
        expect(await edge.family()).toMatchObject({
          generation: 1,
          currentHash: await sha256Hex(successor),
          revokedAt: null,
        });
        expect((await edge.route.call(fresh)).status).toBe(200);
        expect((await edge.refresh(successor)).status).toBe(200);
      },
      patience,
    );

    test(
      "refreshes by cookie: the browser keeps it, and it is good for another try",
      async () => {
        const edge = await givenPeopleEdge();
        const cookie = `__Host-refreshToken=${edge.tokens.refresh_token}`;
        const ask = () => edge.isolate.fetch("/auth/refresh", { method: "POST", headers: { cookie } });
        await attempt(edge, "refresh", ask);
        const again = await ask();
        expect([again.status, again.headers.getSetCookie().length]).toEqual([200, 1]);
        expect(await edge.family()).toMatchObject({ generation: 1, revokedAt: null });
      },
      patience,
    );

    test(
      "signs in and is looked up: nothing begins, and a burst of such tries has cost no guess",
      async () => {
        const edge = await givenPeopleEdge();
        await edge.isolate.postgresFault([{ ...rule, match: statements.lookUp }]);
        const answers = await Promise.all(
          Array.from({ length: 5 }, () => within(lateMilliseconds, () => edge.signIn())),
        );
        await edge.isolate.postgresFault([]);
        for (const answer of answers) {
          if (postgresAnswers) expect(answer.status).toBe(200);
          else await expectUnavailable(answer);
        }
        await edge.isolate.settle();
        expect(await edge.live()).toHaveLength(postgresAnswers ? 6 : 1);
        expect((await edge.signIn()).status).toBe(200);
      },
      patience,
    );

    test(
      "signs in and the session is written: it and its tokens are there, both or neither, and trying again works",
      async () => {
        const edge = await givenPeopleEdge();
        await attempt(edge, "begin", () => edge.signIn());
        const begun = await edge.live();
        expect(begun).toHaveLength(isMade ? 2 : 1);
        const again = await edge.signIn();
        expect(again.status).toBe(200);
        const { session_id: id, access_token: fresh } = await bodyOf(again);
        const after = await edge.live();
        expect(after.map((one) => one.id)).toEqual(
          expect.arrayContaining([id, ...begun.map((one) => one.id)]),
        );
        expect(after).toHaveLength(begun.length + 1);
        expect((await edge.route.call(fresh)).status).toBe(200);
      },
      patience,
    );

    test(
      "signs out: 503, never a 204 that is not true; after a 204 every gateway refuses within the bound",
      async () => {
        const edge = await givenPeopleEdge();
        await attempt(edge, "end", edge.logOut);
        const reason = isMade ? "signed_out" : null;
        expect(await edge.family()).toMatchObject({ revokedReason: reason });
        expect((await edge.logOut()).status).toBe(204);
        expect(await edge.family()).toMatchObject({ revokedReason: "signed_out" });
        await expectInvalidToken(await edge.here());
        edge.clock.advance(pastBoundMilliseconds);
        await expectInvalidToken(await edge.route.call(edge.tokens.access_token));
        await expectProblem(await edge.refresh(), 401, "invalid_grant");
      },
      patience,
    );

    test(
      "changes the password: the others are out and the new one is good, or neither; this session stays",
      async () => {
        const edge = await givenPeopleEdge();
        const { isolate, elsewhere, person, clock } = edge;
        const other = await givenTokens(elsewhere, person);
        const change = () =>
          isolate.fetch(
            "/auth/password/change",
            json(
              { current_password: person.password, new_password: otherPassword },
              bearerOf(edge.tokens.access_token),
            ),
          );
        await attempt(edge, "changePassword", change);
        const ended = isMade ? "password_changed" : null;
        const otherFamily = () => familyRow(elsewhere, familyIdOf(other.refresh_token));
        expect(await otherFamily()).toMatchObject({ revokedReason: ended });
        expect(await edge.family()).toMatchObject({ revokedAt: null });
        const again = await change();
        if (isMade) await expectProblem(again, 403, "password_wrong");
        else expect(again.status).toBe(204);
        await isolate.settle();
        expect((await edge.signIn(otherPassword)).status).toBe(200);
        // What nobody was told of, the cron trigger tells.
        clock.advance(3000);
        await elsewhere.rooms.revocation.repair();
        clock.advance(pastBoundMilliseconds);
        await expectInvalidToken(await edge.route.call(other.access_token));
        expect((await edge.route.call(edge.tokens.access_token)).status).toBe(200);
      },
      patience,
    );
  });
}

/** What must hold for people when Redis fails. Postgres is well: who is who can still be said. */
export function describePeopleAtRedisFault({ rule }: Fault): void {
  const soon = (ask: () => Promise<Response>) => within(redisMilliseconds, ask);

  describe.concurrent("Redis at fault while somebody", () => {
    test(
      "refreshes: nothing of it is needed",
      async () => {
        const edge = await givenPeopleEdge();
        await edge.isolate.redisFault([rule]);
        const answer = await soon(() => edge.refresh());
        expect([answer.status, answer.headers.get("gatehouse-degraded")]).toEqual([200, null]);
        expect(await edge.family()).toMatchObject({ generation: 1, revokedAt: null });
      },
      patience,
    );

    test(
      "signs in: counted here alone and said so, guessing is braked as ever, and once it is well the counts are exact",
      async () => {
        const edge = await givenPeopleEdge();
        const { isolate, clock } = edge;
        await isolate.redisFault([rule]);
        const served = await soon(() => edge.signIn());
        expect(served.status).toBe(200);
        for (const name of ["sign-in-network", "sign-in-burst", "sign-in-day"])
          expect(served.headers.get("gatehouse-degraded")).toContain(`limit;${name}=local`);
        await isolate.settle();
        for (let time = 0; time < 5; time += 1)
          await expectProblem(await soon(() => edge.signIn(otherPassword)), 401, "invalid_credentials");
        const braked = await soon(() => edge.signIn());
        expect(braked.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
        expect(braked.headers.get("gatehouse-degraded")).toContain("sign-in-burst=local");
        await expectProblem(braked, 429, "rate_limited");
        await isolate.redisFault([]);
        clock.advance(31_001);
        const exact = await edge.signIn();
        expect([exact.status, exact.headers.get("gatehouse-degraded")]).toEqual([200, null]);
      },
      patience,
    );

    test(
      "signs out: it is true at once here, and elsewhere as soon as the outbox could be told",
      async () => {
        const edge = await givenPeopleEdge();
        await edge.isolate.redisFault([rule]);
        expect((await soon(edge.logOut)).status).toBe(204);
        await expectInvalidToken(await soon(edge.here));
        await expectProblem(await soon(() => edge.refresh()), 401, "invalid_grant");
        await edge.isolate.settle();
        await edge.isolate.redisFault([]);
        edge.clock.advance(3000);
        await edge.elsewhere.rooms.revocation.repair();
        edge.clock.advance(pastBoundMilliseconds);
        await expectInvalidToken(await edge.route.call(edge.tokens.access_token));
      },
      patience,
    );

    test(
      "replays a token of the past: the family ends all the same, and its owner is told",
      async () => {
        const edge = await givenPeopleEdge();
        expect((await edge.refresh()).status).toBe(200);
        edge.clock.advance(10_000);
        await edge.isolate.redisFault([rule]);
        await expectProblem(await soon(() => edge.refresh()), 401, "invalid_grant");
        expect(await edge.family()).toMatchObject({ revokedReason: "replayed" });
        await edge.isolate.redisFault([]);
        const [mail] = await mailsTo(edge.isolate, edge.person.email);
        expect(mail?.subject).toBe("A session at auth.gatehouse.test was ended");
      },
      patience,
    );
  });
}
