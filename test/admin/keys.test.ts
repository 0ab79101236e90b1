import { expect, test } from "vitest";
import { askedOf, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";

type Key = { id: string; key: string; prefix: string } & Record<string, unknown>;

const draft = () => ({
  name: "  Orders, nightly  ",
  owner: { type: "organization", id: unique("org") },
  environment: "test",
  scopes: ["orders:read", "orders:write"],
  allowed_addresses: ["192.0.2.7", "2001:db8::/32"],
  limits: [{ name: "per-minute", limit: 60, window_seconds: 60 }],
  metadata: { plan: "gold", nested: { list: [1, null, "é"] } },
});

test("creating answers 201 with the whole record and the secret, and the secret is shown this once", async () => {
  const { ask, call, keyId, isolate } = await givenOperator();
  const given = draft();
  const expiresAt = new Date(isolate.clock.now() + 86_400_000).toISOString();

  const answer = await call("POST", "/keys", { ...given, expires_at: expiresAt });

  expect(answer.status).toBe(201);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const created = (await answer.json()) as Key;
  const now = new Date(isolate.clock.now()).toISOString();
  expect(created).toEqual({
    id: expect.stringMatching(/^key_[0-9A-Za-z]{22}$/),
    key: expect.stringMatching(/^gk_test_[0-9A-Za-z]{60}$/),
    name: "Orders, nightly",
    owner: given.owner,
    environment: "test",
    prefix: created.key.slice(0, 12),
    status: "active",
    enabled: true,
    scopes: given.scopes,
    allowed_addresses: ["192.0.2.7/32", "2001:db8::/32"],
    limits: given.limits,
    metadata: given.metadata,
    imported: false,
    replaces: null,
    replaced_by: null,
    created_by: keyId,
    created_at: now,
    updated_at: now,
    expires_at: expiresAt,
    revoked_at: null,
    deleted_at: null,
    exposed_at: null,
    last_used: null,
  });
  const { key, ...record } = created;
  expect(await ask(200, "GET", `/keys/${created.id}`)).toEqual(record);
  const { owner } = given;
  const listed = await ask(200, "GET", `/keys?owner_type=${owner.type}&owner_id=${owner.id}`);
  expect(listed).toEqual({ data: [record], next_cursor: null });
  expect(JSON.stringify(listed)).not.toContain(key.slice(12));
});

test("what is left out gets its stated default: live, no scopes, no limits, no expiry", async () => {
  const { ask } = await givenOperator();
  const created = await ask<Key>(201, "POST", "/keys", {
    name: "bare",
    owner: { type: "user", id: unique("user") },
  });
  expect(created.key).toMatch(/^gk_live_/);
  expect(created).toMatchObject({
    environment: "live",
    scopes: [],
    limits: [],
    allowed_addresses: [],
    metadata: {},
    expires_at: null,
  });
});

test("PATCH changes each field, alone and together, and says when the change is felt everywhere", async () => {
  const { ask, isolate } = await givenOperator();
  const { key: _, ...created } = await ask<Key>(201, "POST", "/keys", draft());
  const edits: Record<string, unknown>[] = [
    { name: "renamed" },
    { scopes: ["orders:read"] },
    { scopes: [] },
    { limits: [{ name: "per-day", limit: 5, window_seconds: 86_400 }] },
    { limits: [] },
    { allowed_addresses: ["198.51.100.0/24"] },
    { metadata: {} },
    { expires_at: new Date(isolate.clock.now() + 60_000).toISOString() },
    { expires_at: null },
    { enabled: false },
    { enabled: true, name: "again", metadata: { a: 1 } },
  ];
  let expected: Record<string, unknown> = created;
  for (const edit of edits) {
    isolate.clock.advance(1000);
    const now = isolate.clock.now();
    const answer = await ask(200, "PATCH", `/keys/${created.id}`, edit);
    const status = edit["enabled"] === false ? "disabled" : "active";
    expected = { ...expected, ...edit, status, updated_at: new Date(now).toISOString() };
    // Bound 10: the edges know within ten seconds.
    const effective = new Date(now + 10_000).toISOString();
    expect(answer).toEqual({ ...expected, effective_everywhere_by: effective });
    expect(await ask(200, "GET", `/keys/${created.id}`)).toEqual(expected);
  }
});

test("PATCH of nothing, and of what no key can change, is refused and changes nothing", async () => {
  const { ask, call } = await givenOperator();
  const { key: _, ...created } = await ask<Key>(201, "POST", "/keys", draft());
  const refusals: [Record<string, unknown>, RegExp][] = [
    [{}, /at least one field/],
    [{ owner: { type: "user", id: "x" } }, /^owner: is not a known field$/],
    [{ environment: "live" }, /^environment: is not a known field$/],
    [{ id: "key_1" }, /^id: is not a known field$/],
    [{ revoked_at: null }, /^revoked_at: is not a known field$/],
    [{ name: "x", created_by: "me" }, /^created_by: is not a known field$/],
  ];
  for (const [edit, detail] of refusals) {
    const refused = await call("PATCH", `/keys/${created.id}`, edit);
    expect((await expectProblem(refused, 400, "invalid_request")).detail).toMatch(detail);
  }
  expect(await ask(200, "GET", `/keys/${created.id}`)).toEqual(created);
});

test("rotating answers 201 as creating does, names what it replaces, and tells whether the old key is in use", async () => {
  const { ask, isolate } = await givenOperator();
  const { key: oldKey, ...old } = await ask<Key>(201, "POST", "/keys", draft());
  const used = await isolate.rooms.keyVerifier.verifyKey(
    { key: oldKey, scopes: [], cost: 1, address: "192.0.2.7" },
    askedOf(isolate),
  );
  expect(used.code).toBe("valid");
  await isolate.settle();
  isolate.clock.advance(5000);
  const now = isolate.clock.now();
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

  const rotated = await ask<Key>(201, "POST", `/keys/${old.id}/rotate`, { overlap_seconds: 3600 });

  const { key, replaced, effective_everywhere_by: effective, ...successor } = rotated;
  expect(key).toMatch(/^gk_test_[0-9A-Za-z]{60}$/);
  expect(key).not.toBe(oldKey);
  expect(effective).toBe(at(10));
  expect(successor).toEqual({
    ...old,
    id: expect.stringMatching(/^key_[0-9A-Za-z]{22}$/),
    prefix: key.slice(0, 12),
    replaces: old.id,
    created_at: at(0),
    updated_at: at(0),
  });
  const usedAt = { at: at(-5), address: "192.0.2.7", country: null };
  expect(replaced).toEqual({
    ...old,
    status: "replaced",
    replaced_by: successor.id,
    updated_at: at(0),
    expires_at: at(3600),
    last_used: usedAt,
    still_in_use: usedAt,
  });
  const { still_in_use: _, ...stored } = replaced as Record<string, unknown>;
  expect(await ask(200, "GET", `/keys/${old.id}`)).toEqual(stored);
  expect(await ask(200, "GET", `/keys/${successor.id}`)).toEqual(successor);
});

test("a key that is replaced, disabled, expired, revoked or deleted is not rotated: 409, and no successor is born", async () => {
  const { ask, call, isolate } = await givenOperator();
  const ends: Record<string, (id: string) => Promise<unknown>> = {
    replaced: (id) => ask(201, "POST", `/keys/${id}/rotate`, { overlap_seconds: 600 }),
    disabled: (id) => ask(200, "PATCH", `/keys/${id}`, { enabled: false }),
    revoked: (id) => ask(200, "POST", `/keys/${id}/revoke`),
    deleted: (id) => ask(200, "DELETE", `/keys/${id}`),
    expired: async (id) => {
      const soon = new Date(isolate.clock.now() + 1000).toISOString();
      await ask(200, "PATCH", `/keys/${id}`, { expires_at: soon });
      isolate.clock.advance(1001);
    },
  };
  for (const [state, end] of Object.entries(ends)) {
    const given = draft();
    const { id } = await ask<Key>(201, "POST", "/keys", given);
    await end(id);
    const before = await isolate.rooms.apiKeys.get(id);
    await expectProblem(await call("POST", `/keys/${id}/rotate`, {}), 409, "conflict");
    expect(await isolate.rooms.apiKeys.get(id), state).toEqual(before);
    const query = `/keys?owner_type=organization&owner_id=${given.owner.id}`;
    const { data } = await ask<{ data: unknown[] }>(200, "GET", query);
    expect(data, state).toHaveLength({ replaced: 2, deleted: 0 }[state] ?? 1);
  }
});

test("revoking answers 200 with exactly two times, and again with the same first one; nothing brings the key back", async () => {
  const { ask, call, isolate } = await givenOperator();
  const { id } = await ask<Key>(201, "POST", "/keys", draft());
  const now = isolate.clock.now();
  const revokedAt = new Date(now).toISOString();

  const first = await ask(200, "POST", `/keys/${id}/revoke`, {});
  expect(first).toEqual({
    revoked_at: revokedAt,
    effective_everywhere_by: new Date(now + 10_000).toISOString(),
  });

  isolate.clock.advance(60_000);
  const second = await ask(200, "POST", `/keys/${id}/revoke`);
  expect(second["revoked_at"]).toBe(revokedAt);
  await expectProblem(await call("PATCH", `/keys/${id}`, { enabled: true }), 409, "conflict");
  expect(await ask(200, "GET", `/keys/${id}`)).toMatchObject({ status: "revoked", revoked_at: revokedAt });
});

test("deleting is soft: the record stays readable, leaves the list, and cannot be deleted, changed or revoked again", async () => {
  const { ask, call, isolate } = await givenOperator();
  const given = draft();
  const { id } = await ask<Key>(201, "POST", "/keys", given);
  const now = isolate.clock.now();
  const deletedAt = new Date(now).toISOString();
  expect(await ask(200, "DELETE", `/keys/${id}`)).toEqual({
    deleted_at: deletedAt,
    effective_everywhere_by: new Date(now + 10_000).toISOString(),
  });
  expect(await ask(200, "GET", `/keys/${id}`)).toMatchObject({ status: "deleted", deleted_at: deletedAt });
  const query = `/keys?owner_type=organization&owner_id=${given.owner.id}`;
  expect(await ask(200, "GET", query)).toEqual({ data: [], next_cursor: null });
  await expectProblem(await call("DELETE", `/keys/${id}`), 409, "conflict");
  await expectProblem(await call("PATCH", `/keys/${id}`, { name: "x" }), 409, "conflict");
  await expectProblem(await call("POST", `/keys/${id}/revoke`), 409, "conflict");
});

test("a change that could not be announced says so: propagation is delayed, to the death of the last copy", async () => {
  const { ask, isolate } = await givenOperator();
  const { id } = await ask<Key>(201, "POST", "/keys", draft());
  await isolate.redisFault([{ kind: "status", status: 500 }]);
  const now = isolate.clock.now();
  // 300 s of a record's life, 5 s of slack for its read, 10 s of bound.
  expect(await ask(200, "POST", `/keys/${id}/revoke`)).toEqual({
    revoked_at: new Date(now).toISOString(),
    effective_everywhere_by: new Date(now + 315_000).toISOString(),
    propagation: "delayed",
  });
});
