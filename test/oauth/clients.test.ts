import { expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { isSecretOf } from "../../src/oauth/client-secret.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate, unique } from "../support/given.ts";
import { askedNow, clientOperator, givenClient } from "../support/given-clients.ts";

const find = (isolate: Isolate, id: string) => isolate.rooms.clients.find(id, askedNow(isolate));

/** Two isolates of one clock: where operators change clients, and where clients are served. */
async function givenEdges(bound = "10") {
  const clock = createClock();
  const options = { clock, environment: { REVOCATION_BOUND_SECONDS: bound } };
  return { clock, office: await givenIsolate(options), edge: await givenIsolate(options) };
}

async function warm(isolate: Isolate, id: string) {
  for (let time = 0; time < 2; time += 1) {
    expect((await find(isolate, id))?.id).toBe(id);
    await isolate.settle();
  }
}

test("a client is kept as it was registered, and its secret as a hash that the secret alone has (RFC 7591 §2)", async () => {
  const isolate = await givenIsolate();
  const { client, secret } = await givenClient(isolate, { contacts: ["it@shop.example"] });
  const kept = await isolate.rooms.clients.get(client.id);
  expect(kept).toEqual(client);
  expect(kept.secrets).toEqual([
    { hash: await sha256Hex(secret), createdAt: client.createdAt.toISOString(), expiresAt: null },
  ]);
  expect(secret).toMatch(/^gcs_[0-9A-Za-z]{43}$/);
  const at = new Date(isolate.rooms.now());
  expect(await isSecretOf(kept, secret, at)).toBe(true);
  expect(await isSecretOf(kept, `${secret}0`, at)).toBe(false);
  expect(await isSecretOf({ secrets: [] }, secret, at)).toBe(false);
});

test("a warm look-up asks no store with a bound, Redis alone without one", async () => {
  for (const [bound, redis] of [
    ["10", 0],
    ["0", 1],
  ] as const) {
    const { office, edge } = await givenEdges(bound);
    const { id } = await givenClient(office);
    await warm(edge, id);
    await edge.forgetCalls();
    expect((await find(edge, id))?.id).toBe(id);
    const calls = await edge.calls();
    expect([calls.postgres, calls.redis]).toEqual([0, redis]);
  }
});

const changes: [word: string, change: (office: Isolate, id: string) => Promise<unknown>][] = [
  ["disabled", (office, id) => office.rooms.clients.update(id, { enabled: false }, clientOperator(office))],
  ["deleted", (office, id) => office.rooms.clients.delete(id, clientOperator(office))],
];

test.each(changes)(
  "a client that is %s is unknown everywhere within the bound, at once with bound 0",
  async (_, change) => {
    for (const bound of ["10", "0"]) {
      const { clock, office, edge } = await givenEdges(bound);
      const { id } = await givenClient(office);
      await warm(edge, id);
      await warm(office, id);
      await change(office, id);
      expect(await find(office, id)).toBeNull();
      clock.advance(Number(bound) * 1000 + 1);
      expect(await find(edge, id)).toBeNull();
    }
  },
);

test("a change is felt within the bound also while Redis is silent, and nothing is decided without Postgres", async () => {
  const { clock, office, edge } = await givenEdges();
  const { id } = await givenClient(office);
  await warm(edge, id);
  await office.rooms.clients.update(id, { scopes: ["orders.read"] }, clientOperator(office));
  await edge.redisFault([{ kind: "refuse" }]);
  clock.advance(10_001);
  expect((await find(edge, id))?.scopes).toEqual(["orders.read"]);
  await edge.postgresFault([{ kind: "refuse" }]);
  expect((await find(edge, id))?.id).toBe(id);
  clock.advance(10_001);
  await expect(find(edge, id)).rejects.toMatchObject({ code: "unavailable" });
});

test("of two operators who change one client at once neither overwrites the other", async () => {
  const isolate = await givenIsolate();
  const { id } = await givenClient(isolate);
  const { clients } = isolate.rooms;
  const operator = clientOperator(isolate);
  const done = await Promise.allSettled([
    clients.update(id, { name: "one" }, operator),
    clients.update(id, { contacts: ["two@shop.example"] }, operator),
    clients.rotateSecret(id, 0, operator),
  ]);
  const kept = await clients.get(id);
  expect(kept.version).toBe(1 + done.filter(({ status }) => status === "fulfilled").length);
  for (const one of done) {
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "conflict" });
  }
});

test("two secrets live during a rotation's overlap, never three, and the older one ends with it", async () => {
  const clock = createClock();
  const isolate = await givenIsolate({ clock });
  const { id, secret: first } = await givenClient(isolate);
  const rotate = (seconds: number) =>
    isolate.rooms.clients.rotateSecret(id, seconds, clientOperator(isolate));
  const isLive = async (secret: string | null) =>
    isSecretOf(await isolate.rooms.clients.get(id), secret ?? "", new Date(clock.now()));

  const second = await rotate(60);
  expect([await isLive(first), await isLive(second.secret)]).toEqual([true, true]);
  clock.advance(60_000);
  expect([await isLive(first), await isLive(second.secret)]).toEqual([false, true]);
  const third = await rotate(60);
  const fourth = await rotate(30);
  expect((await isolate.rooms.clients.get(id)).secrets).toHaveLength(2);
  expect([await isLive(second.secret), await isLive(third.secret), await isLive(fourth.secret)]).toEqual([
    false,
    true,
    true,
  ]);
  const fifth = await rotate(0);
  expect([await isLive(third.secret), await isLive(fourth.secret), await isLive(fifth.secret)]).toEqual([
    false,
    false,
    true,
  ]);
});

test("a client that changes how it proves itself keeps no secret it does not need, and is given one it does", async () => {
  const isolate = await givenIsolate();
  const { id } = await givenClient(isolate, {
    grantTypes: ["authorization_code"],
    responseTypes: ["code"],
    redirectUris: ["https://shop.example/cb"],
  });
  const update = (edits: Parameters<Isolate["rooms"]["clients"]["update"]>[1]) =>
    isolate.rooms.clients.update(id, edits, clientOperator(isolate));
  expect(await update({ authenticationMethod: "none" })).toMatchObject({
    secret: null,
    client: { secrets: [] },
  });
  const { secret, client } = await update({ authenticationMethod: "client_secret_post" });
  expect(await isSecretOf(client, secret ?? "", new Date(isolate.rooms.now()))).toBe(true);
  await expect(
    isolate.rooms.clients.rotateSecret(unique("cli"), 0, clientOperator(isolate)),
  ).rejects.toMatchObject({ code: "not_found" });
});
