import { expect, test } from "vitest";
import { eventsAbout, managing, present, verdictOn } from "../api-keys/management.ts";
import { createClock } from "../support/clock.ts";
import { givenAdminKey, givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { asOperator, givenPerson } from "../support/given-people.ts";

/** Where an operator works, a gateway that only hears of it, and a person who owns a key. */
async function givenEdges(boundSeconds: number) {
  const clock = createClock();
  const environment = { REVOCATION_BOUND_SECONDS: String(boundSeconds) };
  const [here, there] = [
    await givenIsolate({ clock, environment }),
    await givenIsolate({ clock, environment }),
  ];
  const { account } = await givenPerson(here);
  const owner = { type: "user", id: account.id } as const;
  const made = await givenKey(here, { owner });
  const route = await givenRoute(here);
  const manage = managing(here, await givenAdminKey(here));
  const opens = async (edge: Isolate, key = made.key) => {
    const { status, body } = await present(edge, route, key);
    expect([200, 403]).toContain(status);
    if (status === 403) expect(body.error).toBe("Invalid API Key");
    return status === 200;
  };
  const enable = (enabled: boolean) => manage("PATCH", `/users/${owner.id}`, { enabled });
  const waitFor = async (answer: Awaited<ReturnType<typeof enable>>) => {
    expect(answer.status).toBe(200);
    const by = Date.parse(answer.body.effective_everywhere_by);
    expect(by).toBe(clock.now() + boundSeconds * 1000);
    clock.advance(by - clock.now() + 1);
  };
  return { clock, here, there, owner, made, manage, opens, enable, waitFor };
}

for (const boundSeconds of [0, 10]) {
  test(`bound ${boundSeconds} s: keys of a disabled person open nothing at any gateway in time, and all but the stopped one open again with the account`, async () => {
    const { clock, here, there, owner, made, manage, opens, enable, waitFor } =
      await givenEdges(boundSeconds);
    const stopped = await givenKey(here, { owner });
    await manage("PATCH", `/keys/${stopped.id}`, { enabled: false });
    const namesake = await givenKey(here, { owner: { type: "service", id: owner.id } });
    expect([await opens(here), await opens(there)]).toEqual([true, true]);
    await there.settle();
    clock.advance(1000);

    for (const _ of ["once", "again"]) {
      const disabled = await enable(false);
      expect(await opens(here)).toBe(false);
      await waitFor(disabled);
      expect([await opens(there), await opens(there, namesake.key)]).toEqual([false, true]);
    }
    expect(await verdictOn(there, made.key)).toMatchObject({
      valid: false,
      code: "disabled",
      key_id: made.id,
    });
    expect((await manage("GET", `/keys/${made.id}`)).body).toMatchObject({
      enabled: true,
      status: "disabled",
    });

    for (const _ of ["once", "again"]) {
      await waitFor(await enable(true));
      expect([await opens(here), await opens(there)]).toEqual([true, true]);
      expect([await opens(here, stopped.key), await opens(there, stopped.key)]).toEqual([false, false]);
    }
    expect((await manage("GET", `/keys/${made.id}`)).body).toMatchObject({ enabled: true, status: "active" });
    expect(await eventsAbout(here, owner.id)).toEqual([
      "account.created by_operator",
      "account.disabled by_operator",
      "account.enabled by_operator",
      "token.revoked account_disabled",
    ]);
  });
}

test("a key that is made, changed or rotated while its owner is disabled opens nothing, and no answer calls it active", async () => {
  const { owner, made, manage, opens, here, enable, waitFor } = await givenEdges(10);
  await waitFor(await enable(false));
  const draft = { name: "late", owner, environment: "live", scopes: [] };
  const late = await manage("POST", "/keys", draft);
  expect([late.status, late.body.status]).toEqual([201, "disabled"]);
  const changed = await manage("PATCH", `/keys/${made.id}`, { enabled: true });
  expect([changed.status, changed.body.status]).toEqual([200, "disabled"]);
  const rotated = await manage("POST", `/keys/${made.id}/rotate`, { overlap_seconds: 60 });
  expect([rotated.status, rotated.body.error]).toEqual([409, "conflict"]);
  expect([await opens(here), await opens(here, late.body.key)]).toEqual([false, false]);
  await waitFor(await enable(true));
  expect([await opens(here), await opens(here, late.body.key)]).toEqual([true, true]);
});

test("a rotation or a read beside the disabling leaves no key that goes on", async () => {
  const { clock, here, there, owner, opens } = await givenEdges(10);
  for (let round = 0; round < 4; round += 1) {
    const { account } = await givenPerson(here);
    const { key, id } = await givenKey(here, { owner: { ...owner, id: account.id } });
    const [rotated, disabled] = await Promise.all([
      there.rooms.apiKeys.rotate(id, { overlapSeconds: 3600 }, asOperator(there)).catch(() => null),
      here.rooms.accounts.disable(account.id, asOperator(here)),
      ...Array.from({ length: 5 }, () => opens(there, key)),
    ]);
    if (rotated) await opens(there, rotated.key);
    await there.settle();
    clock.advance(disabled.reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
    for (const text of [key, ...(rotated ? [rotated.key] : [])]) expect(await opens(there, text)).toBe(false);
  }
});

test("without Redis the disabling is stored, the time it promises is the true one, and the cron trigger shortens it", async () => {
  const { clock, here, there, owner, opens } = await givenEdges(10);
  expect(await opens(there)).toBe(true);
  await there.settle();
  await here.redisFault([{ kind: "refuse" }]);
  const { reach } = await here.rooms.accounts.disable(owner.id, asOperator(here));
  expect(reach).toEqual({ effectiveEverywhereBy: new Date(clock.now() + 315_000), announced: false });
  await here.redisFault([]);
  clock.advance(3000);
  await here.rooms.revocation.repair();
  clock.advance(10_000);
  expect(await opens(there)).toBe(false);
});

test("who was deleted can be given no key that opens anything; a user id that is no account of ours is nobody's to disable", async () => {
  const { here, owner, opens } = await givenEdges(10);
  await here.rooms.accounts.remove(owner.id, null, asOperator(here));
  expect(await opens(here, (await givenKey(here, { owner })).key)).toBe(false);
  expect(await opens(here, (await givenKey(here, { owner: { ...owner, id: unique("u") } })).key)).toBe(true);
});
