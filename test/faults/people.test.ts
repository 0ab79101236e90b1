import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { type FaultRule, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenPerson } from "../support/given-people.ts";
import { givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectUnavailable, postgresMilliseconds, within } from "./fault.ts";

const faults: { rule: FaultRule; ran: boolean }[] = [
  { rule: { kind: "refuse" }, ran: false },
  { rule: { kind: "status", status: 500 }, ran: false },
  { rule: { kind: "garble" }, ran: true },
  { rule: { kind: "drop-after" }, ran: true },
];
const patience = 60_000;

async function givenSession() {
  const clock = createClock();
  const [isolate, healthy] = [await givenSignInIsolate({ clock }), await givenSignInIsolate({ clock })];
  const person = await givenPerson(healthy);
  const tokens = await givenTokens(healthy, person);
  // The signing key is in memory: what fails is what the call itself needs.
  await givenTokens(isolate, await givenPerson(healthy));
  const ask = (path: string, body: object) =>
    within(2 * postgresMilliseconds, () => isolate.fetch(path, json(body)));
  const live = async () => (await healthy.rooms.sessions.list(person.account.id)).map(({ id }) => id).sort();
  const credentials = { email: person.email, password: person.password, refresh_in_body: true };
  return { clock, isolate, tokens, ask, live, credentials };
}

describe.each(faults)("people while a store is at fault: $rule.kind", ({ rule, ran }) => {
  test(
    "Postgres: a refresh is 503, and the same token asked again gets the one successor, the identical one each time",
    async () => {
      const { isolate, tokens, ask } = await givenSession();
      const { refresh_token } = tokens;
      await isolate.postgresFault([rule]);
      await expectUnavailable(await ask("/auth/refresh", { refresh_token }));
      await isolate.postgresFault([]);
      const answers: Tokens[] = [];
      for (let time = 0; time < 2; time += 1) {
        const again = await ask("/auth/refresh", { refresh_token });
        expect(again.status).toBe(200);
        answers.push((await again.json()) as Tokens);
      }
      expect(answers[0]?.refresh_token).toBe(answers[1]?.refresh_token);
      expect(answers[0]?.refresh_token).not.toBe(refresh_token);
      const next = await ask("/auth/refresh", { refresh_token: answers[0]?.refresh_token });
      expect([next.status, ((await next.json()) as Tokens).session_id]).toEqual([200, tokens.session_id]);
    },
    patience,
  );

  test(
    "Postgres: a sign-in is 503 and begins nothing, and one signs in when it is well",
    async () => {
      const { isolate, tokens, ask, live, credentials } = await givenSession();
      await isolate.postgresFault([rule]);
      await expectUnavailable(await ask("/auth/login", credentials));
      expect(await live()).toEqual([tokens.session_id]);
      await isolate.postgresFault([]);
      expect((await ask("/auth/login", credentials)).status).toBe(200);
      expect(await live()).toHaveLength(2);
    },
    patience,
  );

  test(
    "Postgres: signing out is 503, true or not, and asked again it is 204 and true",
    async () => {
      const { isolate, tokens, ask, live } = await givenSession();
      const { refresh_token } = tokens;
      await isolate.postgresFault([rule]);
      const failed = await ask("/auth/logout", { refresh_token });
      expect(failed.headers.getSetCookie()).toEqual([]);
      await expectUnavailable(failed);
      expect(await live()).toEqual(ran ? [] : [tokens.session_id]);
      await isolate.postgresFault([]);
      expect((await ask("/auth/logout", { refresh_token })).status).toBe(204);
      expect(await live()).toEqual([]);
    },
    patience,
  );

  test(
    "Redis: one signs in, refreshes and signs out all the same, and a sign-in says that its limits were local",
    async () => {
      const { isolate, tokens, ask, live, credentials } = await givenSession();
      await isolate.redisFault([rule]);
      const signedIn = await ask("/auth/login", credentials);
      expect(signedIn.status).toBe(200);
      expect(signedIn.headers.get("gatehouse-degraded")).toContain("limit;sign-in-network=local");
      const mine = (await signedIn.json()) as Tokens;
      const refreshed = await ask("/auth/refresh", { refresh_token: tokens.refresh_token });
      expect(refreshed.status).toBe(200);
      const out = await ask("/auth/logout", { refresh_token: mine.refresh_token });
      expect([out.status, await live()]).toEqual([204, [tokens.session_id]]);
    },
    patience,
  );
});
