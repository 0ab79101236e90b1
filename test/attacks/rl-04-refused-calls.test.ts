import { expect, test } from "vitest";
import { json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { freshAddress } from "../support/given-people.ts";
import { bearerOf, givenSignedInPerson } from "../support/given-sessions.ts";

/** RL-04: what is refused to one address is no reason to refuse others behind it what is theirs. */
test("RL-04: after 400 refused calls of every kind in two minutes the people of that address are served", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedInPerson(isolate);
  const spoilt = `${person.access_token.slice(0, -20)}${"A".repeat(20)}`;
  const last = person.refresh_token.endsWith("A") ? "B" : "A";
  const forged = person.refresh_token.slice(0, -1) + last;
  const kinds = [
    () => isolate.fetch("/auth/login", json({ email: freshAddress(), password: unique("guess") })),
    () => isolate.fetch("/auth/refresh", json({ refresh_token: forged })),
    () => isolate.fetch("/auth/account", { headers: bearerOf(spoilt) }),
    () => isolate.fetch("/auth/account"),
    () => isolate.fetch("/auth/verify-email", json({ link: "A".repeat(43) })),
    () => isolate.fetch("/auth/login", json({ email: "x" }, { origin: "https://evil.example" })),
    () => isolate.fetch("/auth/sessions/end-others", { method: "POST", headers: { "x-api-key": "x" } }),
    () => isolate.fetch("/auth/register", json({ email: freshAddress(), password: "short" })),
  ];
  const told = new Set<number>();
  for (let time = 0; time < 400; time += 1) {
    const ask = kinds[time % kinds.length];
    if (ask) told.add((await ask()).status);
    if (time % 40 === 0) isolate.clock.advance(12_000);
  }
  expect([...told].sort()).toEqual([400, 401, 403]);
  const { email, password, access_token, refresh_token } = person;
  const served = [
    await isolate.fetch("/auth/login", json({ email, password })),
    await isolate.fetch("/auth/refresh", json({ refresh_token })),
    await isolate.fetch("/auth/account", { headers: bearerOf(access_token) }),
  ];
  expect(served.map(({ status }) => status)).toEqual([200, 200, 200]);
}, 60_000);
