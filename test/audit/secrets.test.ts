import { sql } from "drizzle-orm";
import { afterEach, expect, inject, test, vi } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";

afterEach(() => vi.restoreAllMocks());

/** Everything this isolate told the platform's log. */
function listenToConsole(): () => string {
  const said: string[] = [];
  for (const voice of ["log", "info", "warn", "error", "debug", "trace"] as const) {
    vi.spyOn(console, voice).mockImplementation((...words: unknown[]) => {
      said.push(
        words.map((word) => (word instanceof Error ? `${word.stack}` : JSON.stringify(word))).join(" "),
      );
    });
  }
  return () => said.join("\n");
}

/** The bodies of this isolate's calls to a store: what left the isolate. */
async function sentBy(isolate: Isolate): Promise<string> {
  const { neonPort, upstashPort } = inject("stores");
  const lanes = await Promise.all(
    [neonPort, upstashPort].map((port) => fetch(`http://127.0.0.1:${port}/_calls/${isolate.lane}`)),
  );
  return (await Promise.all(lanes.map((lane) => lane.text()))).join("\n");
}

/** How many rows of a table hold a text in any column. */
async function rowsHolding(isolate: Isolate, text: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of ["audit_events", "api_keys", "gateway_routes", "change_outbox", "signing_keys"]) {
    const { rows } = await isolate.rooms.database.execute<{ count: string }>(
      sql`select count(*) as count from ${sql.identifier(table)} as row where position(${text} in row::text) > 0`,
    );
    counts[table] = Number(rows[0]?.count);
  }
  return counts;
}

const none = { audit_events: 0, api_keys: 0, gateway_routes: 0, change_outbox: 0, signing_keys: 0 };

/** Every way a key can come to us, rightly and wrongly. */
async function useAndLeak(isolate: Isolate, key: string, url: string): Promise<void> {
  const asked: [string, RequestInit?][] = [
    [url, { headers: { "x-api-key": key } }],
    [url, { headers: { authorization: `Bearer ${key}` } }],
    [url, { headers: { "x-api-key": `${key}x` } }],
    [url, { headers: { "x-api-key": key, authorization: `Bearer ${key}` } }],
    [url, { headers: { authorization: `Basic ${btoa(key)}` } }],
    [`${url}?key=${key}`],
    [`${url}/${key}?x=1`],
    [`${url}?note=before${key}after`],
    [`http://auth.gatehouse.test${url}`, { headers: { "x-api-key": key } }],
    [url, { headers: { "x-request-id": key } }],
    [url, { headers: { cookie: `key=${key}`, "user-agent": key, referer: `https://a.example/${key}` } }],
    ["/admin/v1/keys", { headers: withAdmin(key) }],
    ["/admin/v1/keys", json({ name: key.slice(0, 90), key }, withAdmin(key))],
    ["/v1/keys/verify", json({ key }, withAdmin(key))],
    ["/v1/authenticate", { headers: { "x-api-key": key, "x-original-uri": `/a?key=${key}` } }],
  ];
  for (const [path, init] of asked) await isolate.fetch(path, init);
  await isolate.settle();
}

test("no key, nor the secret part of one, is in any row, any log line or any call to a store, whatever is done with it", async () => {
  const said = listenToConsole();
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const route = await givenRoute(isolate, { scopes: ["a"] });
  const owner = { type: "user", id: unique("owner") };
  const created = await isolate.fetch(
    "/admin/v1/keys",
    json({ name: "secret", owner, scopes: ["a"] }, withAdmin(admin)),
  );
  const { key, id } = (await created.json()) as { key: string; id: string };
  await useAndLeak(isolate, key, route.url);
  const rotated = await isolate.fetch(
    `/admin/v1/keys/${id}/rotate`,
    json({ overlap_seconds: 60 }, withAdmin(admin)),
  );
  const successor = (await rotated.json()) as { key: string };
  await useAndLeak(isolate, successor.key, route.url);
  await isolate.fetch(`/admin/v1/keys/${id}/revoke`, json({}, withAdmin(admin)));
  await useAndLeak(isolate, key, route.url);

  const left = await sentBy(isolate);
  expect(left).toContain(await sha256Hex(key));
  for (const secret of [key, successor.key, admin]) {
    // The part after the display prefix, the secret itself.
    for (const text of [secret, secret.slice("gk_live_0000".length)]) {
      expect(await rowsHolding(isolate, text)).toEqual(none);
      expect(left).not.toContain(text);
      expect(said()).not.toContain(text);
    }
  }
  const events = await isolate.rooms.audit.list({ type: "key.exposed", subjectId: id, limit: 5 });
  // It was leaked in both ways at once: whichever is told first is the one event.
  expect(events).toMatchObject([{ reason: expect.stringMatching(/^(?:credential_in_url|plain_http)$/) }]);
});

test("nor is it anywhere when both stores fail and the log is all that is left", async () => {
  const said = listenToConsole();
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const route = await givenRoute(isolate);
  const created = await isolate.fetch(
    "/admin/v1/keys",
    json({ name: "s", owner: { type: "user", id: unique("u") } }, withAdmin(admin)),
  );
  const { key } = (await created.json()) as { key: string };
  await isolate.fetch(route.url, { headers: { "x-api-key": key } });
  await isolate.settle();
  await isolate.postgresFault([{ kind: "garble" }]);
  await isolate.redisFault([{ kind: "status", status: 500 }]);

  await useAndLeak(isolate, key, route.url);
  const lost = await isolate.fetch(
    "/admin/v1/keys",
    json({ name: "lost", owner: { type: "user", id: unique("u") } }, withAdmin(admin)),
  );
  await isolate.settle();

  expect(lost.status).toBe(503);
  expect(said()).toContain("audit event not stored");
  for (const secret of [key, admin]) {
    expect(said()).not.toContain(secret.slice("gk_live_0000".length));
    expect(said()).not.toContain(await sha256Hex(secret));
  }
});

test("a refused statement is a bug that is told by its frames alone: no statement, no value, and a fixed answer", async () => {
  const said = listenToConsole();
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const body = JSON.stringify({
    message: 'column "canary-9b" does not exist',
    code: "42703",
    detail: "canary-9b",
  });
  await isolate.fetch("/admin/v1/keys?limit=1", { headers: withAdmin(admin) });
  await isolate.postgresFault([{ kind: "status", status: 400, body, match: "api_keys" }]);

  const answer = await isolate.fetch("/admin/v1/keys?limit=1", { headers: withAdmin(admin) });

  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(JSON.parse(text)).toMatchObject({ error: "internal", detail: "Something went wrong on our side." });
  const told = JSON.parse(said()) as string;
  expect(JSON.parse(told)).toMatchObject({ message: "bug", frames: expect.any(Array) });
  for (const word of ["canary-9b", "select", "api_keys", "params"]) {
    expect(text).not.toContain(word);
    expect(told).not.toContain(`${word} `);
  }
});
