import { expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { givenKey, givenRoute, unique } from "../support/given.ts";
import { eventsAbout, givenManagement, present, verdictOn } from "./management.ts";

const legacyKey = () => `legacy_${crypto.randomUUID().replaceAll("-", "")}`;

const entry = async (key: string, owner: string, more: object = {}) => ({
  name: "from elsewhere",
  owner: { type: "service", id: owner },
  sha256: await sha256Hex(key),
  prefix: "legacy_",
  ...more,
});

test("a key imported by its SHA-256 opens a route through X-API-Key, with its own owner, scopes and limits", async () => {
  const { isolate, manage } = await givenManagement();
  const [key, owner] = [legacyKey(), unique("service")];
  const limits = [{ name: "hourly", limit: 2, window_seconds: 3600 }];
  const imported = await manage("POST", "/keys/import", {
    keys: [await entry(key, owner, { scopes: ["read"], limits })],
  });

  expect(imported.status).toBe(201);
  const [shown] = imported.body.data;
  expect(shown).toMatchObject({ imported: true, prefix: "legacy_", status: "active", limits });
  expect(JSON.stringify(imported.body)).not.toContain(await sha256Hex(key));
  const route = await givenRoute(isolate, { scopes: ["read"] });
  const passed = await present(isolate, route, key);
  expect(passed.status).toBe(200);
  expect(passed.body.headers["x-user-id"]).toBe(owner);
  expect(passed.body.headers["x-client-id"]).toBe(shown.id);
  expect(JSON.stringify(passed.body)).not.toContain(key);
  expect((await present(isolate, route, key)).status).toBe(200);
  expect((await present(isolate, route, key)).status).toBe(429);
  expect(await eventsAbout(isolate, shown.id)).toEqual(["key.imported"]);
});

test("an imported key is revoked like any other, and its successor is a key of ours", async () => {
  const { isolate, manage } = await givenManagement();
  const key = legacyKey();
  const { body } = await manage("POST", "/keys/import", { keys: [await entry(key, unique("service"))] });
  const rotated = await manage("POST", `/keys/${body.data[0].id}/rotate`, { overlap_seconds: 60 });
  expect(rotated.body.key).toMatch(/^gk_live_[0-9A-Za-z]{60}$/);
  expect(rotated.body.imported).toBe(false);
  expect((await verdictOn(isolate, key)).valid).toBe(true);
  await manage("POST", `/keys/${body.data[0].id}/revoke`);
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: false, code: "revoked" });
  expect((await verdictOn(isolate, rotated.body.key)).valid).toBe(true);
});

test("a prefix that is not declared is refused, for such a key could never be presented", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = unique("service");
  const other = `other_${crypto.randomUUID()}`;
  const answer = await manage("POST", "/keys/import", {
    keys: [await entry(legacyKey(), owner), await entry(other, owner, { prefix: "other_" })],
  });
  expect([answer.status, answer.body.error]).toEqual([400, "invalid_request"]);
  expect(answer.body.detail).toContain("IMPORTED_KEY_PREFIXES");
  expect((await manage("GET", `/keys?owner_type=service&owner_id=${owner}`)).body.data).toEqual([]);
  await isolate.forgetCalls();
  expect(await verdictOn(isolate, other)).toMatchObject({ valid: false, code: "malformed" });
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
});

test("one hash that is known already, also that of a deleted key or of one of ours, imports nothing at all", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = unique("service");
  const taken = legacyKey();
  const first = await manage("POST", "/keys/import", { keys: [await entry(taken, unique("service"))] });
  await manage("DELETE", `/keys/${first.body.data[0].id}`);
  const ours = (await givenKey(isolate)).key;

  for (const known of [taken, ours]) {
    const fresh = legacyKey();
    const answer = await manage("POST", "/keys/import", {
      keys: [await entry(fresh, owner), await entry(known, owner), await entry(legacyKey(), owner)],
    });
    expect([answer.status, answer.body.error]).toEqual([409, "conflict"]);
    expect((await manage("GET", `/keys?owner_type=service&owner_id=${owner}`)).body.data).toEqual([]);
    expect(await verdictOn(isolate, fresh)).toMatchObject({ valid: false, code: "unknown" });
  }
});

test("a list is imported in one step, up to a hundred keys; a hash that stands in it twice is refused", async () => {
  const { isolate, manage } = await givenManagement();
  const owner = unique("service");
  const keys = Array.from({ length: 100 }, legacyKey);
  const entries = await Promise.all(keys.map((key) => entry(key, owner)));
  const twice = await manage("POST", "/keys/import", { keys: [...entries.slice(0, 2), entries[0]] });
  expect([twice.status, twice.body.error]).toEqual([400, "invalid_request"]);
  const tooMany = await manage("POST", "/keys/import", {
    keys: [...entries, await entry(legacyKey(), owner)],
  });
  expect([tooMany.status, tooMany.body.error]).toEqual([400, "invalid_request"]);
  expect((await manage("POST", "/keys/import", { keys: [] })).status).toBe(400);

  const imported = await manage("POST", "/keys/import", { keys: entries });
  expect(imported.status).toBe(201);
  expect(imported.body.data).toHaveLength(100);
  for (const key of [keys[0], keys[57], keys[99]]) {
    expect((await verdictOn(isolate, key ?? "")).valid).toBe(true);
  }
});

test("what is not the SHA-256 of a key in lower-case hex is refused by the field's name", async () => {
  const { manage } = await givenManagement();
  const good = await entry(legacyKey(), unique("service"));
  for (const sha256 of [
    "",
    good.sha256.toUpperCase(),
    good.sha256.slice(1),
    `${good.sha256}0`,
    "legacy_plain",
  ]) {
    const answer = await manage("POST", "/keys/import", { keys: [{ ...good, sha256 }] });
    expect([answer.status, answer.body.error], sha256).toEqual([400, "invalid_request"]);
    expect(answer.body.detail).toContain("keys.0.sha256");
  }
});

test("a declared prefix alone opens nothing: too short, too long or unknown is refused, the first two without a look-up", async () => {
  const { isolate } = await givenManagement();
  await isolate.settle();
  await isolate.forgetCalls();
  for (const text of ["legacy_", "legacy_0123456789ab", `legacy_${"a".repeat(250)}`]) {
    expect(await verdictOn(isolate, text)).toMatchObject({ valid: false, code: "malformed" });
  }
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
  expect(await verdictOn(isolate, legacyKey())).toMatchObject({ valid: false, code: "unknown" });
});

test("a key called before its import is accepted at that edge half a minute after it at the latest", async () => {
  const { isolate, manage } = await givenManagement();
  const key = legacyKey();
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: false, code: "unknown" });
  expect((await manage("POST", "/keys/import", { keys: [await entry(key, unique("s"))] })).status).toBe(201);
  isolate.clock.advance(30_001);
  expect((await verdictOn(isolate, key)).valid).toBe(true);
});
