// KR-04 and the part of KR-02 that holds without a rotation: verifiers that cached the set, and isolates that fail to read it.
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { expect, inject, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, issuer } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const path = "/.well-known/jwks.json";
const base64url = (value: unknown) =>
  btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const setOf = async (isolate: Isolate) => (await (await isolate.fetch(path)).json()) as JSONWebKeySet;

test("KR-04: a flood of tokens with made-up key ids is 401 each, fetches and reads no key, and calls no store", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  expect((await isolate.fetch(route.url, { headers: { "x-api-key": key } })).status).toBe(200);
  await isolate.settle();
  await isolate.forgetCalls();
  for (let turn = 0; turn < 60; turn += 1) {
    const header = {
      alg: ["ES256", "none", "HS256", "RS256"][turn % 4],
      typ: ["at+jwt", "gatehouse-identity+jwt"][turn % 2],
      kid: crypto.randomUUID(),
      jku: "https://evil.example/jwks.json",
      x5u: "https://evil.example/x",
      jwk: { kty: "oct", k: "AAAA" },
    };
    const claims = { iss: issuer, sub: "root", aud: inject("stores").upstream, exp: 9_999_999_999 };
    const token = `${base64url(header)}.${base64url(claims)}.${turn % 4 === 1 ? "" : "c2lnbmF0dXJl"}`;
    for (const door of [route.url, "/v1/authenticate", "/admin/v1/keys"]) {
      const answer = await isolate.fetch(door, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="gatehouse", error="invalid_token"');
      await expectProblem(answer, 401, "invalid_token");
    }
  }
  await isolate.settle();
  // The refusals are written, and that is all.
  const { summaries, redis } = await isolate.calls();
  expect([...new Set(summaries.flat())]).toEqual(["INSERT"]);
  expect(redis).toBe(0);
});

test("KR-04: an identity that an upstream was told is no credential at any door: it says who was let in, and lets nobody in", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const route = await givenRoute(isolate);
  const echo = await echoOf(await isolate.fetch(route.url, { headers: { "x-api-key": key } }));
  const identity = echo.headers["x-gatehouse-identity"] ?? "";
  expect(identity).toMatch(/^ey/);
  for (const door of [route.url, "/v1/authenticate", "/admin/v1/keys", "/v1/keys/verify"]) {
    const method = door === "/v1/keys/verify" ? "POST" : "GET";
    const bearer = { authorization: `Bearer ${identity}` };
    await expectProblem(await isolate.fetch(door, { method, headers: bearer }), 401, "invalid_token");
    for (const name of ["x-gatehouse-identity", "x-api-key"]) {
      const answer = await isolate.fetch(door, { method, headers: { [name]: identity } });
      expect([door, name, answer.status]).toEqual([door, name, name === "x-api-key" ? 403 : 401]);
    }
  }
});

test("KR-04: whatever Postgres does, a warm isolate serves the last good set and signs by it, and asks at most once a second", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const use = () => isolate.fetch(route.url, { headers: { "x-api-key": key } });
  expect((await use()).status).toBe(200);
  const good = await (await isolate.fetch(path)).text();
  await isolate.settle();
  for (const fault of [
    { kind: "refuse" },
    { kind: "status", status: 500 },
    { kind: "status", status: 200, body: '{"keys":[]}' },
    { kind: "garble" },
    { kind: "partial" },
    { kind: "drop-after" },
  ] as const) {
    await isolate.postgresFault([{ ...fault, match: "signing_keys" }]);
    isolate.clock.advance(61_000);
    await isolate.forgetCalls();
    for (let turn = 0; turn < 10; turn += 1) {
      const answer = await isolate.fetch(path);
      expect([fault.kind, answer.status, await answer.text()]).toEqual([fault.kind, 200, good]);
    }
    await isolate.settle();
    const reads = (await isolate.calls()).postgres;
    expect([fault.kind, reads]).toEqual([fault.kind, 1]);
    const passed = await use();
    const token = (await echoOf(passed)).headers["x-gatehouse-identity"] ?? "";
    const verified = await jwtVerify(token, createLocalJWKSet(JSON.parse(good) as JSONWebKeySet), {
      issuer,
      currentDate: new Date(isolate.clock.now()),
    });
    expect(verified.protectedHeader.alg).toBe("ES256");
    await isolate.postgresFault([]);
    await isolate.settle();
  }
});

test("KR-02: many edges under load sign by keys that any verifier's copy of the set knew before, with no failure", async () => {
  const edges = await Promise.all(Array.from({ length: 4 }, () => givenIsolate()));
  const [first] = edges;
  if (!first) throw new Error("no edge");
  const { key } = await givenKey(first);
  const route = await givenRoute(first);
  // Verifiers keep the set for its max-age: this copy is older than every token below.
  const copies = await Promise.all(edges.map(async (edge) => createLocalJWKSet(await setOf(edge))));
  const calls = Array.from({ length: 40 }, async (_, index) => {
    const edge = edges[index % edges.length] ?? first;
    const answer = await edge.fetch(`${route.url}/${index}`, { headers: { "x-api-key": key } });
    const token = (await echoOf(answer)).headers["x-gatehouse-identity"] ?? "";
    const copy = copies[(index + 1) % copies.length];
    if (!copy) throw new Error("no copy");
    const { payload } = await jwtVerify(token, copy, {
      issuer,
      audience: new URL(inject("stores").upstream).origin,
      typ: "gatehouse-identity+jwt",
      algorithms: ["ES256"],
      currentDate: new Date(edge.clock.now()),
    });
    return payload["htu"];
  });
  const urls = await Promise.all(calls);
  expect(new Set(urls).size).toBe(40);
});
