import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { migrate } from "../../scripts/migrate.ts";
import { type NeonTwin, startNeonTwin } from "../../scripts/twins/neon.ts";

let twin: NeonTwin;
let directory: string;

beforeAll(async () => {
  twin = await startNeonTwin();
}, 20_000);

beforeEach(async () => {
  await twin.query("drop schema public cascade; create schema public");
  directory = mkdtempSync(join(tmpdir(), "gatehouse-migrations-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

afterAll(() => twin.close());

/** As drizzle-kit leaves them: numbered files, and a journal that names them in order. */
function write(files: Record<string, string>): void {
  mkdirSync(join(directory, "meta"), { recursive: true });
  const entries = Object.keys(files).map((tag, idx) => ({ idx, tag, when: idx, breakpoints: true }));
  writeFileSync(join(directory, "meta/_journal.json"), JSON.stringify({ dialect: "postgresql", entries }));
  for (const [tag, sql] of Object.entries(files)) writeFileSync(join(directory, `${tag}.sql`), sql);
}

const run = (check = false) => migrate({ query: twin.query, directory, check });

async function tables(): Promise<unknown> {
  const [result] = await twin.query(
    "select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'public'",
  );
  return result?.rows[0]?.[0];
}

const FIRST = "create table one (id int);\n--> statement-breakpoint\ncreate table two (id int);\n";

it("applies what is pending, in the journal's order, and nothing twice", async () => {
  write({ "0000_first": FIRST });
  expect(await run(true)).toEqual({ applied: [], pending: ["0000_first"] });
  expect(await tables()).toBe(null);
  expect((await run()).applied).toEqual(["0000_first"]);
  write({ "0000_first": FIRST, "0001_second": "alter table one add column word text" });
  expect((await run()).applied).toEqual(["0001_second"]);
  expect((await run()).applied).toEqual([]);
  expect(await tables()).toBe("gatehouse_migrations one two");
});

it("does nothing where there are no migrations", async () => {
  expect(await run()).toEqual({ applied: [], pending: [] });
});

it("refuses when an applied file was changed, whatever its line ends", async () => {
  write({ "0000_first": FIRST });
  await run();
  write({ "0000_first": FIRST.replaceAll("\n", "\r\n") });
  expect((await run()).applied).toEqual([]);
  write({ "0000_first": `${FIRST}create table three (id int);` });
  await expect(run()).rejects.toThrow("The migration 0000_first was changed after it had been applied");
});

it("refuses a database that is ahead of this version", async () => {
  write({ "0000_first": FIRST, "0001_second": "create table later (id int)" });
  await run();
  write({ "0000_first": FIRST });
  await expect(run()).rejects.toThrow("The database has the migration 0001_second");
});

it("leaves nothing of a migration that fails half-way, and keeps those before it", async () => {
  write({ "0000_first": FIRST, "0001_wrong": "create table half (id int); insert into nowhere values (1);" });
  await expect(run()).rejects.toThrow("The migration 0001_wrong failed and left nothing behind");
  expect(await tables()).toBe("gatehouse_migrations one two");
  expect((await run(true)).pending).toEqual(["0001_wrong"]);
});
