import { expect, test } from "vitest";
import { givenIsolate, givenKey } from "../support/given.ts";
import { asOperator, asPerson, givenPerson } from "../support/given-people.ts";

test("no key outlives its owner's account, though a store fails between the two; asked again both go", async () => {
  const isolate = await givenIsolate();
  const { accounts, apiKeys } = isolate.rooms;
  const { account, password } = await givenPerson(isolate);
  const { id } = await givenKey(isolate, { owner: { type: "user", id: account.id } });
  const isDead = async () => (await apiKeys.get(id)).revokedAt !== null;
  await isolate.postgresFault([{ kind: "status", status: 500, match: "api_keys" }]);

  const owner = asPerson(isolate, account.id);
  await expect(accounts.remove(account.id, password, owner)).rejects.toMatchObject({ code: "unavailable" });

  await isolate.postgresFault([]);
  expect([(await accounts.get(account.id)).state, await isDead()]).toEqual(["active", false]);
  expect(await accounts.remove(account.id, password, owner)).toMatchObject({ ok: true });
  expect([(await accounts.get(account.id)).state, await isDead()]).toEqual(["deleted", true]);
});

test("an account that never was takes no keys with it", async () => {
  const isolate = await givenIsolate();
  const { accounts, apiKeys } = isolate.rooms;
  const { id, record } = await givenKey(isolate);
  await expect(accounts.remove(record.owner.id, null, asOperator(isolate))).rejects.toMatchObject({
    code: "not_found",
  });
  expect((await apiKeys.get(id)).revokedAt).toBeNull();
});
