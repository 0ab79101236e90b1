import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate } from "../support/given.ts";
import { eventsAbout, givenManagement, managing, present, rowOf, verdictOn } from "./management.ts";

async function successorsOf(isolate: Isolate, id: string): Promise<string[]> {
  const { rows } = await isolate.rooms.database.execute<{ id: string }>(
    sql`select id from api_keys where replaces = ${id}`,
  );
  return rows.map((row) => row.id);
}

test("the successor keeps owner, name, environment, scopes, limits, addresses, metadata, expiry and lineage", async () => {
  const { isolate, manage } = await givenManagement();
  const expiresAt = new Date(isolate.clock.now() + 90 * 86_400_000);
  const { id, key } = await givenKey(isolate, {
    name: "robot",
    environment: "test",
    scopes: ["a", "b"],
    limits: [{ name: "daily", limit: 5, windowSeconds: 86_400 }],
    allowedAddresses: ["192.0.2.0/24"],
    metadata: { team: "billing" },
    expiresAt,
  });
  const old = (await manage("GET", `/keys/${id}`)).body;
  isolate.clock.advance(1000);
  const rotated = await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 3600 });

  expect(rotated.status).toBe(201);
  expect(rotated.headers.get("cache-control")).toBe("no-store");
  const { key: newKey, replaced, effective_everywhere_by: _, ...successor } = rotated.body;
  expect(newKey).toMatch(/^gk_test_[0-9A-Za-z]{60}$/);
  expect(newKey).not.toBe(key);
  const now = new Date(isolate.clock.now()).toISOString();
  expect(successor).toEqual({
    ...old,
    id: expect.stringMatching(/^key_/),
    prefix: newKey.slice(0, 12),
    replaces: id,
    created_by: expect.stringMatching(/^key_/),
    created_at: now,
    updated_at: now,
  });
  const overlapEnd = new Date(isolate.clock.now() + 3_600_000).toISOString();
  expect(replaced).toMatchObject({
    id,
    status: "replaced",
    replaced_by: successor.id,
    expires_at: overlapEnd,
  });
  expect((await rowOf(isolate, successor.id))["lineage_id"]).toBe((await rowOf(isolate, id))["lineage_id"]);
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.rotated"]);
  expect(await eventsAbout(isolate, successor.id)).toEqual(["key.created"]);
});

test("during the overlap both secrets open, and in the millisecond in which it ends the old one is dead", async () => {
  const { isolate, manage } = await givenManagement();
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  expect((await present(elsewhere, route, key)).status).toBe(200);
  const successor = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 })).body;

  isolate.clock.advance(59_999);
  for (const edge of [isolate, elsewhere]) {
    expect((await present(edge, route, key)).status).toBe(200);
    expect((await present(edge, route, successor.key)).status).toBe(200);
  }
  isolate.clock.advance(1);
  for (const edge of [isolate, elsewhere]) {
    expect(await present(edge, route, key)).toMatchObject({
      status: 403,
      body: { error: "Invalid API Key" },
    });
    expect(await verdictOn(edge, key)).toMatchObject({ valid: false, code: "expired" });
    expect((await present(edge, route, successor.key)).status).toBe(200);
  }
});

test("no overlap means none: the old secret is refused where it was rotated at once, elsewhere by the promised time", async () => {
  const { isolate, manage } = await givenManagement();
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const { key, id } = await givenKey(isolate);
  expect((await verdictOn(elsewhere, key)).valid).toBe(true);
  const rotated = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 0 })).body;
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: false, code: "expired" });
  isolate.clock.advance(Date.parse(rotated.effective_everywhere_by) - isolate.clock.now() + 1);
  expect(await verdictOn(elsewhere, key)).toMatchObject({ valid: false, code: "expired" });
  expect(await verdictOn(elsewhere, rotated.key)).toMatchObject({ valid: true });
});

test("an overlap never lengthens a life: a key that ends sooner ends when it always would have", async () => {
  const { isolate, manage } = await givenManagement();
  const expiresAt = new Date(isolate.clock.now() + 60_000);
  const { id } = await givenKey(isolate, { expiresAt });
  const rotated = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 3600 })).body;
  expect(rotated.replaced.expires_at).toBe(expiresAt.toISOString());
  expect(rotated.expires_at).toBe(expiresAt.toISOString());
});

test("a rotation may give the successor an end of its own, or none, and the old key keeps to the overlap", async () => {
  const { isolate, manage } = await givenManagement();
  const { id } = await givenKey(isolate, { expiresAt: new Date(isolate.clock.now() + 86_400_000) });
  const overlap = { overlap_seconds: 60 };
  const first = (await manage("POST", `/keys/${id}/rotate`, { ...overlap, expires_at: null })).body;
  expect(first.expires_at).toBeNull();
  const end = new Date(isolate.clock.now() + 5_000_000).toISOString();
  const second = (await manage("POST", `/keys/${first.id}/rotate`, { ...overlap, expires_at: end })).body;
  expect(second.expires_at).toBe(end);
  expect(second.replaced.expires_at).toBe(new Date(isolate.clock.now() + 60_000).toISOString());
});

test("old and new draw on one limit, at every edge: a rotation gives no second budget", async () => {
  const { isolate, manage } = await givenManagement();
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const limits = [{ name: "hourly", limit: 3, windowSeconds: 3600 }];
  const { key, id } = await givenKey(isolate, { limits });
  const route = await givenRoute(isolate);
  expect((await present(isolate, route, key)).status).toBe(200);
  const next = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 600 })).body;
  const afterNext = (await manage("POST", `/keys/${next.id}/rotate`, { overlap_seconds: 600 })).body;
  expect((await present(elsewhere, route, next.key)).headers.get("ratelimit")).toMatch(/^"hourly";r=1;/);
  expect((await present(isolate, route, afterNext.key)).status).toBe(200);

  for (const secret of [key, next.key, afterNext.key]) {
    const refused = await present(elsewhere, route, secret);
    expect([refused.status, refused.body.error]).toEqual([429, "rate_limited"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3000);
  }
});

test("of two rotations at once one gives the successor and the other is told 409, and there is one successor", async () => {
  const { isolate, admin, manage } = await givenManagement();
  const other = await givenIsolate({ clock: isolate.clock });
  const elsewhere = managing(other, admin);
  for (let round = 0; round < 5; round += 1) {
    const { id } = await givenKey(isolate);
    const answers = await Promise.all([
      manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 }),
      elsewhere("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const [won] = answers.filter(({ status }) => status === 201);
    const [lost] = answers.filter(({ status }) => status === 409);
    expect(lost?.body).toMatchObject({
      error: "conflict",
      detail: "the key was already rotated; rotate its successor",
    });
    expect(await successorsOf(isolate, id)).toEqual([won?.body.id]);
    expect((await verdictOn(other, won?.body.key)).valid).toBe(true);
  }
});

test("a key that is disabled, expired, revoked, deleted or replaced is not rotated, and gets no successor", async () => {
  const { isolate, manage } = await givenManagement();
  const spoil = {
    disabled: (id: string) => manage("PATCH", `/keys/${id}`, { enabled: false }),
    revoked: (id: string) => manage("POST", `/keys/${id}/revoke`),
    deleted: (id: string) => manage("DELETE", `/keys/${id}`),
    expired: async () => isolate.clock.advance(60_000),
    "already rotated": (id: string) => manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 86_400 }),
  };
  for (const [state, bring] of Object.entries(spoil)) {
    const { id } = await givenKey(isolate, { expiresAt: new Date(isolate.clock.now() + 60_000) });
    await bring(id);
    const before = await successorsOf(isolate, id);
    const refused = await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 });
    expect([refused.status, refused.body.error], state).toEqual([409, "conflict"]);
    expect(refused.body.detail, state).toContain(state);
    expect(refused.body).not.toHaveProperty("key");
    expect(await successorsOf(isolate, id), state).toEqual(before);
  }
});

test("an overlap is a whole number of seconds from none to 30 days", async () => {
  const { isolate, manage } = await givenManagement();
  const { id } = await givenKey(isolate);
  for (const overlap of [-1, 0.5, 30 * 86_400 + 1, "60", null]) {
    const refused = await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: overlap });
    expect([refused.status, refused.body.error], String(overlap)).toEqual([400, "invalid_request"]);
  }
  expect(await successorsOf(isolate, id)).toEqual([]);
  const longest = await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 30 * 86_400 });
  expect(longest.status).toBe(201);
});

test("a successor that is revoked leaves the old key its overlap, and revoking that ends it too", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = await givenKey(isolate);
  const next = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 600 })).body;
  await manage("POST", `/keys/${next.id}/revoke`);
  expect(await verdictOn(isolate, next.key)).toMatchObject({ valid: false, code: "revoked" });
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: true });
  await manage("POST", `/keys/${id}/revoke`);
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: false, code: "revoked" });
});

test("a successor's secret is shown this once, so nothing that could fail is read between the change and the answer", async () => {
  const { isolate, manage } = await givenManagement();
  const { id } = await givenKey(isolate, { scopes: ["a"], metadata: { plan: "pro" } });
  await isolate.forgetCalls();
  const rotated = await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 0 });
  expect([rotated.status, rotated.body.scopes, rotated.body.metadata]).toEqual([201, ["a"], { plan: "pro" }]);
  expect(rotated.body).toMatchObject({ replaces: id, created_at: rotated.body.updated_at, last_used: null });
  const { summaries } = await isolate.calls();
  const changedAt = summaries.findIndex((summary) => /^with\b/i.test(summary));
  expect(changedAt, summaries.join(" | ")).toBeGreaterThan(-1);
  expect(summaries.slice(changedAt + 1).filter((summary) => /^select\b/i.test(summary))).toEqual([]);
  expect((await manage("GET", `/keys/${rotated.body.id}`)).body).toEqual(keyShown(rotated.body));
});

/** The record as a read shows it: without the secret and what only a rotation tells. */
function keyShown({
  key: _,
  replaced: __,
  effective_everywhere_by: ___,
  ...record
}: Record<string, unknown>) {
  return record;
}
