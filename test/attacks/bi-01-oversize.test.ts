// BI-01. The door's limits on URL, headers and management bodies at their edges are in test/http/door.test.ts and
// test/admin/bodies.test.ts; here the attacker wants work, memory or a call to a store for his bytes.
import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const kilobyte = 1024;

/** A body that never says its length and never ends; tells how much of it was taken. */
function endless(piece = "a".repeat(16 * kilobyte)) {
  const bytes = new TextEncoder().encode(piece);
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += bytes.length;
      controller.enqueue(bytes);
    },
  });
  return { body, taken: () => taken };
}

const jsonHeaders = (key: string, more: Record<string, string> = {}) => ({
  ...withAdmin(key),
  "content-type": "application/json",
  ...more,
});

/** A warm isolate: whatever a call costs from now on is its own doing. */
async function givenWarm() {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  await isolate.fetch(route.url, { headers: { "x-api-key": key } });
  await isolate.fetch("/admin/v1/keys?limit=1", { headers: withAdmin(admin) });
  await isolate.settle();
  await isolate.forgetCalls();
  return { isolate, admin, key, route };
}

/** Beside the refusals themselves, which are counted together and written behind the answers. */
async function askedOfPostgres(isolate: Isolate): Promise<string[]> {
  const { summaries, postgres } = await isolate.calls();
  // Postgres' calls stand before those to Redis.
  return summaries.slice(0, postgres).filter((summary) => !/^insert\b/i.test(summary));
}

const posts = ["/admin/v1/keys", "/admin/v1/keys/import", "/admin/v1/routes", "/v1/keys/verify"];

test("BI-01: an endless body without a length is given up soon after 64 KB, and nothing is read from or written to Postgres for it", async () => {
  const { isolate, admin } = await givenWarm();
  for (const path of posts) {
    const { body, taken } = endless();
    const init = { method: "POST", headers: jsonHeaders(admin), body, duplex: "half" } as RequestInit;
    await expectProblem(await isolate.fetch(path, init), 413, "content_too_large");
    expect(taken(), path).toBeLessThan(256 * kilobyte);
  }
  await isolate.settle();
  expect(await askedOfPostgres(isolate)).toEqual([]);
});

test("BI-01: a body that lies about its length is judged by what comes, and a claimed length alone is refused unread", async () => {
  const { isolate, admin } = await givenWarm();
  for (const path of posts) {
    const lying = endless();
    const short = await isolate.fetch(path, {
      method: "POST",
      headers: jsonHeaders(admin, { "content-length": "2" }),
      body: lying.body,
      duplex: "half",
    } as RequestInit);
    await expectProblem(short, 413, "content_too_large");
    const unread = endless();
    const claimed = await isolate.fetch(path, {
      method: "POST",
      headers: jsonHeaders(admin, { "content-length": String(2 ** 40) }),
      body: unread.body,
      duplex: "half",
    } as RequestInit);
    await expectProblem(claimed, 413, "content_too_large");
    expect(unread.taken(), path).toBeLessThan(64 * kilobyte);
  }
  expect(await askedOfPostgres(isolate)).toEqual([]);
});

test("BI-01: a stranger's body is not read at all, however large: he is refused before it", async () => {
  const { isolate, route } = await givenWarm();
  for (const path of [...posts, route.url, "/v1/authenticate"]) {
    const { body, taken } = endless();
    const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
    await expectProblem(await isolate.fetch(path, init as RequestInit), 401, "Missing API Key");
    expect(taken(), path).toBeLessThan(64 * kilobyte);
  }
});

test("BI-01: ten thousand scopes, fields, levels, keys or parameters are one short refusal without a look at Postgres", async () => {
  const { isolate, admin } = await givenWarm();
  const owner = { type: "user", id: unique("owner") };
  const words = Array.from({ length: 6000 }, (_, index) => `s${index}`);
  const deep = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
  const bodies: [path: string, body: string][] = [
    ["/admin/v1/keys", JSON.stringify({ name: "n", owner, scopes: words })],
    ["/admin/v1/keys", JSON.stringify({ name: "n", owner, allowed_addresses: words })],
    ["/admin/v1/keys", JSON.stringify({ name: "n", owner, ...Object.fromEntries(words.map((w) => [w, 1])) })],
    ["/admin/v1/keys", `{"name":"n","owner":{"type":"user","id":"x"},"metadata":${deep.slice(0, 59_000)}`],
    [
      "/admin/v1/keys",
      `{"name":"n","owner":{"type":"user","id":"x"},"metadata":${'{"a":'.repeat(4000)}1${"}".repeat(4001)}`,
    ],
    ["/admin/v1/keys", "[".repeat(60_000)],
    ["/admin/v1/keys", `{"name":${"9".repeat(60_000)}}`],
    ["/admin/v1/keys/import", JSON.stringify({ keys: Array(20_000).fill({}) })],
    ["/v1/keys/verify", JSON.stringify({ key: "k".repeat(60_000) })],
    ["/v1/keys/verify", JSON.stringify({ key: "k", scopes: words })],
    ["/admin/v1/routes", JSON.stringify({ name: "n", cors_origins: words })],
  ];
  for (const [path, body] of bodies) {
    const answer = await isolate.fetch(path, { method: "POST", headers: jsonHeaders(admin), body });
    const text = await answer.clone().text();
    expect(text.length, path).toBeLessThan(kilobyte);
    const error = (JSON.parse(text) as { error: string }).error;
    await expectProblem(answer, 400, error === "invalid_json" ? "invalid_json" : "invalid_request");
  }
  const query = words.slice(0, 1000).map((word) => `${word}=1`);
  const answer = await isolate.fetch(`/admin/v1/keys?${query.join("&")}`, { headers: withAdmin(admin) });
  expect((await answer.clone().text()).length).toBeLessThan(kilobyte);
  await expectProblem(answer, 400, "invalid_request");
  await isolate.settle();
  expect(await askedOfPostgres(isolate)).toEqual([]);
});

test("BI-01: a credential of many kilobytes is refused by its shape, before hashing and without a call", async () => {
  const { isolate, route } = await givenWarm();
  const long = `gk_live_${"a".repeat(30 * kilobyte)}`;
  for (const path of [route.url, "/v1/authenticate", "/admin/v1/keys"]) {
    for (const headers of [
      { "x-api-key": long },
      { authorization: `Bearer ${long}` },
      { "x-api-key": `legacy_${"a".repeat(30 * kilobyte)}` },
    ]) {
      const answer = await isolate.fetch(path, { headers: headers as Record<string, string> });
      await expectProblem(answer, 403, "Invalid API Key");
    }
    const token = `Bearer eyJ${"a".repeat(30 * kilobyte)}`;
    await expectProblem(
      await isolate.fetch(path, { headers: { authorization: token } }),
      401,
      "invalid_token",
    );
  }
  expect(await isolate.calls()).toMatchObject({ redis: 0 });
});

test("BI-01: headers of 64 KB, one or a thousand, are 431 and a URL of 16 KB 414, at every kind of address and before the key is looked at", async () => {
  const { isolate, key, route } = await givenWarm();
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`x-h${at}`, "a".repeat(60)]));
  for (const path of [
    route.url,
    "/v1/authenticate",
    "/admin/v1/keys",
    "/.well-known/jwks.json",
    "/nowhere",
  ]) {
    for (const headers of [{ "x-big": "a".repeat(64 * kilobyte) }, many]) {
      const answer = await isolate.fetch(path, { headers: { ...headers, "x-api-key": key } });
      await expectProblem(answer, 431, "headers_too_large");
    }
    const long = await isolate.fetch(`${path}?q=${"a".repeat(16 * kilobyte)}`, {
      headers: { "x-api-key": key },
    });
    await expectProblem(long, 414, "uri_too_long");
  }
  await isolate.settle();
  expect(await askedOfPostgres(isolate)).toEqual([]);
  expect((await isolate.calls()).redis).toBe(0);
});

/** What Traefik says of a call. */
const forwarded = (key: string, more: Record<string, string>) => ({
  "x-api-key": key,
  "x-forwarded-method": "GET",
  "x-forwarded-uri": "/",
  "x-forwarded-host": "a.example",
  ...more,
});

test("BI-01: forward-auth takes no longer a URL and no longer a method than the door itself, or a caller could fill the isolate with signed text", async () => {
  // RFC 9110 §9.1: a method is a token.
  const { isolate, key } = await givenWarm();
  const ask = (more: Record<string, string>) =>
    isolate.fetch("/v1/authenticate", { headers: forwarded(key, more) });
  await expectProblem(await ask({ "x-forwarded-uri": `/${"a".repeat(30_000)}` }), 414, "uri_too_long");
  for (const method of ["M".repeat(30_000), "G ET", "GET, POST", "GÉT", ""]) {
    await expectProblem(await ask({ "x-forwarded-method": method }), 400, "invalid_request");
  }
  const longest = await ask({ "x-forwarded-uri": `/${"a".repeat(8000)}` });
  expect([longest.status, longest.headers.has("x-gatehouse-identity")]).toEqual([200, true]);
});

/** How many distinct identities an isolate signs for calls to these paths, each made twice. */
async function isHeld(isolate: Isolate, key: string, path: string): Promise<boolean> {
  const seen: (string | undefined)[] = [];
  for (let turn = 0; turn < 2; turn += 1) {
    const answer = await isolate.fetch(path, { headers: { "x-api-key": key } });
    seen.push((await echoOf(answer)).headers["x-gatehouse-identity"]);
    isolate.clock.advance(1000);
  }
  return seen[0] === seen[1];
}

test("BI-01: an identity is kept for the next call only where it is short: long URLs take no memory", async () => {
  const { isolate, key, route } = await givenWarm();
  expect(await isHeld(isolate, key, `${route.url}/orders`)).toBe(true);
  expect(await isHeld(isolate, key, `${route.url}/${"a".repeat(3000)}`)).toBe(false);
});
