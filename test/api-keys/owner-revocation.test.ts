import { expect, test } from "vitest";
import { givenIsolate, givenKey, unique } from "../support/given.ts";
import { eventsAbout, givenManagement, verdictOn } from "./management.ts";

const codesOf = async (verdicts: Promise<{ code: string }>[]): Promise<string[]> =>
  (await Promise.all(verdicts)).map(({ code }) => code);

test("every key of an owner is revoked at once, and every edge knows by the promised time; nobody else's is touched", async () => {
  const { isolate, manage } = await givenManagement();
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const owner = { type: "organization", id: unique("org") } as const;
  const keys = await Promise.all(Array.from({ length: 4 }, () => givenKey(isolate, { owner })));
  const namesake = await givenKey(isolate, { owner: { type: "user", id: owner.id } });
  const texts = keys.map(({ key }) => key);
  expect(await codesOf(texts.map((key) => verdictOn(elsewhere, key)))).toEqual(texts.map(() => "valid"));

  const revoked = await manage("POST", `/owners/organization/${owner.id}/revoke-keys`);

  expect(revoked.status).toBe(200);
  expect(revoked.body.key_ids.toSorted()).toEqual(keys.map(({ id }) => id).sort());
  expect(revoked.body.revoked_at).toBe(new Date(isolate.clock.now()).toISOString());
  expect(await codesOf(texts.map((key) => verdictOn(isolate, key)))).toEqual(texts.map(() => "revoked"));
  isolate.clock.advance(Date.parse(revoked.body.effective_everywhere_by) - isolate.clock.now() + 1);
  expect(await codesOf(texts.map((key) => verdictOn(elsewhere, key)))).toEqual(texts.map(() => "revoked"));
  expect(await verdictOn(elsewhere, namesake.key)).toMatchObject({ valid: true });
  for (const { id } of keys)
    expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.revoked by_owner_revocation"]);
  expect(await eventsAbout(isolate, owner.id)).toEqual(["owner.keys_revoked by_operator"]);
});

test("keys that are disabled, expired or in an overlap are revoked too, and none of them can come back", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = { type: "service", id: unique("service") } as const;
  const disabled = await givenKey(isolate, { owner });
  await manage("PATCH", `/keys/${disabled.id}`, { enabled: false });
  const expired = await givenKey(isolate, { owner, expiresAt: new Date(isolate.clock.now() + 1000) });
  const replaced = await givenKey(isolate, { owner });
  const successor = await manage("POST", `/keys/${replaced.id}/rotate`, { overlap_seconds: 3600 });
  isolate.clock.advance(2000);

  const revoked = await manage("POST", `/owners/service/${owner.id}/revoke-keys`);

  const ids = [disabled.id, expired.id, replaced.id, successor.body.id];
  expect(revoked.body.key_ids.toSorted()).toEqual(ids.sort());
  expect(await verdictOn(isolate, successor.body.key)).toMatchObject({ code: "revoked" });
  expect(await verdictOn(isolate, replaced.key)).toMatchObject({ code: "revoked" });
  for (const id of ids) {
    const back = await manage("PATCH", `/keys/${id}`, { enabled: true, expires_at: null });
    expect([back.status, back.body.error]).toEqual([409, "conflict"]);
  }
});

test("an owner without keys is answered with none, and doing it twice revokes nothing twice", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = { type: "user", id: `${unique("user")}|a/b@c` } as const;
  const path = `/owners/user/${encodeURIComponent(owner.id)}/revoke-keys`;
  expect((await manage("POST", path)).body.key_ids).toEqual([]);
  const { id } = await givenKey(isolate, { owner });
  const first = await manage("POST", path);
  expect(first.body.key_ids).toEqual([id]);
  isolate.clock.advance(1000);
  const second = await manage("POST", path);
  expect(second).toMatchObject({ status: 200, body: { key_ids: [] } });
  expect((await manage("GET", `/keys/${id}`)).body.revoked_at).toBe(first.body.revoked_at);
});

test("an owner of no known type is not found", async () => {
  const { manage } = await givenManagement();
  const answer = await manage("POST", "/owners/robot/x/revoke-keys");
  expect([answer.status, answer.body.error]).toEqual([404, "not_found"]);
});

test("more keys than one announcement holds are all revoked, and every edge knows", async () => {
  const { isolate, manage } = await givenManagement();
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const owner = { type: "organization", id: unique("org") } as const;
  const made = await Promise.all(Array.from({ length: 520 }, () => givenKey(isolate, { owner })));
  const seen = made.filter((_, index) => index % 65 === 0).map(({ key }) => key);
  await codesOf(seen.map((key) => verdictOn(elsewhere, key)));
  await elsewhere.settle();
  const revoked = await manage("POST", `/owners/organization/${owner.id}/revoke-keys`);
  expect(revoked.body.key_ids).toHaveLength(520);
  isolate.clock.advance(Date.parse(revoked.body.effective_everywhere_by) - isolate.clock.now() + 1);
  expect(await codesOf(seen.map((key) => verdictOn(elsewhere, key)))).toEqual(seen.map(() => "revoked"));
});

test("rotations and the revocation of their owner at once leave no key alive, whichever comes first", async () => {
  const { isolate, manage } = await givenManagement();
  for (let round = 0; round < 12; round += 1) {
    const owner = { type: "organization", id: unique("org") } as const;
    const made = await Promise.all([givenKey(isolate, { owner }), givenKey(isolate, { owner })]);
    const rotations = made.map(({ id }) => manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 600 }));
    const [revoked, ...rotated] = await Promise.all([
      manage("POST", `/owners/organization/${owner.id}/revoke-keys`),
      ...rotations,
    ]);
    expect(revoked.status).toBe(200);
    const answers = rotated.map(({ status }) => status);
    expect(
      answers.every((status) => status === 201 || status === 409),
      answers.join(" "),
    ).toBe(true);
    const { data } = (await manage("GET", `/keys?owner_type=organization&owner_id=${owner.id}`)).body;
    const alive = (data as { id: string; revoked_at: string | null }[]).filter(
      (key) => key.revoked_at === null,
    );
    expect(alive.map(({ id }) => id)).toEqual([]);
  }
});
