import { randomUUID } from "node:crypto";

/** The embedded database always; a real one too when the environment names it. */
export const POSTGRES_BACKINGS = [
  { name: "PGlite", databaseUrl: undefined as string | undefined },
  ...(process.env["DATABASE_URL"]
    ? [{ name: "a real Postgres", databaseUrl: process.env["DATABASE_URL"] }]
    : []),
];

export const REDIS_BACKINGS = [
  { name: "the embedded Redis", redisUrl: undefined as string | undefined },
  ...(process.env["REDIS_URL"] ? [{ name: "a real Redis", redisUrl: process.env["REDIS_URL"] }] : []),
];

/** PGlite takes seconds to make a database on a slow machine. */
export const START_MS = 60_000;

/** A name that no other test uses; tests share one database. */
export function uniqueName(prefix = "t"): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}
