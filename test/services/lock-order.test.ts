import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startNeonTwin } from "../../scripts/twins/neon.ts";
import type { accounts } from "../../src/accounts/tables.ts";
import type { Use } from "../../src/mfa/factor.ts";
import { createFactorStore } from "../../src/mfa/store.ts";
import { createSessionStore } from "../../src/sessions/store.ts";
import { createDatabase } from "../../src/storage/database.ts";
import { createSchema, migrate } from "../support/stores.ts";

/** What locks which rows first can only be seen where several connections wait for each other: on a real server. */
let closing: AsyncDisposableStack;
let stores: {
  factors: ReturnType<typeof createFactorStore>;
  sessions: ReturnType<typeof createSessionStore>;
};
let url: string;

beforeAll(async () => {
  await using made = new AsyncDisposableStack();
  const schema = await createSchema(process.env["DATABASE_URL"] ?? "");
  made.defer(() => schema.drop());
  const twin = await startNeonTwin({ databaseUrl: schema.url });
  made.defer(() => twin.close());
  await migrate(twin.query);
  const database = createDatabase(twin.url);
  stores = { factors: createFactorStore(database), sessions: createSessionStore(database) };
  url = schema.url;
  closing = made.move();
});

afterAll(() => closing.disposeAsync());

async function givenConnection(): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

const at = new Date("2030-01-01T00:00:00Z");
const later = new Date("2030-02-01T00:00:00Z");

/** Somebody with an app, a passkey and one recovery code, and an app that waits to be confirmed. */
async function givenHolder(watcher: Client) {
  const id = crypto.randomUUID();
  const account: (typeof accounts.$inferInsert)["state"] = "active";
  await watcher.query(
    `insert into accounts (id, email, email_canonical, scopes, state, created_at, updated_at, factor_kinds, version)
     values ($1, $1, $1, '{}', $2, $3, $3, '{passkey,totp}', 1)`,
    [id, account, at],
  );
  const held = [
    ["app", "totp", at, "{}"],
    ["key", "passkey", at, "{}"],
    ["codes", "recovery-codes", at, '{"codes":{"hash":true}}'],
    ["next", "totp", null, "{}"],
  ] as const;
  for (const [name, kind, confirmedAt, details] of held)
    await watcher.query(
      `insert into factors (id, account_id, kind, name, secret, credential_id, counter, details, created_at, confirmed_at)
       values ($1, $2, $3, 'given', '', $4, 0, $5, $6, $7)`,
      [`${name} ${id}`, id, kind, kind === "passkey" ? id : null, details, at, confirmedAt],
    );
  return id;
}

const uses = {
  app: (id) => ({ kind: "totp", factorId: `app ${id}`, step: 7 }),
  codes: (id) => ({ kind: "recovery-codes", factorId: `codes ${id}`, codeHash: "hash" }),
  key: (id) => ({
    kind: "passkey",
    factorId: `key ${id}`,
    signCount: 1,
    isBackedUp: false,
    challenge: { key: `challenge ${id}`, expiresAt: later },
  }),
} as const satisfies Record<string, (id: string) => Use>;

function signIn(accountId: string, use: Use) {
  const proof = stores.factors.proofOf(use, { accountId, lane: "device:given", at });
  const [id, familyId] = [crypto.randomUUID(), crypto.randomUUID()];
  const ends = { idleExpiresAt: later, absoluteExpiresAt: later };
  const session = {
    id,
    accountId,
    kind: "native",
    secretHash: null,
    createdAt: at,
    lastSeenAt: at,
    ...ends,
  } as const;
  const place = { userAgent: "", address: "", city: null, country: null };
  const family = {
    id: familyId,
    sessionId: id,
    accountId,
    clientId: "first-party",
    audience: "",
    scopes: [],
    ...ends,
  };
  const proved = {
    authTime: at,
    acr: "two-factor",
    amr: ["pwd", "otp", "mfa"],
    createdAt: at,
    rotatedAt: at,
  };
  return stores.sessions.begin({
    session: { ...session, ...place },
    family: { ...family, ...proved, currentHash: id, generation: 0, secretVersion: 1 },
    accountVersion: 1,
    previous: { secretHash: null, sessionId: null },
    proof,
    at,
  });
}

/** So many others wait for a lock now. */
const expectWaiting = (watcher: Client, count: number) =>
  expect
    .poll(
      async () => {
        const { rows } = await watcher.query(
          "select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        return (rows[0] as { waiting: number }).waiting;
      },
      { timeout: 10_000, interval: 10 },
    )
    .toBe(count);

const codesOf = (accountId: string) =>
  ({
    id: `new ${accountId}`,
    accountId,
    kind: "recovery-codes",
    name: "given",
    createdAt: at,
    confirmedAt: at,
  }) as const;

test.each([
  ["app", "removed", (id: string) => stores.factors.remove(`app ${id}`, id, at)],
  [
    "app",
    "replaced",
    (id: string) => stores.factors.confirmTotp(`next ${id}`, { accountId: id, version: 1, step: 9, at }),
  ],
  ["codes", "made anew", (id: string) => stores.factors.replaceRecoveryCodes(codesOf(id))],
  ["key", "reset with all others", (id: string) => stores.factors.removeAll(id, at)],
] as const)(
  "a sign-in by %s while it is being %s: the one waits for the other, and neither is given up as a deadlock",
  async (name, _, change) => {
    await using watcher = await givenConnection();
    await using holder = await givenConnection();
    const id = await givenHolder(watcher);
    await holder.query("begin");
    await holder.query("select 1 from factors where id = $1 for update", [`${name} ${id}`]);

    const signedIn = signIn(id, uses[name](id));
    await expectWaiting(watcher, 1);
    const changed = change(id);
    await expectWaiting(watcher, 2);
    await holder.query("commit");

    const both = await Promise.all([signedIn, changed]);
    expect(both[0]).toEqual({ ok: true, ended: [] });
    expect(both[1]).toBeTruthy();
    const { rows } = await watcher.query("select 1 from factors where id = $1", [`${name} ${id}`]);
    expect(rows).toEqual([]);
  },
);

test.each([
  ["that signs in elsewhere", "last_signed_in_at = now()", { ok: true, ended: [] }, 7],
  ["that changes", "version = version + 1", { ok: false, reason: "superseded" }, 0],
] as const)(
  "a sign-in that waits for an account %s finds it as it is then, and uses its code up only if it begins",
  async (_, change, outcome, counter) => {
    await using watcher = await givenConnection();
    await using holder = await givenConnection();
    const id = await givenHolder(watcher);
    await holder.query("begin");
    await holder.query(`update accounts set ${change} where id = $1`, [id]);
    const signedIn = signIn(id, uses.app(id));
    await expectWaiting(watcher, 1);
    await holder.query("commit");
    expect(await signedIn).toEqual(outcome);
    const { rows } = await watcher.query("select counter::int from factors where id = $1", [`app ${id}`]);
    expect(rows).toEqual([{ counter }]);
  },
);

test("of two sign-ins by the same code, by each kind, one begins and the other is told that it was used", async () => {
  await using watcher = await givenConnection();
  for (const use of Object.values(uses)) {
    const id = await givenHolder(watcher);
    const both = await Promise.all([signIn(id, use(id)), signIn(id, use(id))]);
    expect(both.toSorted((one) => (one.ok ? -1 : 1))).toEqual([
      { ok: true, ended: [] },
      { ok: false, reason: "replayed" },
    ]);
  }
});
