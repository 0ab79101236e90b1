import { neon, neonConfig } from "@neondatabase/serverless";
import { drizzle } from "drizzle-orm/neon-http";

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
  return drizzle({ client: neon(databaseUrl) });
}

export type Database = ReturnType<typeof createDatabase>;

/** SQLSTATE of a failed statement, wherever Drizzle wrapped it. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return undefined;
}

export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === "23505";
