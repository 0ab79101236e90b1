import { expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { givenIsolate, unique } from "../support/given.ts";
import { givenPerson, otherPassword, signInFrom } from "../support/given-people.ts";

test("good sign-ins of one network end too: whoever has an account cannot have us hash and write without end", async () => {
  const isolate = await givenIsolate();
  const { accounts, rateLimits } = isolate.rooms;
  const { email, password } = await givenPerson(isolate);
  const network = unique("network");
  const from = () => signInFrom(isolate, null, network);
  const trip = rateLimits.openTrip();
  const taking = rateLimits.take(trip, [rateLimits.demandOf("signInWork", `network:${network}`, 2998)]);
  await trip.send();
  expect(await taking).toMatchObject({ ok: true });

  expect(await accounts.verifyPassword(email, password, from())).toMatchObject({ ok: true });
  expect(await accounts.verifyPassword(email, otherPassword, from())).toMatchObject({
    reason: "wrong_password",
  });
  await isolate.settle();

  expect(await accounts.verifyPassword(email, password, from())).toMatchObject({ reason: "over_limit" });
  expect(await accounts.verifyPassword(email, password, signInFrom(isolate))).toMatchObject({ ok: true });
});

test("sign-ins of one account end as well, whatever networks and known devices they come from", async () => {
  const isolate = await givenIsolate();
  const { accounts, rateLimits } = isolate.rooms;
  const { email, password } = await givenPerson(isolate);
  const addressHash = await sha256Hex(email);
  const device = { id: unique("device"), addressHash };
  const trip = rateLimits.openTrip();
  const taking = rateLimits.take(trip, [rateLimits.demandOf("signInAccount", `address:${addressHash}`, 999)]);
  await trip.send();
  expect(await taking).toMatchObject({ ok: true });
  expect(await accounts.verifyPassword(email, password, signInFrom(isolate))).toMatchObject({ ok: true });
  await isolate.settle();
  for (const known of [null, device])
    expect(await accounts.verifyPassword(email, password, signInFrom(isolate, known))).toMatchObject({
      reason: "over_limit",
    });
});
