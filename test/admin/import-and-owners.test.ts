import { expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { json, unique, withAdmin } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator, type OperatorAtWork } from "./operator.ts";

type Record_ = { id: string } & Record<string, unknown>;

/** A key made elsewhere, under a prefix that this Gatehouse was told of. */
const foreignKey = () => `legacy_${crypto.randomUUID().replaceAll("-", "")}`;
const imported = async (key: string, more: Record<string, unknown> = {}) => ({
  name: "from elsewhere",
  owner: { type: "user", id: unique("imported") },
  sha256: await sha256Hex(key),
  prefix: "legacy_",
  ...more,
});

async function verify(
  { isolate, key: admin }: OperatorAtWork,
  key: string,
): Promise<Record<string, unknown>> {
  const answer = await isolate.fetch("/v1/keys/verify", json({ key }, withAdmin(admin)));
  return (await answer.json()) as Record<string, unknown>;
}

test("keys are imported by their hashes alone: 201 with the records, and the keys open what they opened before", async () => {
  const operator = await givenOperator();
  const keys = [foreignKey(), foreignKey()];
  const [first, second] = await Promise.all(keys.map((key) => imported(key, { scopes: ["read"] })));

  const { data } = await operator.ask<{ data: Record_[] }>(201, "POST", "/keys/import", {
    keys: [first, second],
  });

  expect(data).toHaveLength(2);
  expect(data[0]).toMatchObject({
    imported: true,
    prefix: "legacy_",
    owner: first?.owner,
    scopes: ["read"],
    status: "active",
  });
  expect(JSON.stringify(data)).not.toContain(first?.sha256);
  expect(await verify(operator, keys[0] ?? "")).toMatchObject({ valid: true, key_id: data[0]?.id });
  expect(await verify(operator, keys[1] ?? "")).toMatchObject({ valid: true, key_id: data[1]?.id });
});

test("one known hash among many is 409 and imports none of them", async () => {
  const operator = await givenOperator();
  const known = foreignKey();
  const fresh = foreignKey();
  await operator.ask(201, "POST", "/keys/import", { keys: [await imported(known)] });

  const refused = await operator.call("POST", "/keys/import", {
    keys: [await imported(fresh), await imported(known)],
  });

  await expectProblem(refused, 409, "conflict");
  expect(await verify(operator, fresh)).toMatchObject({ valid: false, code: "unknown" });
  expect(await verify(operator, known)).toMatchObject({ valid: true });
});

test("an import is refused whole for a hash named twice, an undeclared prefix, or more than a hundred keys", async () => {
  const operator = await givenOperator();
  const key = foreignKey();
  const one = await imported(key);
  const many = await Promise.all(Array.from({ length: 101 }, () => imported(foreignKey())));
  const refusals: [unknown[], RegExp][] = [
    [[one, one], /^keys: holds a hash twice$/],
    [[one, await imported(foreignKey(), { prefix: "other_" })], /^prefix: declare it/],
    [many, /^keys: must have 100 entries or fewer$/],
    [[], /^keys: must hold at least one key$/],
    [[{ ...one, sha256: one.sha256.toUpperCase() }], /^keys\.0\.sha256: must be the SHA-256/],
    [[{ ...one, sha256: "" }], /^keys\.0\.sha256: must be the SHA-256/],
    [[{ ...one, key }], /^keys\.0\.key: is not a known field$/],
    [[{ ...one, expires_at: "2020-01-01T00:00:00Z" }], /^expires_at: must be in the future$/],
  ];
  for (const [keys, detail] of refusals) {
    const refused = await operator.call("POST", "/keys/import", { keys });
    expect((await expectProblem(refused, 400, "invalid_request")).detail).toMatch(detail);
  }
  expect(await verify(operator, key)).toMatchObject({ valid: false, code: "unknown" });
});

test("a hundred keys are imported, and their hundred events written, in one statement each", async () => {
  const { ask, isolate } = await givenOperator();
  await ask(200, "GET", "/keys?limit=1");
  await isolate.settle();
  await isolate.forgetCalls();
  const keys = await Promise.all(Array.from({ length: 100 }, () => imported(foreignKey())));

  const { data } = await ask<{ data: Record_[] }>(201, "POST", "/keys/import", { keys });
  await isolate.settle();

  expect(data).toHaveLength(100);
  expect((await isolate.calls()).postgres).toBe(2);
  const events = await isolate.rooms.audit.list({ subjectId: data[99]?.id, limit: 5 });
  expect(events).toMatchObject([{ type: "key.imported", outcome: "done", count: 1 }]);
});

test("all keys of an owner are revoked at once, and nobody else's: 200 with the times and the ids", async () => {
  const operator = await givenOperator();
  const { ask, isolate } = operator;
  const owner = { type: "service", id: unique("leaving") };
  const make = (whose: typeof owner) =>
    ask<Record_ & { key: string }>(201, "POST", "/keys", { name: "one", owner: whose });
  const mine = [await make(owner), await make(owner), await make(owner)];
  const other = await make({ type: "user", id: owner.id });
  const [gone] = mine;
  await ask(200, "POST", `/keys/${gone?.id}/revoke`);
  isolate.clock.advance(1000);
  const now = isolate.clock.now();

  const answer = await ask(200, "POST", `/owners/${owner.type}/${owner.id}/revoke-keys`, {});

  expect(answer).toEqual({
    revoked_at: new Date(now).toISOString(),
    effective_everywhere_by: new Date(now + 10_000).toISOString(),
    key_ids: expect.arrayContaining(mine.slice(1).map(({ id }) => id)),
  });
  expect(answer["key_ids"]).toHaveLength(2);
  for (const { key } of mine) expect(await verify(operator, key)).toMatchObject({ code: "revoked" });
  expect(await verify(operator, other.key)).toMatchObject({ code: "valid" });
  expect(await ask(200, "POST", `/owners/${owner.type}/${owner.id}/revoke-keys`)).toMatchObject({
    key_ids: [],
  });
});

test("an owner's id is taken from the path as it was written, percent-encoded where it must be", async () => {
  const { ask } = await givenOperator();
  const id = `${unique("team")}/a?b#c%d`;
  const { id: keyId } = await ask<Record_>(201, "POST", "/keys", {
    name: "odd",
    owner: { type: "user", id },
  });
  const answer = await ask(200, "POST", `/owners/user/${encodeURIComponent(id)}/revoke-keys`);
  expect(answer["key_ids"]).toEqual([keyId]);
});
