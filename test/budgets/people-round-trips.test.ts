import { expect, test } from "vitest";
import { json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenSignedInPerson } from "../support/given-sessions.ts";

test("a refresh is one call to Postgres and none to Redis; a sign-in is look-up, session and event, its limits taken and given back", async () => {
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
  expect(signIn).toEqual(["SELECT", "WITH", "INSERT", "EVALSHA", "EVALSHA"]);
});
