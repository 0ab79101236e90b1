import { calculateJwkThumbprint, createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { expect, inject, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate, issuer } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const path = "/.well-known/jwks.json";
const ask = (isolate: Isolate, headers: Record<string, string> = {}) => isolate.fetch(path, { headers });
const setOf = async (isolate: Isolate) => (await (await ask(isolate)).json()) as JSONWebKeySet;

/** An isolate that has signed, and so has a key. */
async function givenSigner() {
  const isolate = await givenIsolate();
  await isolate.rooms.signingKeys.sign("identity", "test+jwt", {});
  return isolate;
}

test("the key set is public, and each key in it is a whole public key with kid, alg and use, and nothing private", async () => {
  // KR-01; RFC 7517 §5: an object with the member "keys", an array of JWKs.
  const isolate = await givenSigner();
  const answer = await ask(isolate);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/jwk-set+json");
  const set = (await answer.json()) as JSONWebKeySet;
  expect(Object.keys(set)).toEqual(["keys"]);
  expect(set.keys.length).toBeGreaterThan(0);
  // RFC 7518 §6: the public members of each kind; §3.3 (RFC 7518 §3.3): RSA with 2048 bits or more.
  const coordinate = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);
  const kinds: Record<string, object> = {
    RS256: { kty: "RSA", e: "AQAB", n: expect.stringMatching(/^[A-Za-z0-9_-]{342}$/) },
    ES256: { kty: "EC", crv: "P-256", x: coordinate, y: coordinate },
    EdDSA: { kty: "OKP", crv: "Ed25519", x: coordinate },
  };
  expect(set.keys[0]?.alg).toBe("RS256");
  for (const key of set.keys) {
    const { alg = "" } = key;
    expect(key).toEqual({ ...kinds[alg], kid: await calculateJwkThumbprint(key), alg, use: "sig" });
    for (const secret of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
      expect(key).not.toHaveProperty(secret);
  }
  expect(new Set(set.keys.map(({ kid }) => kid)).size).toBe(set.keys.length);
});

test("the key set may be kept for five minutes, by anyone and by scripts of any origin", async () => {
  const answer = await ask(await givenSigner());
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("etag")).toMatch(/^"[A-Za-z0-9_-]{16}"$/);
});

test("who holds the set already is answered 304 without a body: strong, weak, in a list, or any", async () => {
  // RFC 9110 §13.1.2
  const isolate = await givenSigner();
  const etag = (await ask(isolate)).headers.get("etag") ?? "";
  for (const held of [etag, `W/${etag}`, `"other", ${etag}`, `"a",W/${etag},"b"`, "*"]) {
    const answer = await ask(isolate, { "if-none-match": held });
    expect(answer.status, held).toBe(304);
    expect(await answer.text()).toBe("");
    expect(answer.headers.get("etag")).toBe(etag);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  }
  for (const other of ['"other"', etag.slice(1, -1), `${etag}x`, "", "W/*"]) {
    expect((await ask(isolate, { "if-none-match": other })).status, other).toBe(200);
  }
});

test("two isolates publish the same bytes under the same tag", async () => {
  const answers = await Promise.all([ask(await givenSigner()), ask(await givenSigner())]);
  const [one, two] = await Promise.all(answers.map((answer) => answer.text()));
  expect(one).toBe(two);
  expect(answers[0].headers.get("etag")).toBe(answers[1].headers.get("etag"));
});

test("nothing but reading is answered at the key set", async () => {
  const isolate = await givenSigner();
  const head = await isolate.fetch(path, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  for (const method of ["POST", "PUT", "DELETE"]) {
    const refused = await isolate.fetch(path, { method });
    await expectProblem(refused, 405, "method_not_allowed");
    expect(refused.headers.get("allow")?.split(", ")).toContain("GET");
    expect(refused.headers.get("allow")?.split(", ")).not.toContain(method);
  }
});

async function identityOf(isolate: Isolate) {
  const route = await givenRoute(isolate);
  const { key, id, record } = await givenKey(isolate, { scopes: ["a", "b"] });
  const answer = await isolate.fetch(`${route.url}/orders?x=1`, { headers: { "x-api-key": key } });
  const seen = (await answer.json()) as { headers: Record<string, string> };
  return { token: seen.headers["x-gatehouse-identity"] ?? "", id, record };
}

test("the identity an upstream is told verifies with the published set alone, for it and for nobody else", async () => {
  const isolate = await givenIsolate();
  const upstream = new URL(inject("stores").upstream).origin;
  const { token, id, record } = await identityOf(isolate);
  const keys = createLocalJWKSet(await setOf(await givenIsolate()));
  const rules = {
    issuer,
    audience: upstream,
    typ: "gatehouse-identity+jwt",
    algorithms: ["ES256"],
    currentDate: new Date(isolate.clock.now()),
  };

  const { payload, protectedHeader } = await jwtVerify(token, keys, rules);

  expect(Object.keys(protectedHeader).sort()).toEqual(["alg", "kid", "typ"]);
  const now = Math.floor(isolate.clock.now() / 1000);
  expect(payload).toMatchObject({
    sub: record.owner.id,
    client_id: id,
    scope: "a b",
    iat: now,
    exp: now + 60,
  });
  await expect(jwtVerify(token, keys, { ...rules, audience: "https://other.example" })).rejects.toThrow();
  const late = new Date(isolate.clock.now() + 61_000);
  await expect(jwtVerify(token, keys, { ...rules, currentDate: late })).rejects.toThrow();
  const [head, body, signature = ""] = token.split(".");
  const forged = `${head}.${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
  await expect(jwtVerify(forged, keys, rules)).rejects.toThrow();
});

test("with Postgres away the last good copy is published and signs on, and one read a second looks for it", async () => {
  const isolate = await givenIsolate();
  await identityOf(isolate);
  const before = await ask(isolate);
  await isolate.settle();
  await isolate.postgresFault([{ kind: "refuse" }]);
  isolate.clock.advance(3_600_000);
  await isolate.forgetCalls();

  for (let at = 0; at < 10; at += 1) {
    const answer = await ask(isolate);
    expect([answer.status, answer.headers.get("etag")]).toEqual([200, before.headers.get("etag")]);
    await isolate.settle();
  }
  expect((await isolate.calls()).postgres).toBe(1);
  const token = await isolate.rooms.signingKeys.sign("identity", "test+jwt", {});
  await expect(jwtVerify(token, createLocalJWKSet(await setOf(isolate)))).resolves.toBeDefined();

  isolate.clock.advance(1000);
  await ask(isolate);
  await isolate.settle();
  expect((await isolate.calls()).postgres).toBe(2);
});

test("an isolate that never had a copy says 503 with when to come again, and publishes as soon as it can", async () => {
  await givenSigner();
  const isolate = await givenIsolate();
  await isolate.postgresFault([{ kind: "refuse" }]);
  const refused = await ask(isolate);
  await expectProblem(refused, 503, "unavailable");
  expect(refused.headers.get("retry-after")).toBe("1");
  await isolate.postgresFault([]);
  expect((await ask(isolate)).status).toBe(200);
});

test("a warm key set costs no call, and is read anew behind an answer once a minute", async () => {
  const isolate = await givenIsolate();
  await ask(isolate);
  await isolate.settle();
  await isolate.forgetCalls();
  for (let at = 0; at < 5; at += 1) await ask(isolate);
  await isolate.settle();
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
  isolate.clock.advance(60_000);
  for (let at = 0; at < 5; at += 1) await ask(isolate);
  await isolate.settle();
  expect(await isolate.calls()).toMatchObject({ postgres: 1, redis: 0 });
});
