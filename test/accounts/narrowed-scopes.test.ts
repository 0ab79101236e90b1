import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate, json } from "../support/given.ts";
import { asOperator, givenPerson } from "../support/given-people.ts";

const signIn = async (isolate: Isolate, email: string, password: string) => {
  const answer = await isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));
  expect(answer.status).toBe(200);
  return (await answer.json()) as { access_token: string; refresh_token: string };
};
const ask = async (isolate: Isolate, token: string) =>
  (await isolate.fetch("/auth/sessions", { headers: { authorization: `Bearer ${token}` } })).status;

test("a scope that is taken away is gone from a token of a clock ahead, or of a refresh that was a moment faster", async () => {
  const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const { account, email, password } = await givenPerson(isolate, { scopes: ["a", "b"] });
  const early = await givenIsolate({ clock: createClock(isolate.clock.now() - 2000) });
  const { access_token, refresh_token } = await signIn(isolate, email, password);
  expect(await ask(isolate, access_token)).toBe(200);

  await early.rooms.accounts.setScopes(account.id, ["a"], asOperator(early));

  expect(await ask(isolate, access_token)).toBe(401);
  // The session goes on, with what is left.
  const refreshed = await isolate.fetch("/auth/refresh", json({ refresh_token }));
  const next = (await refreshed.json()) as { access_token: string };
  expect([refreshed.status, await ask(isolate, next.access_token)]).toEqual([200, 200]);
});

test("who signs in right after a scope was taken away has a token that lives", async () => {
  const isolate = await givenIsolate();
  const { account, email, password } = await givenPerson(isolate, { scopes: ["a", "b"] });
  await isolate.rooms.accounts.setScopes(account.id, ["a"], asOperator(isolate));
  const first = await signIn(isolate, email, password);
  expect(await ask(isolate, first.access_token)).toBe(200);
  // An ending in between does not take back how far the earlier one reaches.
  await isolate.rooms.sessions.endAll(account.id, "by_operator", asOperator(isolate));
  const second = await signIn(isolate, email, password);
  expect([await ask(isolate, first.access_token), await ask(isolate, second.access_token)]).toEqual([
    401, 200,
  ]);
});
