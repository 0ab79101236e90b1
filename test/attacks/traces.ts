import { sql } from "drizzle-orm";
import { expect, inject, vi } from "vitest";
import type { Isolate } from "../support/given.ts";

/** Everything this file's Worker says to the platform's log, from now on. */
export function listenToLog(): () => string {
  const said: string[] = [];
  for (const voice of ["debug", "error", "info", "log", "trace", "warn"] as const) {
    vi.spyOn(console, voice).mockImplementation((...words: unknown[]) => {
      said.push(words.map((word) => (word instanceof Error ? `${word.stack}` : String(word))).join(" "));
    });
  }
  return () => said.join("\n");
}

/** The bodies of this isolate's calls to either store. */
async function sentBy(isolate: Isolate): Promise<string> {
  const { neonPort, upstashPort } = inject("stores");
  const calls = [neonPort, upstashPort].map((port) =>
    fetch(`http://127.0.0.1:${port}/_calls/${isolate.lane}`),
  );
  return (await Promise.all((await Promise.all(calls)).map((answer) => answer.text()))).join("\n");
}

/** The tables that hold a text in any column; every table there is, so that a new one is looked at too. */
async function tablesHolding(isolate: Isolate, text: string): Promise<string[]> {
  const { database } = isolate.rooms;
  const { rows } = await database.execute<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_schema = current_schema()`,
  );
  expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(["api_keys", "audit_events"]));
  const holding: string[] = [];
  for (const { name } of rows) {
    const found = await database.execute(
      sql`select 1 from ${sql.identifier(name)} as row where position(${text} in row::text) > 0 limit 1`,
    );
    if (found.rows.length > 0) holding.push(name);
  }
  return holding;
}

/** A secret, and the part of a key that is not shown to operators, is in no log line, no call to a store, no row. */
export async function expectNoTrace(
  isolate: Isolate,
  log: () => string,
  secrets: readonly string[],
): Promise<void> {
  await isolate.settle();
  const sent = await sentBy(isolate);
  for (const secret of secrets) {
    const hidden = /^gk_(?:live|test)_/.test(secret) ? secret.slice("gk_live_0000".length) : secret;
    expect(log()).not.toContain(hidden);
    expect(sent).not.toContain(hidden);
    expect(await tablesHolding(isolate, hidden)).toEqual([]);
  }
}
