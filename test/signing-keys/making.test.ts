import { and, eq } from "drizzle-orm";
import { decodeProtectedHeader, type JWK } from "jose";
import { expect, test } from "vitest";
import { signingKeys } from "../../src/signing-keys/tables.ts";
import { givenIsolate, type Isolate } from "../support/given.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";

const noRows = JSON.stringify({ command: "SELECT", rowCount: 0, rowAsArray: true, fields: [], rows: [] });

const early = { kind: "status", status: 200, body: noRows, match: 'from \\"signing_keys\\"' } as const;

/** An isolate that is told, as often as it is said, that no signing key exists: it read just before one was made. */
async function givenEarlyIsolate(times: number): Promise<Isolate> {
  const isolate = await givenIsolate();
  await isolate.postgresFault([{ ...early, times }]);
  return isolate;
}

const sign = ({ rooms }: Isolate) => rooms.signingKeys.sign("identity", "test+jwt", { sub: "x" });
const firstSlot = ({ rooms }: Isolate) =>
  rooms.database
    .select()
    .from(signingKeys)
    .where(and(eq(signingKeys.purpose, "identity"), eq(signingKeys.slot, 1)));

test("of many isolates that all find no key at once one makes it, and all of them sign with that one", async () => {
  // A table of their own: in the shared one another test's clock may have brought the next key.
  const keys = await givenOwnKeys();
  const isolates = await Promise.all(Array.from({ length: 8 }, () => keys.isolate()));
  // Loading and ensuring: both reads of each come before the key.
  await keys.first.postgresFault([{ ...early, times: 16 }]);
  await keys.first.forgetCalls();

  const tokens = await Promise.all(isolates.map(sign));

  const made = (await keys.rows()).filter(({ purpose }) => purpose === "identity");
  expect(made).toHaveLength(1);
  const kids = tokens.map((token) => decodeProtectedHeader(token));
  expect(kids).toEqual(Array(8).fill({ alg: "ES256", kid: made[0]?.kid, typ: "test+jwt" }));
  const { summaries } = await keys.first.calls();
  expect(summaries.flat().filter((summary) => summary === "WITH").length).toBeGreaterThanOrEqual(8);
});

test("the key that was made has one event, of the system itself", async () => {
  const isolate = await givenEarlyIsolate(2);
  await sign(isolate);
  const [row] = await firstSlot(isolate);
  const made = () =>
    isolate.rooms.audit.list({ type: "signing_key.created", subjectId: row?.kid, limit: 10 });
  await expect.poll(async () => (await made()).length).toBe(1);
  expect(await made()).toMatchObject([
    {
      outcome: "done",
      actor: { type: "system", id: "gatehouse" },
      subject: { type: "signing-key", id: row?.kid },
      origin: { requestId: "", address: "" },
      count: 1,
    },
  ]);
});

test("the cron trigger makes a key before anyone needs it, and makes no second one however often it runs", async () => {
  const isolates = await Promise.all([givenIsolate(), givenIsolate(), givenEarlyIsolate(1)]);
  await Promise.all(isolates.map(({ rooms, background }) => rooms.signingKeys.ensure(background)));
  await Promise.all(isolates.map(({ rooms, background }) => rooms.signingKeys.ensure(background)));
  expect(await firstSlot(isolates[0])).toHaveLength(1);
});

test("the published set is never empty: an isolate that finds no key makes it before it publishes", async () => {
  const isolate = await givenEarlyIsolate(2);
  const answer = await isolate.fetch("/.well-known/jwks.json");
  const { keys } = (await answer.json()) as { keys: JWK[] };
  const [row] = await firstSlot(isolate);
  expect(keys.map(({ kid }) => kid)).toContain(row?.kid);
});
