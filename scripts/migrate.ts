import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { REPOSITORY } from "./stack/local-data.ts";
import { describeFailure, reasonOf, refusal } from "./stack/refusal.ts";

/** Runs any number of statements by the simple protocol; one result each, a row being its values in order. */
export type RunSql = (sql: string) => Promise<{ rows: unknown[][] }[]>;

export type MigrateOptions = ({ query: RunSql } | { databaseUrl: string }) & {
  /** Where drizzle-kit keeps the files and its journal. */
  directory?: string;
  /** Only tell what is pending. */
  check?: boolean;
};

/** Names of the migrations, oldest first. */
export type Migrated = { applied: string[]; pending: string[] };

type Migration = { tag: string; sql: string; sha256: string };

const DIRECTORY = join(REPOSITORY, "migrations");
const RECORD = "gatehouse_migrations";
// Any fixed number: it only has to be the same for everyone who migrates this database.
const LOCK = 7_246_301;

/** Brings a database forward to what migrations/ says; what has been applied never changes. */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const migrations = readMigrations(options.directory ?? DIRECTORY);
  if ("query" in options) return applyPending(options.query, migrations, options.check ?? false);
  const client = new Client({ connectionString: options.databaseUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
  } catch (error) {
    throw refusal(`The database of DATABASE_URL cannot be reached: ${reasonOf(error)}.`, error);
  }
  const run: RunSql = async (text) => [await client.query<unknown[]>({ text, rowMode: "array" })].flat();
  try {
    await run(`select pg_advisory_lock(${LOCK})`);
    return await applyPending(run, migrations, options.check ?? false);
  } finally {
    // Ends the session, and with it the lock.
    await client.end();
  }
}

async function applyPending(run: RunSql, migrations: Migration[], check: boolean): Promise<Migrated> {
  const recorded = await readRecord(run);
  requireSameHistory(migrations, recorded);
  const pending = migrations.filter((migration) => !recorded.has(migration.tag));
  const tags = pending.map((migration) => migration.tag);
  if (check) return { applied: [], pending: tags };
  await run(
    `create table if not exists ${RECORD} (
      tag text primary key, sha256 text not null, applied_at timestamptz not null default now()
    )`,
  );
  for (const migration of pending) {
    try {
      await run(inOneTransaction(migration));
    } catch (error) {
      throw refusal(
        `The migration ${migration.tag} failed and left nothing behind: ${(error as Error).message}.`,
        error,
      );
    }
  }
  return { applied: tags, pending: [] };
}

/** Several statements in one simple query are one transaction (PostgreSQL §55.2.2.1). */
function inOneTransaction({ tag, sql, sha256 }: Migration): string {
  return `${sql.trim().replace(/;?$/, ";")}\ninsert into ${RECORD} (tag, sha256) values ('${tag}', '${sha256}');`;
}

async function readRecord(run: RunSql): Promise<Map<string, string>> {
  const [found] = await run(`select to_regclass('${RECORD}')::text`);
  if (!found?.rows[0]?.[0]) return new Map();
  const [record] = await run(`select tag, sha256 from ${RECORD}`);
  return new Map(record?.rows.map(([tag, sha256]) => [String(tag), String(sha256)]));
}

function requireSameHistory(migrations: Migration[], recorded: Map<string, string>): void {
  for (const { tag, sha256 } of migrations) {
    const before = recorded.get(tag);
    if (before === undefined || before === sha256) continue;
    throw refusal(
      `The migration ${tag} was changed after it had been applied: put it back and add a new one.`,
    );
  }
  const known = new Set(migrations.map((migration) => migration.tag));
  const ahead = [...recorded.keys()].find((tag) => !known.has(tag));
  if (ahead !== undefined) {
    throw refusal(`The database has the migration ${ahead}, which this version of Gatehouse does not know.`);
  }
}

function readMigrations(directory: string): Migration[] {
  const journal = join(directory, "meta", "_journal.json");
  if (!existsSync(journal)) return [];
  const { entries } = JSON.parse(readFileSync(journal, "utf8")) as {
    entries: { idx: number; tag: string }[];
  };
  return entries
    .toSorted((one, other) => one.idx - other.idx)
    .map(({ tag }) => {
      if (!/^[\w-]+$/.test(tag))
        throw refusal(`The journal of ${directory} names a migration oddly: ${tag}.`);
      const sql = readFileSync(join(directory, `${tag}.sql`), "utf8").replaceAll("\r\n", "\n");
      return { tag, sql, sha256: createHash("sha256").update(sql).digest("hex") };
    });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) return console.log("DATABASE_URL=postgres://… node scripts/migrate.ts [--check]");
  const databaseUrl = process.env["DATABASE_URL"];
  if (!databaseUrl) throw refusal("Set DATABASE_URL to the database to migrate.");
  const { applied, pending } = await migrate({ databaseUrl, check: values.check ?? false });
  for (const tag of applied) console.log(`applied ${tag}`);
  for (const tag of pending) console.log(`pending ${tag}`);
  if (applied.length + pending.length === 0) console.log("nothing pending");
  if (pending.length > 0) process.exitCode = 1;
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(describeFailure(error));
    process.exitCode = 1;
  });
}
