import { neon, neonConfig } from "@neondatabase/serverless";
import type { SQL } from "drizzle-orm";
import { drizzle } from "drizzle-orm/neon-http";
import { AuthError } from "../errors/auth-error.ts";

/** Neon's own limit for a statement is 15 s; nothing here is worth waiting that long for. */
const deadlineMilliseconds = 3000;

/** A server on this machine speaks plain HTTP on the port of its connection string; Neon itself HTTPS on `api.`. */
function endpointOf(host: string, port: number | string): string {
  if (host === "localhost" || host === "127.0.0.1" || host === "[::1]") return `http://${host}:${port}/sql`;
  return `https://${host.replace(/^[^.]+\./, "api.")}/sql`;
}

/**
 * Drizzle over Neon's SQL-over-HTTP: each call is one round trip, there are no interactive transactions, and a
 * statement whose answer was lost may still have run. So every change is one atomic statement or one batch.
 */
export function createDatabase(databaseUrl: string) {
  neonConfig.fetchEndpoint = endpointOf;
  // The driver has neither deadline nor retry; `fetchOptions` would replace its headers.
  neonConfig.fetchFunction = (url: string, init: RequestInit) =>
    fetch(url, { ...init, signal: AbortSignal.timeout(deadlineMilliseconds) });
  const database = drizzle({ client: neon(databaseUrl) });
  // Drizzle's own error texts hold the whole statement and its values: an outage leaves this file without them.
  const { session } = database._;
  const prepare = session.prepareQuery.bind(session);
  session.prepareQuery = (...given) => {
    const prepared = prepare(...given);
    const execute = prepared.execute.bind(prepared);
    prepared.execute = (values) => execute(values).catch(rethrow);
    return prepared as never;
  };
  return database;
}

/**
 * SQLSTATE classes that tell of the server's state, never of our statement: connection, rollback, resources, operator,
 * system, and a primary that became read-only.
 */
const outageStates = /^(08|40|53|57|58|25006)/;

/** A database that cannot be asked, or whose answer cannot be read, is `unavailable`; a refused statement is a bug of ours. */
function rethrow(thrown: unknown): never {
  const state = sqlStateOf(thrown);
  if (state !== undefined && !outageStates.test(state)) throw thrown;
  throw new AuthError("unavailable", undefined, { cause: thrown });
}

export type Database = ReturnType<typeof createDatabase>;

/**
 * Statements in one transaction and one round trip: all of them happen, or none. Each sees what was committed before it
 * began itself (READ COMMITTED), so a later one finds what others left behind while an earlier one waited for a lock.
 */
export async function inOneTransaction(
  database: Database,
  statements: readonly [SQL, ...SQL[]],
): Promise<Record<string, unknown>[][]> {
  const [first, ...rest] = statements;
  const run = (statement: SQL) => database.execute<Record<string, unknown>>(statement);
  const results = await database.batch([run(first), ...rest.map(run)]).catch(rethrow);
  return results.map(({ rows }) => rows);
}

const sqlState = /^[0-9A-Z]{5}$/;

/** SQLSTATE of a failed statement, wherever Drizzle wrapped it. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && sqlState.test(cause.code)) return cause.code;
  }
  return undefined;
}

export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === "23505";
