import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NeonTwin, startNeonTwin } from "../../scripts/twins/neon.ts";
import { POSTGRES_BACKINGS, START_MS, uniqueName } from "./backings.ts";
import { restCall } from "./rest-call.ts";

describe.each(POSTGRES_BACKINGS)("SQL over HTTP on $name", ({ databaseUrl }) => {
  let twin: NeonTwin;

  beforeAll(async () => {
    twin = await startNeonTwin({ databaseUrl });
  }, START_MS);
  afterAll(() => twin.close());

  function post(body: unknown, headers: Record<string, string> = {}) {
    const given = { "neon-connection-string": twin.url, ...headers };
    return restCall(`http://127.0.0.1:${twin.port}/sql`, { method: "POST", headers: given, body });
  }

  const AS_THE_DRIVER = { "neon-raw-text-output": "true", "neon-array-mode": "true" };

  /** One row, as the driver asks for it. */
  async function rawRow(query: string, params: unknown[] = []): Promise<unknown> {
    const { body } = await post({ query, params }, AS_THE_DRIVER);
    return (body as { rows?: unknown[][] }).rows?.[0] ?? body;
  }

  test("raw text is what Postgres writes, for every type", async () => {
    const query = `select true, false, 32767::int2, -1::int4, 9223372036854775807::int8, 12.50::numeric,
      1.5::float4, 0.1::float8, 'NaN'::float8, 'é'::text, 'ab'::char(3), null::int,
      '2024-02-29 12:34:56.789+02'::timestamptz, '2024-02-29 12:34:56'::timestamp, '2024-02-29'::date,
      '{"b": [1, null], "a": "é"}'::jsonb, '{"b":  1}'::json, '\\x00ff10'::bytea,
      array['a', 'b c', null, '"']::text[], array[[1, 2], [3, 4]], '{}'::int[],
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '10.0.0.1/8'::inet, '1 day 02:00'::interval`;
    expect(await rawRow(query)).toEqual([
      ...["t", "f", "32767", "-1", "9223372036854775807", "12.50"],
      ...["1.5", "0.1", "NaN", "é", "ab ", null],
      ...["2024-02-29 10:34:56.789+00", "2024-02-29 12:34:56", "2024-02-29"],
      ...['{"a": "é", "b": [1, null]}', '{"b":  1}', "\\x00ff10"],
      ...['{a,"b c",NULL,"\\""}', "{{1,2},{3,4}}", "{}"],
      ...["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "10.0.0.1/8", "1 day 02:00:00"],
    ]);
  });

  test("the answer has command, count, fields and rows in Neon's form", async () => {
    const { status, body } = await post(
      { query: "select $1::int as n, 'a'::text as t", params: ["7"] },
      AS_THE_DRIVER,
    );
    const field = { tableID: 0, columnID: 0, dataTypeModifier: -1, format: "text" };
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        command: "SELECT",
        rowCount: 1,
        rowAsArray: true,
        fields: [
          { name: "n", dataTypeID: 23, dataTypeSize: 4, ...field },
          { name: "t", dataTypeID: 25, dataTypeSize: -1, ...field },
        ],
        rows: [["7", "a"]],
      },
    });
  });

  test("a column of a table names the table and the column", async () => {
    const table = uniqueName();
    await twin.query(`create table ${table} (a int, b varchar(10))`);
    const { body } = await post({ query: `select b from ${table}` }, AS_THE_DRIVER);
    const [field] = (body as { fields: { tableID: number }[] }).fields;
    expect(field).toMatchObject({ name: "b", columnID: 2, dataTypeID: 1043, dataTypeModifier: 14 });
    expect(field?.tableID).toBeGreaterThan(0);
  });

  test("commands that count no rows answer null", async () => {
    const table = uniqueName();
    const counts: unknown[] = [];
    for (const query of [
      `create table ${table} (a int)`,
      `insert into ${table} values (1), (2)`,
      `update ${table} set a = 3`,
      `select a from ${table} where a = 9`,
      `delete from ${table} where a = 9`,
      `drop table ${table}`,
      "",
    ]) {
      const { command, rowCount } = (await post({ query })).body as Record<string, unknown>;
      counts.push([command, rowCount]);
    }
    expect(counts).toEqual([
      ["CREATE", null],
      ["INSERT", 2],
      ["UPDATE", 2],
      ["SELECT", 0],
      ["DELETE", 0],
      ["DROP", null],
      ["", null],
    ]);
  });

  test("without raw mode the server parses booleans, small numbers, JSON and arrays; without array mode rows are objects", async () => {
    const query = `select true as b, 5 as i, 5::int8 as big, 1.5::float8 as f, 'NaN'::float8 as nan, 1.50::numeric as n,
      '{"a": [1]}'::jsonb as j, array['x', null, 'NULL', 'a"b,c'] as t, array[[1, 2], [3, null]] as m, null::int as z`;
    expect((await post({ query })).body).toMatchObject({
      rowAsArray: false,
      rows: [
        {
          b: true,
          i: 5,
          big: "5",
          f: 1.5,
          nan: "NaN",
          n: "1.50",
          j: { a: [1] },
          t: ["x", null, "NULL", 'a"b,c'],
          m: [
            [1, 2],
            [3, null],
          ],
          z: null,
        },
      ],
    });
    const one = { query: "select 1 as a", arrayMode: true };
    expect((await post(one)).body).toMatchObject({ rowAsArray: true, rows: [[1]] });
  });

  test("parameters may be text, null, numbers, booleans, objects and arrays", async () => {
    const query = "select $1::text, $2::text, $3::int, $4::bool, $5::jsonb, $6::text[], $7::int[]";
    const params = ["a", null, 5, true, { a: "é" }, ["x", null, 'q"uote', "NULL"], [[1], [2]]];
    expect(await rawRow(query, params)).toEqual([
      "a",
      null,
      "5",
      "t",
      '{"a": "é"}',
      '{x,NULL,"q\\"uote","NULL"}',
      "{{1},{2}}",
    ]);
  });

  test("an error is 400 with SQLSTATE and every field of Postgres, null where it says nothing", async () => {
    const { status, body } = await post({ query: "select nope from pg_class" });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      message: 'column "nope" does not exist',
      code: "42703",
      severity: "ERROR",
      position: "8",
      routine: "errorMissingColumn",
      detail: null,
      hint: null,
      internalPosition: null,
      internalQuery: null,
      where: null,
      schema: null,
      table: null,
      column: null,
      dataType: null,
      constraint: null,
      file: "parse_relation.c",
      line: expect.stringMatching(/^\d+$/),
    });
  });

  test("several statements in one text are refused", async () => {
    const { status, body } = await post({ query: "select 1; select 2" });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { code: "42601", message: "cannot insert multiple commands into a prepared statement" },
    });
  });

  test("a transaction left open by a statement does not reach the next request", async () => {
    const table = uniqueName();
    await twin.query(`create table ${table} (a int)`);
    expect((await post({ query: "begin" })).status).toBe(200);
    expect((await post({ query: `insert into ${table} values (1)` })).status).toBe(200);
    expect((await post({ query: "rollback" })).status).toBe(200);
    expect((await post({ query: `select count(*)::int as n from ${table}` })).body).toMatchObject({
      rows: [{ n: 1 }],
    });
  });

  test("a setting changed by a statement does not reach the next request", async () => {
    expect((await post({ query: "set timezone = 'Asia/Tokyo'" })).status).toBe(200);
    const [timezone] = (await rawRow("select '2024-01-01 00:00:00+00'::timestamptz")) as string[];
    expect(timezone).toBe("2024-01-01 00:00:00+00");
  });

  test("a batch is answered as one list, and repeats its options", async () => {
    const queries = [{ query: "select $1::int as a", params: [1] }, { query: "select 2 as b" }];
    const { status, body, headers } = await post(
      { queries },
      { "neon-batch-isolation-level": "Serializable", "neon-batch-read-only": "true" },
    );
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { results: [{ rows: [{ a: 1 }] }, { rows: [{ b: 2 }] }] },
    });
    expect(headers.get("neon-batch-isolation-level")).toBe("Serializable");
    expect(headers.get("neon-batch-read-only")).toBe("true");
    expect((await post({ queries }, { "neon-batch-isolation-level": "Chaos" })).body).toMatchObject({
      message: "invalid isolation level",
    });
  });

  test("an error that shows only at commit rolls the batch back", async () => {
    const table = uniqueName();
    await twin.query(`create table ${table} (a int unique deferrable initially deferred)`);
    const insert = { query: `insert into ${table} values (1)` };
    expect((await post({ queries: [insert, insert] })).body).toMatchObject({ code: "23505" });
    expect((await post({ query: `select * from ${table}` })).body).toMatchObject({ rowCount: 0 });
  });

  test("a missing header, a malformed one and a wrong password are 400, each with its sentence", async () => {
    const url = `http://127.0.0.1:${twin.port}/sql`;
    const body = { query: "select 1" };
    const messageWith = async (headers: Record<string, string>) => {
      const answer = await restCall(url, { headers, body });
      return [answer.status, (answer.body as { message: string }).message];
    };
    const withUrl = (text: string) => messageWith({ "neon-connection-string": text });
    expect(await messageWith({})).toEqual([400, "invalid header: neon-connection-string"]);
    expect(await withUrl("nonsense")).toEqual([
      400,
      "invalid connection string: relative URL without a base",
    ]);
    expect(await withUrl("http://a:local@h/d")).toEqual([400, "incorrect scheme"]);
    expect(await withUrl("postgres://:local@h/d")).toEqual([400, "missing username"]);
    expect(await withUrl("postgres://a@h/d")).toEqual([
      400,
      "missing authentication credentials: required password",
    ]);
    expect(await withUrl("postgres://a:wrong@h/d")).toEqual([
      400,
      "password authentication failed for user 'a'",
    ]);
    expect((await restCall(url, { headers: { "neon-connection-string": twin.url } })).status).toBe(405);
  });

  test("a body that is no query is 400", async () => {
    for (const body of ["{", {}, { query: 5 }, { queries: [{}] }, { query: "select 1", params: "x" }]) {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect((answer.body as { message: string }).message).toMatch(
        /^could not parse the HTTP request body: /,
      );
    }
  });

  test("a request over 10 MB is 413, an answer over 10 MB 507", async () => {
    const large = await post({ query: "select length($1)", params: ["x".repeat(10 * 1024 * 1024)] });
    expect(large).toMatchObject({
      status: 413,
      body: { message: "request is too large (max is 10485760 bytes)" },
    });
    const answer = await post({ query: "select repeat('x', 1024) from generate_series(1, 10241)" });
    expect(answer).toMatchObject({
      status: 507,
      body: { message: "response is too large (max is 10485760 bytes)" },
    });
    expect((await post({ query: "select repeat('x', 1024) from generate_series(1, 9000)" })).status).toBe(
      200,
    );
  });

  test("a client that goes away in the middle leaves the twin working", async () => {
    const controller = new AbortController();
    const body = JSON.stringify({ queries: [{ query: "select pg_sleep(0.05)" }, { query: "select 1" }] });
    const headers = { "neon-connection-string": twin.url };
    const url = `http://127.0.0.1:${twin.port}/sql`;
    const gone = fetch(url, { method: "POST", headers, body, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(gone).rejects.toThrow();
    expect((await post({ query: "select 1 as a" })).body).toMatchObject({ rows: [{ a: 1 }] });
  });

  test("query gives migrations any number of statements at once", async () => {
    const table = uniqueName();
    const results = await twin.query(
      `create table ${table} (a int); insert into ${table} values (1) returning a`,
    );
    expect(results.map(({ command, rows }) => [command, rows])).toEqual([
      ["CREATE", []],
      ["INSERT", [["1"]]],
    ]);
    await expect(twin.query(`insert into ${table} values (2); select nope`)).rejects.toThrow("nope");
    expect((await post({ query: `select * from ${table}` })).body).toMatchObject({ rowCount: 1 });
  });
});
