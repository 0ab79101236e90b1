import { expect, test } from "vitest";
import { givenIsolate, json } from "../support/given.ts";
import { givenPerson } from "../support/given-people.ts";

test("a sign-out with an access token that cannot be checked now says so, and works when it can be", async () => {
  const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const { account, email, password } = await givenPerson(isolate);
  const signedIn = await isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));
  const { access_token } = (await signedIn.json()) as { access_token: string };
  await isolate.settle();
  const logOut = () =>
    isolate.fetch("/auth/logout", { method: "POST", headers: { authorization: `Bearer ${access_token}` } });
  await isolate.redisFault([{ kind: "status", status: 500 }]);
  await isolate.postgresFault([{ kind: "status", status: 500 }]);

  const undecided = await logOut();

  expect(undecided.status).toBe(503);
  expect(undecided.headers.get("retry-after")).toBe("1");
  expect(await undecided.json()).toMatchObject({ error: "unavailable" });
  await isolate.redisFault([]);
  await isolate.postgresFault([]);
  isolate.clock.advance(2000);
  expect(await isolate.rooms.sessions.list(account.id)).toHaveLength(1);
  expect((await logOut()).status).toBe(204);
  expect(await isolate.rooms.sessions.list(account.id)).toEqual([]);
  // What is dead has nothing to end.
  expect((await logOut()).status).toBe(204);
});
