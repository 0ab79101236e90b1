import fc from "fast-check";
import { expect, test } from "vitest";
import { cursorOf, parseCursor } from "../../src/admin/cursor.ts";
import { givenKey, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator, type OperatorAtWork } from "./operator.ts";

type Row = { id: string; created_at: string };
type Page = { data: Row[]; next_cursor: string | null };

async function readAll({ ask }: OperatorAtWork, path: string, limit: number): Promise<Row[][]> {
  const pages: Row[][] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: Page = await ask<Page>(200, "GET", `${path}&limit=${limit}${from}`);
    pages.push(page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return pages;
}

const ownerQuery = (owner: { type: string; id: string }) =>
  `/keys?owner_type=${owner.type}&owner_id=${owner.id}`;

test("paging gives every key exactly once, newest first, though many were made in the same millisecond", async () => {
  const operator = await givenOperator();
  const owner = { type: "service", id: unique("many") } as const;
  const made: string[] = [];
  for (let at = 0; at < 11; at += 1) {
    made.push((await givenKey(operator.isolate, { owner })).id);
    if (at % 5 === 4) operator.isolate.clock.advance(1);
  }
  for (const limit of [1, 2, 3, 10, 11, 200]) {
    const pages = await readAll(operator, ownerQuery(owner), limit);
    const rows = pages.flat();
    expect(rows.map(({ id }) => id).sort()).toEqual([...made].sort());
    expect(pages).toHaveLength(Math.ceil(11 / limit));
    const order = rows.map(({ created_at, id }) => `${created_at} ${id}`);
    expect(order).toEqual([...order].sort().reverse());
  }
});

test("keys made or deleted while a reader pages are no duplicates and no gaps for what was there all along", async () => {
  const operator = await givenOperator();
  const { ask, isolate } = operator;
  const owner = { type: "user", id: unique("moving") } as const;
  const made: string[] = [];
  for (let at = 0; at < 6; at += 1) {
    made.unshift((await givenKey(isolate, { owner })).id);
    isolate.clock.advance(1);
  }
  const first = await ask<Page>(200, "GET", `${ownerQuery(owner)}&limit=2`);
  await givenKey(isolate, { owner });
  await ask(200, "DELETE", `/keys/${made[1]}`);
  const rest = await ask<Page>(200, "GET", `${ownerQuery(owner)}&limit=10&cursor=${first.next_cursor}`);
  expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual(made);
  expect(rest.next_cursor).toBeNull();
});

test("fifty is the page when nothing is said, two hundred the most", async () => {
  const { ask, isolate } = await givenOperator();
  const owner = { type: "user", id: unique("crowd") } as const;
  const { apiKeys } = isolate.rooms;
  const draft = (await givenKey(isolate, { owner })).record;
  const hashed = (at: number) =>
    (at.toString(16) + crypto.randomUUID().replaceAll("-", "").repeat(2)).slice(0, 64);
  const drafts = Array.from({ length: 60 }, (_, at) => ({
    ...draft,
    secretHash: hashed(at),
    prefix: "legacy_",
  }));
  const actor = { type: "operator", id: "given" } as const;
  const origin = { requestId: "given", address: "192.0.2.1", country: null };
  await apiKeys.import(
    drafts.map(
      ({ secretHash, prefix, name, environment, scopes, limits, allowedAddresses, metadata, expiresAt }) => ({
        secretHash,
        prefix,
        name,
        owner,
        environment,
        scopes,
        limits,
        allowedAddresses,
        metadata,
        expiresAt,
      }),
    ),
    { actor, origin, background: isolate.background },
  );
  const page = await ask<Page>(200, "GET", ownerQuery(owner));
  expect(page.data).toHaveLength(50);
  expect(page.next_cursor).not.toBeNull();
  const whole = await ask<Page>(200, "GET", `${ownerQuery(owner)}&limit=200`);
  expect(whole.data).toHaveLength(61);
  expect(whole.next_cursor).toBeNull();
});

test("the filters of the key list hold back everything else", async () => {
  const { ask, isolate } = await givenOperator();
  const id = unique("filtered");
  const live = await givenKey(isolate, { owner: { type: "user", id } });
  const tested = await givenKey(isolate, { owner: { type: "user", id }, environment: "test" });
  const service = await givenKey(isolate, { owner: { type: "service", id } });
  const ids = async (query: string) =>
    (await ask<Page>(200, "GET", `/keys?${query}`)).data.map((row) => row.id);
  expect((await ids(`owner_type=user&owner_id=${id}`)).sort()).toEqual([live.id, tested.id].sort());
  expect(await ids(`owner_type=user&owner_id=${id}&environment=test`)).toEqual([tested.id]);
  expect(await ids(`owner_type=service&owner_id=${id}`)).toEqual([service.id]);
  expect(await ids(`owner_type=organization&owner_id=${id}`)).toEqual([]);
});

test("a cursor that is not ours, or was cut, is 400 and never 500", async () => {
  const { call } = await givenOperator();
  const ours = cursorOf({ at: new Date(), id: `key_${"0".repeat(22)}` });
  const encode = (text: string) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const strange = [
    "0",
    ours.slice(0, -20),
    `${ours}.`,
    encode("2027-01-01T00:00:00.000Z"),
    encode("2027-01-01T00:00:00.000Z key_1 more"),
    encode("yesterday key_1"),
    encode("2027 key_1"),
    encode("0000-01-01T00:00:00.000Z key_1"),
    encode("+275760-09-13T00:00:00.000Z key_1"),
    encode("2027-01-01T00:00:00.000Z key_1'; drop table api_keys"),
    encode("2027-01-01T00:00:00.000Z key_\0"),
    encode(`2027-01-01T00:00:00.000Z key_${"0".repeat(41)}`),
  ];
  for (const path of ["/keys", "/users", "/audit"]) {
    for (const cursor of strange) {
      const refused = await call("GET", `${path}?cursor=${encodeURIComponent(cursor)}`);
      const { detail } = await expectProblem(refused, 400, "invalid_request");
      expect(detail.startsWith("cursor: "), detail).toBe(true);
    }
  }
});

test("a cursor is read back as it was written, and any other text is refused or is a position", () => {
  const moment = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  const id = fc.stringMatching(/^[a-z]{3}_[0-9A-Za-z]{22}$/);
  fc.assert(
    fc.property(moment, id, (at, named) => {
      expect(parseCursor(cursorOf({ at, id: named }))).toEqual({ at, id: named });
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      try {
        const { at } = parseCursor(text);
        expect(at.toISOString()).toMatch(/^\d{4}-/);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "invalid_request" });
      }
    }),
  );
});
