import { neon, neonConfig } from "@neondatabase/serverless";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/neon-http";
import { bigint, customType, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NeonTwin, startNeonTwin } from "../../scripts/twins/neon.ts";
import { POSTGRES_BACKINGS, START_MS, uniqueName } from "./backings.ts";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });

const tableNamed = (name: string) =>
  pgTable(name, {
    id: integer().primaryKey(),
    name: text().unique(),
    data: jsonb(),
    big: bigint({ mode: "bigint" }),
    at: timestamp({ withTimezone: true }),
    bytes: bytea(),
    tags: text().array(),
  });

describe.each(POSTGRES_BACKINGS)("the Neon driver and drizzle on $name", ({ databaseUrl }) => {
  let twin: NeonTwin;

  beforeAll(async () => {
    twin = await startNeonTwin({ databaseUrl });
    neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;
  }, START_MS);
  afterAll(() => twin.close());

  async function newTable() {
    const name = uniqueName();
    await twin.query(`create table ${name} (
      id int primary key, name text unique, data jsonb, big bigint, at timestamptz, bytes bytea, tags text[])`);
    return { table: tableNamed(name), name, db: drizzle(neon(twin.url)) };
  }

  test("rows round-trip in every type that is used, and null stays null", async () => {
    const { db, table } = await newTable();
    const row = {
      id: 1,
      name: `quotes ' " \\ and é ☃ 😀`,
      data: { a: [1, "é", null, { b: true }], empty: "" },
      big: 9007199254740993n,
      at: new Date("2024-02-29T12:34:56.789Z"),
      bytes: Uint8Array.of(0, 1, 127, 128, 255),
      tags: ["plain", "with, comma", 'with "quotes"', "back\\slash", "", "NULL", "é"],
    };
    const nothing = { id: 2, name: null, data: null, big: null, at: null, bytes: null, tags: null };
    const inserted = await db.insert(table).values([row, nothing]).returning();
    const selected = await db.select().from(table).orderBy(table.id);
    for (const rows of [inserted, selected]) {
      const [first, second] = rows;
      expect({ ...first, bytes: [...(first?.bytes ?? [])] }).toEqual({ ...row, bytes: [...row.bytes] });
      expect(second).toEqual(nothing);
    }
  });

  test("update and delete with returning tell exactly the rows they changed", async () => {
    const { db, table } = await newTable();
    await db.insert(table).values([
      { id: 1, name: "a" },
      { id: 2, name: "b" },
    ]);
    const set = { name: "c" };
    expect(await db.update(table).set(set).where(eq(table.id, 1)).returning({ id: table.id })).toEqual([
      { id: 1 },
    ]);
    expect(await db.update(table).set(set).where(eq(table.id, 9)).returning({ id: table.id })).toEqual([]);
    expect(await db.delete(table).where(eq(table.id, 2))).toMatchObject({ rowCount: 1, command: "DELETE" });
  });

  test("a unique violation carries 23505 and the constraint's name", async () => {
    const { name } = await newTable();
    const client = neon(twin.url);
    await client.query(`insert into ${name} (id, name) values (1, 'a')`);
    await expect(client.query(`insert into ${name} (id, name) values (2, 'a')`)).rejects.toMatchObject({
      name: "NeonDbError",
      message: `duplicate key value violates unique constraint "${name}_name_key"`,
      code: "23505",
      severity: "ERROR",
      detail: "Key (name)=(a) already exists.",
      schema: "public",
      table: name,
      constraint: `${name}_name_key`,
      routine: "_bt_check_unique",
    });
  });

  test("insert … on conflict do nothing answers no row the second time", async () => {
    const { db, table } = await newTable();
    const insert = () => db.insert(table).values({ id: 1 }).onConflictDoNothing().returning({ id: table.id });
    expect(await insert()).toEqual([{ id: 1 }]);
    expect(await insert()).toEqual([]);
  });

  test("a drizzle batch gives each statement's own answer", async () => {
    const { db, table } = await newTable();
    const [inserted, counted, selected] = await db.batch([
      db.insert(table).values({ id: 1, name: "a" }).returning({ id: table.id }),
      db.select({ n: sql<string>`count(*)` }).from(table),
      db.select({ name: table.name }).from(table),
    ]);
    expect(inserted).toEqual([{ id: 1 }]);
    expect(counted).toEqual([{ n: "1" }]);
    expect(selected).toEqual([{ name: "a" }]);
  });

  test("a batch with one failing statement changes nothing, and the next request works", async () => {
    const { db, table } = await newTable();
    const batch = db.batch([
      db.insert(table).values({ id: 1, name: "a" }),
      db.insert(table).values({ id: 2, name: "a" }),
    ]);
    await expect(batch).rejects.toMatchObject({ code: "23505" });
    expect(await db.select().from(table)).toEqual([]);
  });

  test("a batch runs at the isolation level that was asked for", async () => {
    const client = neon(twin.url);
    const levelOf = async (
      isolationLevel: "ReadUncommitted" | "ReadCommitted" | "RepeatableRead" | "Serializable",
    ) => {
      const [rows] = await client.transaction([client`show transaction_isolation`], { isolationLevel });
      return rows;
    };
    expect(await levelOf("Serializable")).toEqual([{ transaction_isolation: "serializable" }]);
    expect(await levelOf("RepeatableRead")).toEqual([{ transaction_isolation: "repeatable read" }]);
    expect(await levelOf("ReadUncommitted")).toEqual([{ transaction_isolation: "read uncommitted" }]);
    expect(await client`show transaction_isolation`).toEqual([{ transaction_isolation: "read committed" }]);
  });

  test("a read-only batch refuses writes with 25006", async () => {
    const { name } = await newTable();
    const client = neon(twin.url);
    const write = client.query(`insert into ${name} (id) values (1)`);
    await expect(client.transaction([write], { readOnly: true })).rejects.toMatchObject({ code: "25006" });
    const read = client`show transaction_deferrable`;
    const options = { isolationLevel: "Serializable", readOnly: true, deferrable: true } as const;
    expect(await client.transaction([read], options)).toEqual([[{ transaction_deferrable: "on" }]]);
  });

  test("one winner comes out of many compare-and-set updates at once", async () => {
    const { name } = await newTable();
    const client = neon(twin.url);
    await client.query(`insert into ${name} (id, name) values (1, 'free')`);
    const take = () =>
      client.query(`update ${name} set name = 'taken' where id = 1 and name = 'free' returning id`);
    const winners = (await Promise.all(Array.from({ length: 12 }, take))).filter((rows) => rows.length > 0);
    expect(winners).toEqual([[{ id: 1 }]]);
  });

  test("batches are never interleaved with other requests", async () => {
    const { name } = await newTable();
    const client = neon(twin.url);
    await client.query(`insert into ${name} (id, big) values (1, 0)`);
    const add = (by: number) =>
      client.query(`update ${name} set big = big + $1 where id = 1 returning big`, [by]);
    const batch = () => client.transaction([add(1), add(1), add(1), add(-1), add(-1), add(-1)]);
    const read = async () => await client.query(`select big from ${name} where id = 1`);
    const reads = Array.from({ length: 30 }, async (_, i) =>
      i % 3 === 0 ? (await batch()).at(-1) : await read(),
    );
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 30 }, () => [{ big: "0" }]));
  });
});
