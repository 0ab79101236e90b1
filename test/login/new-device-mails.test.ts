import { expect, test } from "vitest";
import { type Isolate, json } from "../support/given.ts";
import { givenBrowser, givenSignInIsolate } from "../support/given-browser.ts";
import { askedFrom, givenPerson, mailsTo, otherPassword } from "../support/given-people.ts";
import { givenTokens } from "../support/given-sessions.ts";

const hour = 3_600_000;

const alarmsTo = async (isolate: Isolate, email: string): Promise<number> =>
  (await mailsTo(isolate, email)).filter(({ subject }) => subject.startsWith("A new sign-in at")).length;

/** Somebody who has signed in once, so that the next new device is told of. */
async function givenRegular() {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  await givenTokens(isolate, person);
  return { isolate, person };
}

test("sign-ins without a device cookie are told of by five mails an hour and address, and each of them succeeds", async () => {
  const { isolate, person } = await givenRegular();
  const other = await givenRegular();
  expect(await alarmsTo(isolate, person.email)).toBe(0);
  for (let time = 0; time < 8; time += 1) await givenTokens(isolate, person);
  expect(await alarmsTo(isolate, person.email)).toBe(5);
  await givenTokens(other.isolate, other.person);
  expect(await alarmsTo(other.isolate, other.person.email)).toBe(1);

  isolate.clock.advance(hour + hour / 16);
  await givenTokens(isolate, person);
  expect(await alarmsTo(isolate, person.email)).toBe(6);
});

test("of many sign-ins at once no more are told of", async () => {
  const { isolate, person } = await givenRegular();
  await Promise.all(Array.from({ length: 8 }, () => givenTokens(isolate, person).catch(() => null)));
  expect(await alarmsTo(isolate, person.email)).toBeLessThanOrEqual(5);
  expect(await alarmsTo(isolate, person.email)).toBeGreaterThan(0);
});

test("no stranger can silence the alarm: registrations and recoveries of others, and wrong passwords, use none of it up", async () => {
  const { isolate, person } = await givenRegular();
  const { accounts } = isolate.rooms;
  for (let time = 0; time < 8; time += 1) {
    await accounts.register(person.email, otherPassword, askedFrom(isolate));
    await accounts.requestRecovery(person.email, askedFrom(isolate));
  }
  for (let time = 0; time < 4; time += 1)
    await isolate.fetch("/auth/login", json({ email: person.email, password: otherPassword }));
  await givenTokens(isolate, person);
  expect(await alarmsTo(isolate, person.email)).toBe(1);
});

test("a browser that is known is told of once and uses up nothing", async () => {
  const { isolate, person } = await givenRegular();
  const browser = givenBrowser(isolate);
  for (let time = 0; time < 4; time += 1) {
    const answer = await browser.send(
      "/auth/login",
      json({ email: person.email, password: person.password }),
    );
    expect(answer.status).toBe(200);
  }
  expect(await alarmsTo(isolate, person.email)).toBe(1);
});

test("without Redis the mails are counted here, and no sign-in waits for it", async () => {
  const { isolate, person } = await givenRegular();
  await isolate.redisFault([{ kind: "refuse" }]);
  for (let time = 0; time < 7; time += 1) await givenTokens(isolate, person);
  await isolate.redisFault([]);
  expect(await alarmsTo(isolate, person.email)).toBe(5);
});
