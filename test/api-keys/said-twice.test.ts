import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { askedOf, givenAdminKey, givenIsolate, givenKey, json, unique, withAdmin } from "../support/given.ts";

type Revoked = { effective_everywhere_by: string; key_ids: string[] };

test("an owner's revocation said again promises a time that is true of the first one too", async () => {
  const clock = createClock();
  const isolate = await givenIsolate({ clock });
  const other = await givenIsolate({ clock });
  const admin = await givenAdminKey(isolate);
  const owner = { type: "user", id: unique("leaver") } as const;
  const { key } = await givenKey(isolate, { owner });
  const question = { key, scopes: [], cost: 0, address: null };
  expect((await other.rooms.keyVerifier.verifyKey(question, askedOf(other))).valid).toBe(true);
  await other.settle();
  const revoke = async () =>
    (await isolate
      .fetch(`/admin/v1/owners/user/${owner.id}/revoke-keys`, {
        method: "POST",
        headers: withAdmin(admin),
      })
      .then((response) => response.json())) as Revoked;
  await isolate.redisFault([{ kind: "status", status: 500, match: "changes" }]);
  const first = await revoke();
  await isolate.redisFault([]);
  clock.advance(1500);

  const second = await revoke();

  expect(first.key_ids).toHaveLength(1);
  expect(second.key_ids).toEqual([]);
  expect(Date.parse(second.effective_everywhere_by)).toBeGreaterThanOrEqual(clock.now() + 10_000);
  clock.advance(10_001);
  const late = await other.rooms.keyVerifier.verifyKey(question, askedOf(other));
  expect(late.code).toBe("revoked");
});

test("a replaced key may be ended sooner than its overlap, never later", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const { id } = await givenKey(isolate);
  const rotated = await isolate.fetch(
    `/admin/v1/keys/${id}/rotate`,
    json({ overlap_seconds: 60 }, withAdmin(admin)),
  );
  const { replaced } = (await rotated.json()) as { replaced: { expires_at: string } };
  const patch = async (expiresAt: string | null) => {
    const body = json({ expires_at: expiresAt }, withAdmin(admin));
    const response = await isolate.fetch(`/admin/v1/keys/${id}`, { ...body, method: "PATCH" });
    return ((await response.json()) as { expires_at: string }).expires_at;
  };

  expect(await patch(null)).toBe(replaced.expires_at);
  expect(await patch("2099-01-01T00:00:00Z")).toBe(replaced.expires_at);
  const sooner = new Date(isolate.clock.now() + 5000).toISOString();
  expect(await patch(sooner)).toBe(sooner);
});

test("revoking an owner's keys leaves those already deleted as they were", async () => {
  const isolate = await givenIsolate();
  const owner = { type: "organization", id: unique("org") } as const;
  const { id } = await givenKey(isolate, { owner });
  const operator = {
    actor: { type: "operator", id: "test" },
    origin: { requestId: "test", address: "", country: null },
    background: isolate.background,
  } as const;
  await isolate.rooms.apiKeys.remove(id, operator);

  const { keyIds } = await isolate.rooms.apiKeys.revokeOfOwner(owner, operator);

  expect(keyIds).toEqual([]);
  expect((await isolate.rooms.apiKeys.get(id)).revokedAt).toBeNull();
});

test("a day that its month does not have and an owner no URL can name are refused", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const create = async (fields: object) => {
    const draft = { name: "n", owner: { type: "user", id: "u" }, ...fields };
    const response = await isolate.fetch("/admin/v1/keys", json(draft, withAdmin(admin)));
    return { status: response.status, detail: ((await response.json()) as { detail: string }).detail };
  };

  expect(await create({ expires_at: "2027-02-30T00:00:00Z" })).toEqual({
    status: 400,
    detail: "expires_at: must be a time that exists",
  });
  expect((await create({ owner: { type: "user", id: ".." } })).detail).toMatch(/^owner\.id: must not be/);
});
