import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import type { Isolate } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { familiesOf, notesOf } from "../support/given-families.ts";
import { asOperator, asPerson, givenPerson, goodPassword, otherPassword } from "../support/given-people.ts";
import { beginAt, givenDevice, givenSession } from "../support/given-sessions.ts";

const minutes = 60_000;
const days = 86_400_000;

const found = (isolate: Isolate, cookie: string | null) =>
  isolate.rooms.sessions.find(cookie, isolate.background);

const liveOf = async (isolate: Isolate, accountId: string): Promise<string[]> =>
  (await isolate.rooms.sessions.list(accountId)).map(({ id }) => id);

const rowsOf = async (isolate: Isolate, accountId: string): Promise<number> =>
  Number(
    (
      await isolate.rooms.database.execute<{ count: number }>(
        sql`select count(*)::integer as count from sessions where account_id = ${accountId}`,
      )
    ).rows[0]?.count,
  );

/** Changes that undo every proof that was given before them. */
const undoings = {
  "a change of password": (isolate: Isolate, id: string) =>
    isolate.rooms.accounts.changePassword(
      id,
      { current: goodPassword, next: otherPassword },
      null,
      asPerson(isolate, id),
    ),
  "an operator who disables the account": (isolate: Isolate, id: string) =>
    isolate.rooms.accounts.disable(id, asOperator(isolate)),
  "an operator who deletes the account": (isolate: Isolate, id: string) =>
    isolate.rooms.accounts.remove(id, null, asOperator(isolate)),
  "signing out everywhere": (isolate: Isolate, id: string) =>
    isolate.rooms.sessions.endAll(id, "signed_out_everywhere", asPerson(isolate, id)),
};

for (const [name, undo] of Object.entries(undoings)) {
  test(`no session of a proof that is older than ${name} lives: not one before, beside or after it`, async () => {
    const [isolate, other] = [await givenSignInIsolate(), await givenSignInIsolate()];
    for (let round = 0; round < 3; round += 1) {
      const { account } = await givenPerson(isolate);
      const before = await givenSession(isolate, account);
      const beside = Array.from({ length: 4 }, () => beginAt(isolate, account));
      await Promise.all([...beside, undo(other, account.id), ...beside.map(() => beginAt(other, account))]);
      expect(await beginAt(isolate, account)).toBeNull();

      expect(await found(isolate, before.cookie)).toBeNull();
      for (const began of await Promise.all(beside))
        expect(await found(other, began?.cookie ?? null)).toBeNull();
      expect(await liveOf(isolate, account.id)).toEqual([]);
      const families = await familiesOf(isolate, account.id);
      expect(families.length).toBeGreaterThanOrEqual(1);
      expect(families.filter(({ ended }) => ended === null)).toEqual([]);
      const refreshed = await isolate.rooms.refreshTokens.refresh(before.refreshToken, {
        clientId: "first-party",
        ...asOperator(isolate),
      });
      expect(refreshed).toMatchObject({ ok: false });
      await Promise.all([isolate.settle(), other.settle()]);
    }
  });
}

test("a proof that became void leaves no trace: no row, no family, and the browser's earlier session goes on", async () => {
  const isolate = await givenSignInIsolate();
  const { account } = await givenPerson(isolate);
  const victim = await givenPerson(isolate);
  const earlier = await givenSession(isolate, victim.account);
  await isolate.rooms.sessions.endAll(account.id, "by_operator", asOperator(isolate));
  expect(await beginAt(isolate, account, { previousCookie: earlier.cookie })).toBeNull();
  expect([await rowsOf(isolate, account.id), await familiesOf(isolate, account.id)]).toEqual([0, []]);
  expect(await found(isolate, earlier.cookie)).toMatchObject({ accountId: victim.account.id });
  expect((await isolate.rooms.accounts.get(account.id)).lastSignedInAt).toBeNull();
});

test("at each sign-in ids, cookie and tokens are new, and the session of the browser's earlier cookie ends with its note", async () => {
  const isolate = await givenSignInIsolate();
  const { account } = await givenPerson(isolate);
  const bystander = await givenSession(isolate, account);
  const seen = new Set<string>();
  let previousCookie: string | null = null;
  let previousId: string | null = null;
  for (let time = 0; time < 4; time += 1) {
    const began = await givenSession(isolate, account, { previousCookie });
    for (const text of [began.sessionId, began.cookie, began.refreshToken, began.accessToken]) {
      expect(seen.has(text)).toBe(false);
      seen.add(text);
    }
    if (previousId) {
      expect(await found(isolate, previousCookie)).toBeNull();
      expect(await notesOf(isolate, [previousId])).toEqual([`session:${previousId}`]);
    }
    previousCookie = began.cookie;
    previousId = began.sessionId;
  }
  expect((await liveOf(isolate, account.id)).sort()).toEqual([bystander.sessionId, previousId].sort());
  const ends = (await familiesOf(isolate, account.id)).map(({ ended }) => ended ?? "live");
  expect(ends.sort()).toEqual(["live", "live", "superseded", "superseded", "superseded"]);
});

test("a cookie that was not made here costs no call, a good one costs one read, and a dead one no more", async () => {
  const isolate = await givenSignInIsolate();
  const { account } = await givenPerson(isolate);
  const { cookie, sessionId } = await givenSession(isolate, account);
  await isolate.settle();
  await isolate.forgetCalls();
  const last = cookie.at(-1) === "0" ? "1" : "0";
  const garbage = [
    null,
    "",
    "gs_",
    `gs_${"A".repeat(54)}`,
    cookie.slice(0, -1) + last,
    `${cookie}0`,
    `${cookie} `,
  ];
  for (const text of [...garbage, cookie.toLowerCase(), "x".repeat(8000)]) {
    expect(await found(isolate, text)).toBeNull();
  }
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });

  expect(await found(isolate, cookie)).toMatchObject({ id: sessionId, accountId: account.id });
  expect(await isolate.calls()).toMatchObject({ postgres: 1, redis: 0 });
  await isolate.rooms.sessions.end(sessionId, account.id, "signed_out", asPerson(isolate, account.id));
  await isolate.settle();
  await isolate.forgetCalls();
  expect(await found(isolate, cookie)).toBeNull();
  expect(await isolate.calls()).toMatchObject({ postgres: 1, redis: 0 });
});

test("only a hash of the cookie is kept, and another session's id, hash or refresh token opens nothing", async () => {
  const isolate = await givenSignInIsolate();
  const { account } = await givenPerson(isolate);
  const { cookie, sessionId, refreshToken } = await givenSession(isolate, account);
  const { rows } = await isolate.rooms.database.execute<{ whole: string; secret_hash: string }>(
    sql`select row_to_json(sessions)::text || row_to_json(family)::text as whole, secret_hash from sessions
        join refresh_families family on family.id = family_id where sessions.id = ${sessionId}`,
  );
  const { whole = "", secret_hash = "" } = rows[0] ?? {};
  expect(secret_hash).toMatch(/^[0-9a-f]{64}$/);
  expect([whole.includes(cookie), whole.includes(refreshToken)]).toEqual([false, false]);
  for (const text of [sessionId, secret_hash, refreshToken]) expect(await found(isolate, text)).toBeNull();
});

test("a session that nobody uses ends by itself, one that is used goes on, and none lives past its absolute end", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const { account } = await givenPerson(isolate);
  const [idle, used] = [await givenSession(isolate, account), await givenSession(isolate, account)];
  const end = used.absoluteExpiresAt.getTime();
  const idleEnd = clock.now() + 7 * days;
  clock.advance(6 * days);
  expect(await found(isolate, used.cookie)).not.toBeNull();
  await isolate.settle();
  clock.advance(idleEnd - clock.now() - 1);
  expect((await liveOf(isolate, account.id)).sort()).toEqual([idle.sessionId, used.sessionId].sort());
  clock.advance(1);
  expect(await liveOf(isolate, account.id)).toEqual([used.sessionId]);
  expect(await found(isolate, idle.cookie)).toBeNull();

  while (clock.now() + 5 * days < end) {
    clock.advance(5 * days);
    expect(await found(isolate, used.cookie)).not.toBeNull();
    await isolate.settle();
  }
  clock.advance(end - clock.now() - 1);
  expect(await found(isolate, used.cookie)).toMatchObject({ id: used.sessionId });
  await isolate.settle();
  clock.advance(1);
  expect([await found(isolate, used.cookie), await liveOf(isolate, account.id)]).toEqual([null, []]);
});

test("that a session was used is written at most once in ten minutes, behind the answer", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const { account } = await givenPerson(isolate);
  const { cookie } = await givenSession(isolate, account);
  const began = clock.now();
  clock.advance(10 * minutes);
  await found(isolate, cookie);
  await isolate.settle();
  expect((await isolate.rooms.sessions.list(account.id))[0]?.lastSeenAt.getTime()).toBe(began);
  clock.advance(1);
  await isolate.forgetCalls();
  for (let time = 0; time < 3; time += 1) {
    await found(isolate, cookie);
    await isolate.settle();
  }
  expect((await isolate.calls()).postgres).toBe(4);
  expect((await isolate.rooms.sessions.list(account.id))[0]?.lastSeenAt.getTime()).toBe(clock.now());
});

test("the list has an account's live sessions alone, newest first, with device and place, and no secret", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const { account } = await givenPerson(isolate);
  await givenSession(isolate, (await givenPerson(isolate)).account);
  const first = await givenSession(isolate, account, {
    device: { ...givenDevice, userAgent: "u".repeat(5000), city: null },
  });
  clock.advance(minutes);
  const second = await givenSession(isolate, account, { kind: "native" });
  const listed = await isolate.rooms.sessions.list(account.id);
  expect(listed.map(({ id, kind }) => [id, kind])).toEqual([
    [second.sessionId, "native"],
    [first.sessionId, "browser"],
  ]);
  expect(listed[1]).toEqual({
    id: first.sessionId,
    kind: "browser",
    ...givenDevice,
    userAgent: "u".repeat(256),
    city: null,
    acr: "one-factor",
    amr: ["pwd"],
    authTime: new Date(clock.now() - minutes),
    createdAt: new Date(clock.now() - minutes),
    lastSeenAt: new Date(clock.now() - minutes),
    absoluteExpiresAt: first.absoluteExpiresAt,
  });
  expect(second.cookie).toBe("");
});

test("what ended long ago is swept, and what a deleted person left at once; the live and the lately dead stay", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const [old, gone] = [await givenPerson(isolate), await givenPerson(isolate)];
  const { absoluteExpiresAt } = await givenSession(isolate, old.account);
  await givenSession(isolate, gone.account);
  await isolate.rooms.accounts.remove(gone.account.id, null, asOperator(isolate));
  await isolate.rooms.sessions.sweep();
  expect([await rowsOf(isolate, old.account.id), await rowsOf(isolate, gone.account.id)]).toEqual([1, 0]);
  // A clock ahead would sweep what other tests hold: this session's own end is set back instead.
  expect(absoluteExpiresAt.getTime()).toBeGreaterThan(clock.now());
  const endAt = (milliseconds: number) =>
    isolate.rooms.database.execute(
      sql`update sessions set absolute_expires_at = ${new Date(milliseconds).toISOString()}::timestamptz
          where account_id = ${old.account.id}`,
    );
  await endAt(clock.now() - 7 * days);
  await isolate.rooms.sessions.sweep();
  expect(await rowsOf(isolate, old.account.id)).toBe(1);
  await endAt(clock.now() - 7 * days - 1);
  await isolate.rooms.sessions.sweep();
  expect(await rowsOf(isolate, old.account.id)).toBe(0);
});

test("what a deleted person left is swept however long it was forgotten, and nobody else's", async () => {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  const here = await givenPerson(isolate);
  await givenSession(isolate, here.account);
  // The longest that a session may be left: until it has ended long ago by itself.
  for (const daysAgo of [0, 8, 37]) {
    const { account } = await givenPerson(isolate);
    await givenSession(isolate, account);
    await isolate.rooms.accounts.remove(account.id, null, asOperator(isolate));
    await isolate.rooms.database.execute(
      sql`update accounts set updated_at = ${new Date(clock.now() - daysAgo * days).toISOString()}::timestamptz
          where id = ${account.id}`,
    );
    expect(await rowsOf(isolate, account.id)).toBe(1);
    await isolate.rooms.sessions.sweep();
    expect([daysAgo, await rowsOf(isolate, account.id)]).toEqual([daysAgo, 0]);
  }
  expect(await rowsOf(isolate, here.account.id)).toBe(1);
});
