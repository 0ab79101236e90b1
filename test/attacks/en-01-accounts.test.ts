import { expect, test } from "vitest";
import { givenIsolate, type Isolate } from "../support/given.ts";
import {
  askedFrom,
  freshAddress,
  givenPerson,
  goodPassword,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

/** EN-01, ASVS V6.3.8: existing and absent accounts get the same answer by the same work, and take the same time. */
const samples = 40;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Turn about, so that whatever else the machine does falls on both alike. */
async function timesOf(isolate: Isolate, ask: (isKnown: boolean, index: number) => Promise<unknown>) {
  const times: Record<"known" | "unknown", number[]> = { known: [], unknown: [] };
  const answers = new Set<string>();
  for (let index = 0; index < samples * 2; index += 1) {
    const which = index % 2 === 0 ? "known" : "unknown";
    const began = performance.now();
    const answer = await ask(which === "known", index);
    times[which].push(performance.now() - began);
    answers.add(JSON.stringify(answer ?? null));
    await isolate.settle();
    isolate.clock.advance(4 * 3_600_000);
  }
  return { known: median(times.known), unknown: median(times.unknown), answers: [...answers] };
}

/** A hash more or less would be half or twice the time. */
function expectAlike({ known, unknown }: { known: number; unknown: number }): void {
  expect(known / unknown).toBeLessThan(1.5);
  expect(unknown / known).toBeLessThan(1.5);
}

test("signing in: the same hash is computed for an account that is not there", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  const measured = await timesOf(isolate, async (isKnown) => {
    const verdict = await isolate.rooms.accounts.verifyPassword(
      isKnown ? email : freshAddress(),
      otherPassword,
      signInFrom(isolate),
    );
    return verdict.ok;
  });
  expect(measured.answers).toEqual(["false"]);
  expectAlike(measured);
}, 60_000);

test("registering: a known address costs the same hash and the same statement, and the same number of mails", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  const measured = await timesOf(isolate, (isKnown) =>
    isolate.rooms.accounts.register(isKnown ? email : freshAddress(), goodPassword, askedFrom(isolate)),
  );
  expect(measured.answers).toEqual(['{"degraded":[]}']);
  expectAlike(measured);
}, 60_000);

test("asking for a recovery: a known and an unknown address are one question to each store", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  const measured = await timesOf(isolate, (isKnown) =>
    isolate.rooms.accounts.requestRecovery(isKnown ? email : freshAddress(), askedFrom(isolate)),
  );
  expect(measured.answers).toEqual(['{"degraded":[]}']);
  // A few milliseconds each: what is compared is mostly the machine's noise.
  expect(Math.abs(measured.known - measured.unknown)).toBeLessThan(25);
}, 60_000);

test("registering without a password: a known and an unknown address are one question to each store, and no hash", async () => {
  const isolate = await givenIsolate();
  const { email } = await givenPerson(isolate);
  const measured = await timesOf(isolate, (isKnown) =>
    isolate.rooms.accounts.registerForPasskey(isKnown ? email : freshAddress(), askedFrom(isolate)),
  );
  expect(measured.answers).toEqual(['{"degraded":[]}']);
  expect(Math.abs(measured.known - measured.unknown)).toBeLessThan(25);
}, 60_000);
