import { expect, test } from "vitest";
import type { SecurityEvent } from "../../src/audit/events.ts";
import { givenIsolate, givenKey, type Isolate, unique, withAdmin } from "../support/given.ts";

type View = { id: string; at: string } & Record<string, unknown>;
type Page = { data: View[]; next_cursor: string | null };

async function givenReader() {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const read = async (query: string): Promise<Page> => {
    const answer = await isolate.fetch(`/admin/v1/audit?${query}`, { headers: withAdmin(key) });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Page;
  };
  return { isolate, read };
}

function write(
  isolate: Isolate,
  event: Partial<SecurityEvent> & { requestId?: string; country?: string },
): void {
  const { requestId = "written", country = null, ...rest } = event;
  isolate.rooms.audit.record(
    {
      type: "key.updated",
      outcome: "done",
      reason: null,
      actor: { type: "operator", id: "writer" },
      subject: null,
      origin: { requestId, address: "192.0.2.1", country },
      ...rest,
    },
    isolate.background,
  );
}

test("an event is shown with exactly what is known of it", async () => {
  const { isolate, read } = await givenReader();
  const requestId = unique("shown");
  const subject = { type: "key", id: unique("key") } as const;
  write(isolate, { requestId, country: "NZ", subject, reason: "by_operator", type: "key.revoked" });
  const { data, next_cursor } = await read(`request_id=${requestId}`);
  expect(next_cursor).toBeNull();
  expect(data).toEqual([
    {
      id: expect.stringMatching(/^evt_[0-9A-Za-z]{22}$/),
      at: new Date(isolate.clock.now()).toISOString(),
      type: "key.revoked",
      outcome: "done",
      reason: "by_operator",
      actor: { type: "operator", id: "writer" },
      subject,
      request_id: requestId,
      address: "192.0.2.1",
      country: "NZ",
      count: 1,
    },
  ]);
});

test("each filter, alone and joined with others, holds back everything else", async () => {
  const { isolate, read } = await givenReader();
  const mark = unique("mark");
  const [actor, other] = [
    { type: "operator", id: unique("actor") } as const,
    { type: "operator", id: unique("actor") } as const,
  ];
  const [one, two] = [
    { type: "key", id: unique("key") } as const,
    { type: "key", id: unique("key") } as const,
  ];
  write(isolate, { requestId: `${mark}-1`, actor, subject: one });
  write(isolate, { requestId: `${mark}-2`, actor, subject: two, type: "key.deleted" });
  write(isolate, { requestId: `${mark}-3`, actor: other, subject: one, type: "key.deleted" });
  await isolate.settle();
  const ids = async (query: string) => (await read(query)).data.map((event) => event["request_id"]).sort();
  const marks = (...numbers: number[]) => numbers.map((number) => `${mark}-${number}`);
  expect(await ids(`actor_id=${actor.id}`)).toEqual(marks(1, 2));
  expect(await ids(`subject_id=${one.id}`)).toEqual(marks(1, 3));
  expect(await ids(`request_id=${mark}-2`)).toEqual(marks(2));
  expect(await ids(`actor_id=${actor.id}&subject_id=${one.id}`)).toEqual(marks(1));
  expect(await ids(`subject_id=${one.id}&type=key.deleted`)).toEqual(marks(3));
  expect(await ids(`actor_id=${actor.id}&type=route.created`)).toEqual([]);
});

test("from is included and until is not, to the millisecond", async () => {
  const { isolate, read } = await givenReader();
  const actor = { type: "operator", id: unique("timed") } as const;
  const times: string[] = [];
  for (let at = 0; at < 4; at += 1) {
    times.push(new Date(isolate.clock.now()).toISOString());
    write(isolate, { actor });
    await isolate.settle();
    isolate.clock.advance(1);
  }
  const at = async (query: string) =>
    (await read(`actor_id=${actor.id}&${query}`)).data.map((event) => event.at);
  expect(await at(`from=${times[1]}`)).toEqual([times[3], times[2], times[1]]);
  expect(await at(`until=${times[2]}`)).toEqual([times[1], times[0]]);
  expect(await at(`from=${times[1]}&until=${times[3]}`)).toEqual([times[2], times[1]]);
  expect(await at(`from=${times[2]}&until=${times[2]}`)).toEqual([]);
});

test("paging gives every event exactly once, newest first, though many were written in the same millisecond", async () => {
  const { isolate, read } = await givenReader();
  const actor = { type: "operator", id: unique("paged") } as const;
  for (let at = 0; at < 13; at += 1) {
    write(isolate, { actor, requestId: `paged-${at}` });
    if (at === 6) {
      await isolate.settle();
      isolate.clock.advance(1);
    }
  }
  await isolate.settle();
  for (const limit of [1, 4, 13, 200]) {
    const seen: View[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: Page = await read(
        `actor_id=${actor.id}&limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`,
      );
      expect(page.data.length).toBeLessThanOrEqual(limit);
      seen.push(...page.data);
      cursor = page.next_cursor;
      pages += 1;
    } while (cursor !== null);
    expect(pages).toBe(Math.ceil(13 / limit));
    expect(new Set(seen.map(({ id }) => id)).size).toBe(13);
    const order = seen.map(({ at, id }) => `${at} ${id}`);
    expect(order).toEqual([...order].sort().reverse());
  }
});

test("events written while a reader pages stand before what is still to come: nothing twice, nothing left out", async () => {
  const { isolate, read } = await givenReader();
  const actor = { type: "operator", id: unique("moving") } as const;
  for (let at = 0; at < 4; at += 1) {
    write(isolate, { actor, requestId: `old-${at}` });
    await isolate.settle();
    isolate.clock.advance(1);
  }
  const first = await read(`actor_id=${actor.id}&limit=2`);
  write(isolate, { actor, requestId: "new" });
  await isolate.settle();
  const rest = await read(`actor_id=${actor.id}&limit=10&cursor=${first.next_cursor}`);
  const seen = [...first.data, ...rest.data].map((event) => event["request_id"]);
  expect(seen).toEqual(["old-3", "old-2", "old-1", "old-0"]);
});
