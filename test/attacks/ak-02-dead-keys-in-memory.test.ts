// AK-02. The bound is proved over schedules of edges and faults in test/revocation, on verdicts; here an attacker who holds
// a key that is being ended tries every door of an edge that has it in memory, all through the bound and past it.
import { expect, test } from "vitest";
import { givenEdges } from "../revocation/edges.ts";
import {
  givenAdminKey,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";

const refuse = [{ kind: "refuse" }] as const;
const scopes = ["gatehouse:admin", "gatehouse:keys:verify", "read"];

/** Every door the key opens, each answering whether it still does. */
async function givenDoors(at: Isolate, made: Isolate) {
  const verifier = withAdmin((await givenKey(made, { scopes: ["gatehouse:keys:verify"] })).key);
  const route = await givenRoute(made, { scopes: ["read"] });
  const open = await givenRoute(made, { credentials: ["public"] });
  const isOpen = async (path: string, init: RequestInit) => {
    const answer = await at.fetch(path, init);
    const text = await answer.text();
    if (answer.status === 200) return !text.includes('"valid":false');
    expect([path, answer.status]).toEqual([path, 403]);
    return false;
  };
  return (key: string) => ({
    gateway: () => isOpen(route.url, { headers: { "x-api-key": key } }),
    "a public route": () => isOpen(open.url, { headers: { authorization: `Bearer ${key}` } }),
    "forward-auth": () => isOpen("/v1/authenticate?scopes=read", { headers: { "x-api-key": key } }),
    "verification of it": () => isOpen("/v1/keys/verify", json({ key, scopes: ["read"] }, verifier)),
    "verification by it": () => isOpen("/v1/keys/verify", json({ key }, withAdmin(key))),
    management: () => isOpen("/admin/v1/keys?limit=1", { headers: withAdmin(key) }),
  });
}

type Target = { readonly id: string; readonly owner: { readonly type: string; readonly id: string } };
const endings: Record<string, (target: Target) => [method: string, path: string, body?: object]> = {
  revoked: ({ id }) => ["POST", `/keys/${id}/revoke`, {}],
  deleted: ({ id }) => ["DELETE", `/keys/${id}`],
  disabled: ({ id }) => ["PATCH", `/keys/${id}`, { enabled: false }],
  "rotated without overlap": ({ id }) => ["POST", `/keys/${id}/rotate`, { overlap_seconds: 0 }],
  "of an owner who is closed": ({ owner }) => ["POST", `/owners/${owner.type}/${owner.id}/revoke-keys`, {}],
  "bound to another address": ({ id }) => ["PATCH", `/keys/${id}`, { allowed_addresses: ["198.51.100.7"] }],
};

/** Ends a key at one edge; answers the moment by which every edge must know. */
async function end(edge: Isolate, ending: string, target: Target): Promise<number> {
  const [method, path, body] = endings[ending]?.(target) ?? ["", ""];
  const headers = withAdmin(await givenAdminKey(edge));
  const init = body ? { ...json(body, headers), method } : { method, headers };
  const answer = await edge.fetch(`/admin/v1${path}`, init);
  const told = (await answer.json()) as { effective_everywhere_by: string };
  expect([ending, Math.floor(answer.status / 100)]).toEqual([ending, 2]);
  return Date.parse(told.effective_everywhere_by);
}

test.each(Object.keys(endings))(
  "AK-02: a key that is %s opens no door of a far edge after the promised time, though that edge hears no news at all",
  async (ending) => {
    const boundSeconds = 10;
    const { clock, a, b, settle } = await givenEdges(boundSeconds, 2);
    const owner = { type: "organization", id: unique("tenant") } as const;
    const { key, id } = await givenKey(a, { scopes, owner });
    const doors = Object.entries((await givenDoors(b, a))(key));
    for (const [door, isOpen] of doors) expect([door, await isOpen()]).toEqual([door, true]);
    await settle();
    await b.redisFault(refuse);

    const by = await end(a, ending, { id, owner });

    expect(by - clock.now()).toBeLessThanOrEqual(boundSeconds * 1000);
    while (clock.now() <= by) {
      await Promise.all(doors.map(([, isOpen]) => isOpen()));
      clock.advance(500);
    }
    for (let turn = 0; turn < 3; turn += 1) {
      for (const [door, isOpen] of doors) expect([door, turn, await isOpen()]).toEqual([door, turn, false]);
      clock.advance(turn * 60_000);
    }
    await b.redisFault([]);
    await settle();
    clock.advance(1000);
    for (const [door, isOpen] of doors) expect([door, await isOpen()]).toEqual([door, false]);
  },
);

test("AK-02: with bound 0 the very next request is refused at every door and at every edge", async () => {
  const { clock, a, b, settle } = await givenEdges(0, 2);
  const [doorsOfB, doorsOfA] = [await givenDoors(b, a), await givenDoors(a, a)];
  // A path that opened nothing a second ago may be answered so for a second.
  clock.advance(1001);
  for (const ending of Object.keys(endings)) {
    const owner = { type: "user", id: unique("owner") } as const;
    const { key, id } = await givenKey(a, { scopes, owner });
    const doors = [...Object.entries(doorsOfB(key)), ...Object.entries(doorsOfA(key))];
    for (const [door, isOpen] of doors) expect([door, await isOpen()]).toEqual([door, true]);
    await settle();
    await end(a, ending, { id, owner });
    clock.advance(1);
    for (const [door, isOpen] of doors) expect([ending, door, await isOpen()]).toEqual([ending, door, false]);
  }
});

test("AK-02: a key cannot undo its own end: what it asks for while it dies is refused or was before it died", async () => {
  const { a, settle } = await givenEdges(0, 2);
  const owner = { type: "service", id: unique("thief") } as const;
  const { key, id } = await givenKey(a, { scopes, owner });
  const ask = (method: string, path: string, body: object) =>
    a.fetch(`/admin/v1${path}`, { ...json(body, withAdmin(key)), method });
  await settle();
  await end(a, "revoked", { id, owner });
  const attempts = await Promise.all([
    ask("PATCH", `/keys/${id}`, { enabled: true, expires_at: null }),
    ask("POST", `/keys/${id}/rotate`, { overlap_seconds: 86_400 }),
    ask("POST", "/keys", { name: "heir", owner, scopes }),
    ask("POST", "/routes", {
      name: unique("back-door"),
      match: { path: "/back-door" },
      upstream: { url: "https://evil.example" },
      credentials: ["public"],
    }),
  ]);
  expect(attempts.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
  const left = await a.rooms.apiKeys.list({ owner, limit: 10 });
  expect(left.map((one) => [one.id, one.replacedBy, one.revokedAt !== null])).toEqual([[id, null, true]]);
  // Another operator cannot bring it back either: an end is for ever.
  const operator = withAdmin(await givenAdminKey(a));
  const back = await a.fetch(`/admin/v1/keys/${id}`, {
    ...json({ enabled: true }, operator),
    method: "PATCH",
  });
  expect([back.status, ((await back.json()) as { error: string }).error]).toEqual([409, "conflict"]);
});
