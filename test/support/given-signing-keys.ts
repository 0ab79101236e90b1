import { sql } from "drizzle-orm";
import { onTestFinished } from "vitest";
import type { SigningKeyRow } from "../../src/signing-keys/store.ts";
import { signingKeys } from "../../src/signing-keys/tables.ts";
import { createClock } from "./clock.ts";
import { givenIsolate, type Isolate, type IsolateOptions, unique } from "./given.ts";

export const operatorOf = (isolate: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: unique("request"), address: "192.0.2.1", country: null },
  background: isolate.background,
});

/**
 * A table of signing keys that no other test sees, for tests in which keys rotate, are killed or are lost: every
 * other table is shared. Its isolates have one clock and each its own name at the twins but one.
 */
export async function givenOwnKeys() {
  const lane = `own-${unique("keys")}`;
  const clock = createClock();
  const isolate = (options: IsolateOptions = {}) => givenIsolate({ clock, lane, ...options });
  const first = await isolate();
  const { database } = first.rooms;
  const schema = sql.identifier(lane);
  await database.execute(sql`create schema ${schema}`);
  await database.execute(sql`create table ${schema}.signing_keys (like ${signingKeys} including all)`);
  onTestFinished(async () => {
    await first.postgresFault([]);
    await database.execute(sql`drop schema ${schema} cascade`);
  });
  const run = async (one: Isolate, work: Promise<unknown>) => {
    const done = await work;
    await one.settle();
    return done;
  };
  return {
    first,
    clock,
    /** One more isolate over the same keys. */
    isolate,
    /** What the cron trigger does, until nothing is left to do. */
    async tick(one: Isolate = first): Promise<void> {
      for (let time = 0; time < 3; time += 1) await run(one, one.rooms.signingKeys.ensure(one.background));
    },
    rows: (): Promise<SigningKeyRow[]> =>
      database.select().from(signingKeys).orderBy(signingKeys.publishedAt, signingKeys.slot),
  };
}

export type OwnKeys = Awaited<ReturnType<typeof givenOwnKeys>>;
