import { sql } from "drizzle-orm";
import { expect, inject, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { givenRoute, type Isolate, unique } from "../support/given.ts";
import { givenManagement, present, rowOf } from "./management.ts";

const owner = unique("user");
const draft = { name: "robot", owner: { type: "user", id: owner }, environment: "live" };

/** Every table of the schema that holds this text anywhere. */
async function tablesHolding(isolate: Isolate, text: string): Promise<string[]> {
  const { database } = isolate.rooms;
  const { rows } = await database.execute<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_schema = current_schema()`,
  );
  expect(rows.map(({ name }) => name)).toContain("api_keys");
  const holding: string[] = [];
  for (const { name } of rows) {
    const found = await database.execute<{ count: string }>(
      sql`select count(*) as count from ${sql.identifier(name)} t where position(${text} in t::text) > 0`,
    );
    if (Number(found.rows[0]?.count) > 0) holding.push(name);
  }
  return holding;
}

/** What this isolate sent to Postgres and to Redis, word for word. */
async function sentToStores(isolate: Isolate): Promise<string> {
  const { neonPort, upstashPort } = inject("stores");
  const answers = await Promise.all(
    [neonPort, upstashPort].map((port) => fetch(`http://127.0.0.1:${port}/_calls/${isolate.lane}`)),
  );
  return (await Promise.all(answers.map((answer) => answer.text()))).join("\n");
}

test("a key rests as the SHA-256 of its whole text, and no column of any table holds its secret", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = (await manage("POST", "/keys", draft)).body;
  const route = await givenRoute(isolate);
  expect((await present(isolate, route, key)).status).toBe(200);
  const rotated = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 })).body;
  expect((await present(isolate, route, `${key.slice(0, -1)}!`)).status).toBe(403);
  await isolate.settle();

  for (const one of [
    { key, id },
    { key: rotated.key, id: rotated.id },
  ]) {
    const row = await rowOf(isolate, one.id);
    expect(row["secret_hash"]).toBe(await sha256Hex(one.key));
    expect(row["display_prefix"]).toBe(one.key.slice(0, 12));
    // All that is not in the display prefix, in pieces far too long to meet by chance.
    for (let at = 12; at + 10 <= one.key.length; at += 5) {
      expect(await tablesHolding(isolate, one.key.slice(at, at + 10)), `digits from ${at}`).toEqual([]);
    }
  }
  // The search itself finds what is there.
  expect(await tablesHolding(isolate, await sha256Hex(key))).toEqual(["api_keys"]);
});

test("a secret never travels to Postgres or Redis: not when made, used, misspelt, rotated, leaked or revoked", async () => {
  const { isolate, admin, manage } = await givenManagement();
  const { key, id } = (await manage("POST", "/keys", draft)).body;
  const route = await givenRoute(isolate);
  await present(isolate, route, key);
  await present(isolate, route, `${key.slice(0, -1)}!`);
  const rotated = (await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 })).body;
  await isolate.fetch(`${route.url}?api_key=${key}`);
  await manage("POST", `/keys/${id}/revoke`);
  await isolate.settle();

  const sent = await sentToStores(isolate);
  expect(sent).toContain(await sha256Hex(key));
  for (const secret of [key, rotated.key, admin]) expect(sent).not.toContain(secret.slice(12, 40));
});

test("no answer but the first holds the secret or its hash", async () => {
  const { isolate, manage } = await givenManagement();
  const { key, id } = (await manage("POST", "/keys", draft)).body;
  const answers = [
    await manage("GET", `/keys/${id}`),
    await manage("GET", `/keys?owner_type=user&owner_id=${owner}&limit=200`),
    await manage("PATCH", `/keys/${id}`, { name: "renamed" }),
    await manage("POST", `/keys/${id}/rotate`, { overlap_seconds: 60 }),
    await manage("GET", `/audit?subject_id=${id}`),
    await manage("POST", `/keys/${id}/revoke`),
    await manage("DELETE", `/keys/${id}`),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 201, 200, 200, 200]);
  expect(answers[1]?.body.data.map((one: { id: string }) => one.id)).toContain(id);
  const told = JSON.stringify(answers.map(({ body }) => body));
  expect(told).not.toContain(key.slice(12));
  expect(told).not.toContain(await sha256Hex(key));
  await isolate.settle();
});

test("two keys can never share a hash: the table itself refuses it", async () => {
  const { isolate, manage } = await givenManagement();
  const { id } = (await manage("POST", "/keys", draft)).body;
  const copy = sql`insert into api_keys select (jsonb_populate_record(k, '{"id": "key_copy"}')).* from api_keys k where id = ${id}`;
  await expect(isolate.rooms.database.execute(copy)).rejects.toMatchObject({ cause: { code: "23505" } });
});
