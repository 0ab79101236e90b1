// RL-04, over HTTP: guesses from many networks, and an office behind one address.
import { expect, test } from "vitest";
import { json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { freshAddress, givenPerson, goodPassword } from "../support/given-people.ts";
import { givenSignedInPerson, type Tokens } from "../support/given-sessions.ts";

test("RL-04: of a thousand guesses from a thousand networks five are heard, and the owner signs in where they are known", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password } = await givenPerson(isolate);
  const first = await isolate.fetch("/auth/login", json({ email, password }));
  const device = first.headers.getSetCookie().find((line) => line.startsWith("__Host-gatehouse-device="));
  await isolate.settle();
  const told: Record<number, number> = {};
  for (let guess = 0; guess < 1000; guess += 1) {
    const from = `2001:db8:${guess.toString(16)}:${Math.floor(Math.random() * 65_536).toString(16)}::1`;
    const guessed = json({ email, password: unique("guess") }, { "cf-connecting-ip": from });
    const { status } = await isolate.fetch("/auth/login", guessed);
    told[status] = (told[status] ?? 0) + 1;
  }
  expect(told).toEqual({ 401: 5, 429: 995 });
  expect((await isolate.fetch("/auth/login", json({ email, password }))).status).toBe(429);
  const known = { cookie: device?.split(";")[0] ?? "" };
  expect((await isolate.fetch("/auth/login", json({ email, password }, known))).status).toBe(200);
}, 60_000);

test("RL-04: one address signs in 30 times, registers 40 people and refreshes 100 times in two minutes, and is served", async () => {
  const isolate = await givenSignInIsolate();
  let { refresh_token } = await givenSignedInPerson(isolate);
  for (let time = 0; time < 29; time += 1) await givenSignedInPerson(isolate);
  for (let time = 0; time < 40; time += 1) {
    const answer = await isolate.fetch(
      "/auth/register",
      json({ email: freshAddress(), password: goodPassword }),
    );
    expect(answer.status).toBe(202);
  }
  for (let time = 0; time < 100; time += 1) {
    const answer = await isolate.fetch("/auth/refresh", json({ refresh_token }));
    expect(answer.status).toBe(200);
    ({ refresh_token } = (await answer.json()) as Tokens);
  }
}, 60_000);
