// KR-01. The shape, caching and publicness of the set are in test/signing-keys/key-set.test.ts; here an attacker looks for the
// private halves in whatever he can make the Worker say.
import type { JSONWebKeySet, JWK } from "jose";
import { expect, test } from "vitest";
import { createSeal } from "../../src/crypto/seal.ts";
import { createSigningKeyStore } from "../../src/signing-keys/store.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  withAdmin,
} from "../support/given.ts";
import { expectNoTrace, listenToLog } from "./traces.ts";

const path = "/.well-known/jwks.json";
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

async function givenSigner(): Promise<Isolate> {
  const isolate = await givenIsolate();
  await isolate.rooms.signingKeys.ensure(isolate.background);
  return isolate;
}

/** The private value of every key there is, opened as only the Worker can. */
async function privateValues(isolate: Isolate): Promise<string[]> {
  const seal = createSeal(isolate.rooms.config.keyEncryptionKeys);
  const rows = await createSigningKeyStore(isolate.rooms.database).list();
  const values: string[] = [];
  for (const row of rows) {
    const opened = await seal.open(row.privateJwkSealed, `signing-key:${row.kid}`);
    if (opened.ok) values.push((JSON.parse(opened.plaintext) as JWK).d ?? "");
  }
  expect(values.length).toBeGreaterThan(0);
  expect(values.every((value) => value.length >= 43)).toBe(true);
  return values;
}

test("KR-01: no request makes the key set show more than public halves, each under a kid of its own", async () => {
  const isolate = await givenSigner();
  const honest = await (await isolate.fetch(path)).text();
  const asked: [string, RequestInit?][] = [
    [`${path}?private=true&include=d`],
    [path, { headers: { accept: "application/jwk+json, application/json;private=1" } }],
    [path, { headers: withAdmin(await givenAdminKey(isolate)) }],
    [path, { headers: withAdmin("gk_live_bad") }],
    [path, { headers: { cookie: "__Host-refreshToken=x", "x-gatehouse-identity": "ey" } }],
    [path, { headers: { "if-none-match": '"x"', range: "bytes=0-10", "if-modified-since": "x" } }],
    [path, { headers: { origin: "https://evil.example" } }],
  ];
  for (const [url, init] of asked) {
    const answer = await isolate.fetch(url, init);
    expect([url, answer.status, await answer.text()]).toEqual([url, 200, honest]);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    // Anyone may read it, but never with a credential of theirs.
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
    expect(answer.headers.has("set-cookie")).toBe(false);
  }
  const { keys } = JSON.parse(honest) as JSONWebKeySet;
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  for (const key of keys) {
    for (const member of privateMembers) expect(Object.keys(key)).not.toContain(member);
    expect(["RS256 undefined", "ES256 P-256", "EdDSA Ed25519"]).toContain(`${key.alg} ${key.crv}`);
    expect(key.use).toBe("sig");
  }
});

test("KR-01: there is no other address at which the key set, or one key of it, is shown", async () => {
  const isolate = await givenSigner();
  const headers = withAdmin(await givenAdminKey(isolate));
  for (const other of [
    "/.well-known/jwks",
    "/.well-known/jwks.json/",
    "/.well-known/jwks.json/private",
    "/.well-known/keys",
    "/jwks.json",
    "/keys",
    "/admin/v1/signing-keys/private",
    "/.dev.vars",
    "/.env",
  ]) {
    expect([other, (await isolate.fetch(other, { headers })).status]).toEqual([other, 404]);
  }
});

test("KR-01: a private half is in no answer, no header to an upstream, no log line, no row and no call to a store", async () => {
  const log = listenToLog();
  const isolate = await givenSigner();
  const secrets = await privateValues(isolate);
  const admin = withAdmin(await givenAdminKey(isolate));
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const answers = [
    await isolate.fetch(path),
    await isolate.fetch("/admin/v1/openapi.json"),
    await isolate.fetch("/admin/v1/audit", { headers: admin }),
    await isolate.fetch("/health/ready"),
    await isolate.fetch(route.url, { headers: { "x-api-key": key } }),
    await isolate.fetch("/v1/authenticate", { headers: { "x-api-key": key } }),
  ];
  // And when signing fails half way: Postgres babbles while the keys are read.
  const cold = await givenIsolate();
  await cold.postgresFault([{ kind: "garble", match: "signing_keys" }]);
  answers.push(await cold.fetch(path));
  for (const answer of answers) {
    const said = JSON.stringify([[...answer.headers], await answer.text()]);
    for (const secret of secrets) expect(said).not.toContain(secret);
  }
  await expectNoTrace(isolate, log, secrets);
});
