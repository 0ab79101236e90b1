// AK-01. The names of parameters are tried in test/http/door.test.ts, the ways to send two credentials in
// test/authentication/credentials.test.ts; here is what a good key does in places where none may be.
import { expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { expectNoTrace, listenToLog } from "./traces.ts";

const doors = ["/v1/authenticate", "/admin/v1/keys"] as const;

/** A good management key, a guarded route, and every door that asks for a key. */
async function givenDoors() {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const route = await givenRoute(isolate);
  return { isolate, key, id, urls: [route.url, ...doors] };
}

const lastUse = async (isolate: Isolate, id: string) => (await isolate.rooms.apiKeys.get(id)).lastUsedAt;
const escaped = (text: string) =>
  [...text].map((character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");

test("AK-01: a good key in a query or path, however it is disguised, opens nothing, is never echoed and counts as exposed", async () => {
  // RFC 9700 §4.3.2
  const log = listenToLog();
  const disguises = (key: string): [place: string, suffix: string][] => [
    ["under an innocent name", `?page=${key}`],
    ["inside a value", `?q=before-${key}-after`],
    ["as a name", `?${key}=1`],
    ["wholly escaped", `?q=${escaped(key)}`],
    ["with its marks escaped", `?q=${key.replaceAll("_", "%5f")}`],
    ["under an escaped name", `?%61pi%5Fkey=${key}`],
    ["as an array's entry", `?a[]=1&a[]=${key}`],
    ["behind a semicolon", `?a=1;api_key=${key}`],
    ["twice", `?key=${key}&key=${key}`],
    ["after a stray question mark", `?a=1?key=${key}`],
    ["as a path segment", `/${key}`],
    ["as an escaped path segment", `/${escaped(key)}`],
    ["as a path parameter", `/x;key=${key}`],
    ["as a file", `/${key}.css`],
  ];
  for (const [index] of disguises("").entries()) {
    const { isolate, key, id, urls } = await givenDoors();
    const [place = "", suffix = ""] = disguises(key)[index] ?? [];
    for (const url of urls) {
      const answer = await isolate.fetch(`${url}${suffix}`);
      const headers = JSON.stringify([...answer.headers]);
      expect(headers, place).not.toContain(key.slice(12));
      expect(JSON.stringify(await expectProblem(answer, 400, "credentials_in_url"))).not.toContain(
        key.slice(12),
      );
    }
    await isolate.settle();
    expect(await lastUse(isolate, id), place).toBeNull();
    expect((await isolate.rooms.apiKeys.get(id)).exposedAt, place).not.toBeNull();
    if (index % 5 === 0) await expectNoTrace(isolate, log, [key]);
  }
});

test("AK-01: a good key beside the one in the URL does not help: the request is refused and its key is not used", async () => {
  const { isolate, key, id, urls } = await givenDoors();
  const exposed = await givenKey(isolate);
  for (const url of urls) {
    const answer = await isolate.fetch(`${url}?note=${exposed.key}`, { headers: { "x-api-key": key } });
    await expectProblem(answer, 400, "credentials_in_url");
  }
  await isolate.settle();
  expect(await lastUse(isolate, id)).toBeNull();
  expect((await isolate.rooms.apiKeys.get(id)).exposedAt).toBeNull();
  expect((await isolate.rooms.apiKeys.get(exposed.id)).exposedAt).not.toBeNull();
});

test("AK-01: a good key in a cookie, a body, a referrer or another header is no credential at any door", async () => {
  const log = listenToLog();
  const { isolate, key, id, urls } = await givenDoors();
  const places: [string, RequestInit][] = [
    ["a cookie", { headers: { cookie: `x-api-key=${key}; api_key=${key}; __Host-refreshToken=${key}` } }],
    ["Referer", { headers: { referer: `https://app.example/?api_key=${key}` } }],
    ["Proxy-Authorization", { headers: { "proxy-authorization": `Bearer ${key}` } }],
    ["Basic", { headers: { authorization: `Basic ${btoa(`${key}:`)}` } }],
    ["another scheme", { headers: { authorization: `ApiKey ${key}` } }],
    ["Bearer without a space", { headers: { authorization: `Bearer${key}` } }],
    ["WebSocket's subprotocol", { headers: { "sec-websocket-protocol": key } }],
    ["X-Gatehouse headers", { headers: { "x-gatehouse-key": key, "x-auth-token": key } }],
  ];
  for (const url of urls) {
    for (const [place, init] of places) {
      const answer = await isolate.fetch(url, init);
      const text = JSON.stringify([...answer.headers]);
      expect(text, place).not.toContain(key.slice(12));
      expect(answer.headers.get("www-authenticate"), place).toBe('Bearer realm="gatehouse"');
      const body = await expectProblem(answer, 401, "Missing API Key");
      expect(JSON.stringify(body), place).not.toContain(key.slice(12));
    }
    const form = await isolate.fetch(url, {
      method: "POST",
      body: `api_key=${key}&access_token=${key}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    await expectProblem(form, 401, "Missing API Key");
  }
  await isolate.settle();
  expect(await lastUse(isolate, id)).toBeNull();
  await expectNoTrace(isolate, log, [key]);
});

test("AK-01: a key and a token, or two keys, are refused at every door whichever of them is good", async () => {
  const { isolate, key, id, urls } = await givenDoors();
  const other = await givenKey(isolate);
  const token = "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  const pairs: Record<string, string>[] = [
    { "x-api-key": key, authorization: token },
    { "x-api-key": `${key}, ${other.key}` },
    { "x-api-key": `${key},` },
    { "x-api-key": key, authorization: `Bearer ${key}` },
    { authorization: `Bearer ${key}, ${token}` },
    { authorization: `${token}, Bearer ${key}` },
  ];
  for (const url of urls) {
    for (const headers of pairs) {
      const answer = await isolate.fetch(url, { headers });
      expect(JSON.stringify(await expectProblem(answer, 400, "several_credentials"))).not.toContain(
        key.slice(12),
      );
    }
  }
  await isolate.settle();
  for (const one of [id, other.id]) expect(await lastUse(isolate, one)).toBeNull();
});

test("AK-01: a secret in the wrong field of a management call is refused without coming back or staying behind", async () => {
  const log = listenToLog();
  const { isolate, key } = await givenDoors();
  const lost = await givenKey(isolate);
  const owner = { type: "user", id: unique("owner") };
  const bodies: unknown[] = [
    { name: "n", owner, [lost.key]: 1 },
    { name: "n", owner, scopes: [`${lost.key} x`] },
    { name: "n", owner: { type: lost.key, id: "x" } },
    { name: "n", owner, expires_at: lost.key },
    { name: "n", owner, limits: [{ name: lost.key, limit: 1, window_seconds: 1 }] },
    { name: "n", owner, allowed_addresses: [lost.key] },
  ];
  for (const body of bodies) {
    const answer = await isolate.fetch("/admin/v1/keys", {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    });
    const problem = await expectProblem(answer, 400, "invalid_request");
    expect(JSON.stringify(problem), JSON.stringify(body)).not.toContain(lost.key.slice(12));
  }
  expect(await isolate.rooms.apiKeys.list({ owner: { type: "user", id: owner.id }, limit: 5 })).toEqual([]);
  await expectNoTrace(isolate, log, [lost.key, key]);
});
