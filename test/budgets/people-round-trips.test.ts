import { expect, test } from "vitest";
import { type Isolate, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { bearerOf, givenSignedInPerson } from "../support/given-sessions.ts";
import { peopleBudgets } from "./people-budgets.ts";

test("a refresh is one call to Postgres and none to Redis; a sign-in is look-up, session and event, its limits taken and given back, and a mail taken from its budget", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password, refresh_token } = await givenSignedInPerson(isolate);
  const callsOf = async (path: string, body: object) => {
    await isolate.settle();
    await isolate.forgetCalls();
    expect((await isolate.fetch(path, json(body))).status).toBe(200);
    await isolate.settle();
    return (await isolate.calls()).summaries.flat();
  };
  expect(await callsOf("/auth/refresh", { refresh_token })).toEqual(["WITH"]);
  const signIn = await callsOf("/auth/login", { email, password, refresh_in_body: true });
  expect(signIn).toEqual(["SELECT", "WITH", "INSERT", "EVALSHA", "EVALSHA", "EVALSHA"]);
});

const lateMilliseconds = 600;

/** What is asked of the stores, in turns: each of Postgres takes long, so what waited for it begins that much later. */
async function turnsOf(isolate: Isolate, ask: () => Promise<Response>) {
  await isolate.settle();
  await isolate.postgresFault([{ kind: "slow", ms: lateMilliseconds }]);
  await isolate.forgetCalls();
  const began = performance.now();
  const answer = await ask();
  const milliseconds = performance.now() - began;
  expect(answer.status).toBe(200);
  await isolate.settle();
  const { summaries, beganAt } = await isolate.calls();
  await isolate.postgresFault([]);
  const first = Math.min(...beganAt);
  const turns: string[][] = [];
  for (const [index, words] of summaries.entries()) {
    const turn = Math.floor(((beganAt[index] ?? first) - first) / lateMilliseconds);
    turns[turn] = [...(turns[turn] ?? []), String(words)].sort();
  }
  return { turns, milliseconds };
}

for (const { operation, trips, turns, ask } of peopleBudgets) {
  test(`${operation}: ${trips} trips to Postgres one after the other before the answer, and nothing else is waited for`, async () => {
    const isolate = await givenSignInIsolate();
    const person = await givenSignedInPerson(isolate);
    // A second time: the copy of what was revoked, and the signing keys, are in hand.
    const warm = await isolate.fetch("/auth/sessions", { headers: bearerOf(person.access_token) });
    expect(warm.status).toBe(200);
    const seen = await turnsOf(isolate, () => ask(isolate, person));
    expect(seen.turns).toEqual(turns);
    expect(seen.milliseconds).toBeLessThan((trips + 1) * lateMilliseconds);
  });
}
