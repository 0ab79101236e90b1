import { expect, test } from "vitest";
import { givenIsolate, unique } from "../support/given.ts";
import { asPerson, freshAddress, givenPerson, otherPassword, signInFrom } from "../support/given-people.ts";

test("an owner's mails to addresses of others, and the hashes before them, are few in an hour", async () => {
  const isolate = await givenIsolate();
  const { accounts, rateLimits } = isolate.rooms;
  const { account, password } = await givenPerson(isolate);
  const owner = asPerson(isolate, account.id);
  const trip = rateLimits.openTrip();
  const taking = rateLimits.take(trip, [rateLimits.demandOf("ownPassword", `account:${account.id}`, 28)]);
  await trip.send();
  expect(await taking).toMatchObject({ ok: true });
  for (let time = 0; time < 2; time += 1) {
    expect(await accounts.changeAddress(account.id, password, freshAddress(), owner)).toMatchObject({
      ok: true,
    });
    await isolate.settle();
  }
  const requestId = unique("request");
  const late = { ...owner, origin: { ...owner.origin, requestId } };
  expect(await accounts.changeAddress(account.id, password, freshAddress(), late)).toMatchObject({
    ok: false,
    reason: "over_limit",
  });
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ requestId, limit: 5 });
  expect(events.map(({ type, reason }) => [type, reason])).toEqual([["limit.exceeded", "over_limit"]]);
});

test("a wrong password inside a session is on record: somebody else may sit there", async () => {
  const isolate = await givenIsolate();
  const { account } = await givenPerson(isolate);
  const thief = asPerson(isolate, account.id);
  const requestId = unique("request");
  const asked = { ...thief, origin: { ...thief.origin, requestId } };
  expect(await isolate.rooms.accounts.remove(account.id, "a guess of some length", asked)).toMatchObject({
    reason: "wrong_password",
  });
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ requestId, limit: 5 });
  expect(events.map(({ type, reason, outcome, subject }) => [type, reason, outcome, subject?.id])).toEqual([
    ["access.refused", "wrong_password", "refused", account.id],
  ]);
});

test("when too many passwords are being checked, an owner's cannot be judged now and has cost no guess", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { account, password } = await givenPerson(isolate);
  const owner = asPerson(isolate, account.id);
  const flood = Array.from({ length: 60 }, () =>
    accounts.verifyPassword(freshAddress(), otherPassword, signInFrom(isolate)),
  );
  const fates = await Promise.allSettled(
    Array.from({ length: 5 }, () => accounts.remove(account.id, otherPassword, owner)),
  );
  await Promise.all(flood);
  await isolate.settle();
  const busy = fates.filter((fate) => fate.status === "rejected");
  expect(busy.length).toBeGreaterThan(0);
  for (const { reason } of busy) expect(reason).toMatchObject({ code: "unavailable", retryAfterSeconds: 2 });
  expect(await accounts.remove(account.id, password, owner)).toMatchObject({ ok: true });
}, 60_000);

test("a pepper that was dropped too early costs its owners no guess", async () => {
  const pepper = (version: number) => ({
    environment: {
      PASSWORD_PEPPERS: `${version}:${"ABCDEFGHIJKLMNOP".repeat(3).slice(version, 43 + version)}`,
    },
  });
  const before = await givenIsolate(pepper(1));
  const { account, password } = await givenPerson(before);
  const after = await givenIsolate({ clock: before.clock, ...pepper(2) });
  for (let time = 0; time < 6; time += 1) {
    await expect(
      after.rooms.accounts.remove(account.id, password, asPerson(after, account.id)),
    ).rejects.toMatchObject({ code: "unavailable" });
    await after.settle();
  }
  expect(
    await before.rooms.accounts.remove(account.id, password, asPerson(before, account.id)),
  ).toMatchObject({ ok: true });
});
