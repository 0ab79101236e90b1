import { expect, test } from "vitest";
import { givenKey, givenRoute, unique } from "../support/given.ts";
import { eventsAbout, givenManagement, present, rowOf } from "./management.ts";

const draft = (owner: string, more: object = {}) => ({
  name: "billing robot",
  owner: { type: "service", id: owner },
  environment: "test",
  scopes: ["invoices:read", "invoices:write"],
  ...more,
});

test("a created key is answered with all that was asked for, who made it, and its secret", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = unique("service");
  const expiresAt = new Date(isolate.clock.now() + 3_600_000).toISOString();
  const asked = {
    ...draft(owner),
    expires_at: expiresAt,
    allowed_addresses: ["192.0.2.0/24", "2001:DB8::/32"],
    limits: [{ name: "per-minute", limit: 60, window_seconds: 60 }],
    metadata: { team: "billing", tier: 2 },
  };
  const created = await manage("POST", "/keys", asked);

  expect(created.status).toBe(201);
  expect(created.headers.get("cache-control")).toBe("no-store");
  expect(created.body.key).toMatch(/^gk_test_[0-9A-Za-z]{60}$/);
  const { key, ...shown } = created.body;
  expect(shown).toMatchObject({
    ...asked,
    allowed_addresses: ["192.0.2.0/24", "2001:db8::/32"],
    id: expect.stringMatching(/^key_[0-9A-Za-z]{22}$/),
    prefix: key.slice(0, 12),
    status: "active",
    enabled: true,
    imported: false,
    replaces: null,
    created_by: expect.stringMatching(/^key_/),
    created_at: new Date(isolate.clock.now()).toISOString(),
    last_used: null,
  });
  expect((await manage("GET", `/keys/${shown.id}`)).body).toEqual(shown);
  expect(await eventsAbout(isolate, shown.id)).toEqual(["key.created"]);
});

test("the keys of an owner are listed newest first, page after page, each of them once", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = unique("service");
  const made: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    // Two of one millisecond: the id decides between them, and neither is lost between pages.
    if (index !== 2) isolate.clock.advance(1000);
    made.push((await manage("POST", "/keys", draft(owner))).body.id);
  }
  await manage("POST", "/keys", draft(unique("service")));

  const seen: string[] = [];
  let path = `/keys?owner_type=service&owner_id=${owner}&limit=2`;
  for (let page = 0; page < 4 && path; page += 1) {
    const { status, body } = await manage("GET", path);
    expect(status).toBe(200);
    seen.push(...body.data.map((key: { id: string }) => key.id));
    path =
      body.next_cursor && `/keys?owner_type=service&owner_id=${owner}&limit=2&cursor=${body.next_cursor}`;
  }
  const [a = "", b = "", c = "", d, e] = made;
  expect(seen).toEqual([e, d, ...[b, c].sort().reverse(), a]);
});

test("an environment narrows the list, and half an owner is refused instead of answered with everybody's keys", async () => {
  const { manage } = await givenManagement();
  const owner = unique("service");
  const live = await manage("POST", "/keys", draft(owner, { environment: "live" }));
  await manage("POST", "/keys", draft(owner));
  const listed = await manage("GET", `/keys?owner_type=service&owner_id=${owner}&environment=live`);
  expect(listed.body.data.map((key: { id: string }) => key.id)).toEqual([live.body.id]);
  const half = await manage("GET", `/keys?owner_id=${owner}`);
  expect([half.status, half.body.error]).toEqual([400, "invalid_request"]);
});

test("an update changes what it names and nothing else, and the next check goes by it", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate, { scopes: ["read"] });
  const route = await givenRoute(isolate, { scopes: ["write"] });
  const before = (await manage("GET", `/keys/${id}`)).body;
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "insufficient_scope" },
  });

  isolate.clock.advance(1000);
  const edits = {
    name: "renamed",
    scopes: ["write"],
    limits: [{ name: "daily", limit: 9, window_seconds: 86_400 }],
    metadata: { a: [1, "two"] },
    allowed_addresses: [`${isolate.address}`],
  };
  const updated = await manage("PATCH", `/keys/${id}`, edits);

  expect(updated.status).toBe(200);
  const { effective_everywhere_by: effectiveBy, ...shown } = updated.body;
  expect(Date.parse(effectiveBy)).toBe(isolate.clock.now() + 10_000);
  expect(shown).toEqual({
    ...before,
    ...edits,
    allowed_addresses: [`${isolate.address}/128`],
    updated_at: new Date(isolate.clock.now()).toISOString(),
  });
  expect((await manage("GET", `/keys/${id}`)).body).toEqual(shown);
  expect((await present(isolate, route, key)).status).toBe(200);
  const elsewhere = await present(isolate, route, key, { "cf-connecting-ip": "192.0.2.1" });
  expect(elsewhere).toMatchObject({ status: 403, body: { error: "address_not_allowed" } });
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.updated"]);
});

test("what a key is cannot be changed into something else: owner, environment, secret, times and lineage are no edits", async () => {
  const { isolate, manage } = await givenManagement();
  const { id } = await givenKey(isolate);
  const before = await rowOf(isolate, id);
  const forbidden = [
    "owner",
    "environment",
    "key",
    "secret_hash",
    "revoked_at",
    "lineage_id",
    "replaces",
    "id",
  ];
  for (const field of forbidden) {
    const answer = await manage("PATCH", `/keys/${id}`, { [field]: "x" });
    expect([answer.status, answer.body.error], field).toEqual([400, "invalid_request"]);
  }
  expect((await manage("PATCH", `/keys/${id}`, {})).status).toBe(400);
  expect(await rowOf(isolate, id)).toEqual(before);
});

test("a disabled key is refused and an enabled one opens again, each told to audit", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const disabled = await manage("PATCH", `/keys/${id}`, { enabled: false });
  expect([disabled.status, disabled.body.status, disabled.body.enabled]).toEqual([200, "disabled", false]);
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });

  const enabled = await manage("PATCH", `/keys/${id}`, { enabled: true });
  expect([enabled.status, enabled.body.status]).toEqual([200, "active"]);
  expect((await present(isolate, route, key)).status).toBe(200);
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.disabled", "key.enabled"]);
});

test("a key opens until the millisecond in which it expires, and opens again when it is prolonged", async () => {
  const { isolate, manage } = await givenManagement();
  const expiresAt = new Date(isolate.clock.now() + 60_000);
  const { key, id } = await givenKey(isolate, { expiresAt });
  const route = await givenRoute(isolate);
  isolate.clock.advance(59_999);
  expect((await present(isolate, route, key)).status).toBe(200);
  isolate.clock.advance(1);
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });
  expect((await manage("GET", `/keys/${id}`)).body.status).toBe("expired");

  const past = await manage("PATCH", `/keys/${id}`, { expires_at: expiresAt.toISOString() });
  expect([past.status, past.body.error]).toEqual([400, "invalid_request"]);
  expect((await manage("PATCH", `/keys/${id}`, { expires_at: null })).body.status).toBe("active");
  expect((await present(isolate, route, key)).status).toBe(200);
});

test("revoking is for ever, the first time stands, and doing it again answers the same", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  expect((await present(isolate, route, key)).status).toBe(200);
  const revokedAt = new Date(isolate.clock.now()).toISOString();
  const first = await manage("POST", `/keys/${id}/revoke`);
  expect(first).toMatchObject({ status: 200, body: { revoked_at: revokedAt } });
  isolate.clock.advance(5000);
  const second = await manage("POST", `/keys/${id}/revoke`);

  expect(second).toMatchObject({ status: 200, body: { revoked_at: revokedAt } });
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });
  for (const edit of [{ enabled: true }, { expires_at: null }, { name: "back" }]) {
    const answer = await manage("PATCH", `/keys/${id}`, edit);
    expect([answer.status, answer.body.error], JSON.stringify(edit)).toEqual([409, "conflict"]);
  }
  expect((await manage("GET", `/keys/${id}`)).body).toMatchObject({
    status: "revoked",
    revoked_at: revokedAt,
  });
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.revoked by_operator"]);
});

test("a deleted key is refused and leaves the list, but its row and its hash stay taken", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id, record } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const deleted = await manage("DELETE", `/keys/${id}`);

  expect(deleted.status).toBe(200);
  expect(Object.keys(deleted.body).sort()).toEqual(["deleted_at", "effective_everywhere_by"]);
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });
  const listed = await manage("GET", `/keys?owner_type=user&owner_id=${record.owner.id}`);
  expect(listed.body.data).toEqual([]);
  expect((await manage("GET", `/keys/${id}`)).body.status).toBe("deleted");
  expect(await rowOf(isolate, id)).toMatchObject({ revoked_at: null, secret_hash: expect.any(String) });
  for (const [method, path, body] of [
    ["DELETE", `/keys/${id}`, undefined],
    ["POST", `/keys/${id}/revoke`, undefined],
    ["POST", `/keys/${id}/rotate`, {}],
    ["PATCH", `/keys/${id}`, { enabled: true }],
  ] as const) {
    const answer = await manage(method, path, body);
    expect([answer.status, answer.body.error], `${method} ${path}`).toEqual([409, "conflict"]);
  }
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.deleted"]);
});

test("an id that nothing has is 404 in every call, and one that is not even shaped like an id costs no look-up", async () => {
  const { isolate, manage } = await givenManagement();
  await manage("GET", "/keys?limit=1");
  await isolate.settle();
  await isolate.forgetCalls();
  for (const id of ["key_0000000000000000000000", "nothing", "key_';drop table api_keys;--"]) {
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["PATCH", "", { name: "x" }],
      ["DELETE", "", undefined],
      ["POST", "/revoke", undefined],
      ["POST", "/rotate", {}],
    ] as const) {
      const answer = await manage(method, `/keys/${encodeURIComponent(id)}${path}`, body);
      expect([answer.status, answer.body.error], `${method} ${id}`).toEqual([404, "not_found"]);
    }
    // Look-ups begin only with an id that could exist; what was asked before is the first round of this loop.
    if (id.startsWith("key_0")) await isolate.forgetCalls();
  }
  expect((await isolate.calls()).postgres).toBe(0);
});
