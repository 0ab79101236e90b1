import { decodeProtectedHeader, type JWK } from "jose";
import { expect, inject, test } from "vitest";
import { createSeal } from "../../src/crypto/seal.ts";
import { signingKeys } from "../../src/signing-keys/tables.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const masterKeys = () => inject("stores").environment["KEY_ENCRYPTION_KEYS"] ?? "";
const newMaster = "2:zMvKycjHxsXEw8LBwL--vby7urm4t7a1tLOysbCvrq0";

const sign = ({ rooms }: Isolate) => rooms.signingKeys.sign("identity", "test+jwt", {});
const rowsOf = ({ rooms }: Isolate) => rooms.database.select().from(signingKeys);
const keySetOf = async (isolate: Isolate) => (await isolate.fetch("/.well-known/jwks.json")).text();

/** The keys there are, made by an isolate with the right master key. */
async function givenSigned() {
  const isolate = await givenIsolate();
  return { isolate, kid: decodeProtectedHeader(await sign(isolate)).kid };
}

test("a private key lies in Postgres sealed: no private member in any column, opened by its master key alone", async () => {
  const { isolate, kid } = await givenSigned();
  const row = (await rowsOf(isolate)).find((one) => one.kid === kid);
  expect(row?.privateJwkSealed).toMatch(/^1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{100,}$/);
  expect(row?.publicJwk).not.toHaveProperty("d");

  const opened = await createSeal(isolate.rooms.config.keyEncryptionKeys).open(
    row?.privateJwkSealed ?? "",
    `signing-key:${kid}`,
  );
  const { d = "", x } = JSON.parse(opened.ok ? opened.plaintext : "{}") as JWK;
  expect(d).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(x).toBe(row?.publicJwk.x);
  expect(JSON.stringify(row)).not.toContain(d);
  expect(await keySetOf(isolate)).not.toContain(d);
});

test("a sealed key moved to another row, or altered by one character, does not open", async () => {
  const { isolate, kid } = await givenSigned();
  const sealed = (await rowsOf(isolate)).find((row) => row.kid === kid)?.privateJwkSealed ?? "";
  const seal = createSeal(isolate.rooms.config.keyEncryptionKeys);
  expect(await seal.open(sealed, "signing-key:other")).toEqual({ ok: false, reason: "broken" });
  for (const at of [3, 20, sealed.length - 2]) {
    const altered = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
    expect(await seal.open(altered, `signing-key:${kid}`)).toEqual({ ok: false, reason: "broken" });
  }
});

test("under a lost master key nothing is signed, 503 and no call to the upstream; the set is published all the same", async () => {
  const { isolate: healthy, kid } = await givenSigned();
  const isolate = await givenIsolate({ environment: { KEY_ENCRYPTION_KEYS: newMaster } });
  const id = unique("seen");
  const { upstream } = inject("stores");
  const route = await givenRoute(isolate, { upstream: { kind: "url", url: `${upstream}/echo` } });
  const { key } = await givenKey(isolate);
  const headers = { "x-api-key": key };

  const refused = await isolate.fetch(`${route.url}?id=${id}`, { headers });

  await expectProblem(refused, 503, "unavailable");
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await (await fetch(`${upstream}/seen/${id}`)).json()).toBeNull();
  await expectProblem(await isolate.fetch("/v1/authenticate", { headers }), 503, "unavailable");
  const set = await keySetOf(isolate);
  expect(set).toBe(await keySetOf(healthy));
  expect(set).toContain(kid);
  expect(
    (await rowsOf(isolate)).filter(({ slot, purpose }) => slot === 1 && purpose === "identity"),
  ).toHaveLength(1);
});

test("what needs no signature goes on under a lost master key: keys are verified and managed", async () => {
  await givenSigned();
  const isolate = await givenIsolate({ environment: { KEY_ENCRYPTION_KEYS: newMaster } });
  const { key } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const headers = { authorization: `Bearer ${key}` };
  expect((await isolate.fetch("/admin/v1/keys?limit=1", { headers })).status).toBe(200);
});

test("a new master key version beside the old one opens what the old one sealed, and signs with the same key", async () => {
  const { isolate, kid } = await givenSigned();
  const keys = `${newMaster},${masterKeys()}`;
  const next = await givenIsolate({ environment: { KEY_ENCRYPTION_KEYS: keys } });
  expect(decodeProtectedHeader(await sign(next)).kid).toBe(kid);
  const resealed = await createSeal(next.rooms.config.keyEncryptionKeys).seal("x", "y");
  expect(resealed).toMatch(/^2\./);
  const opened = await createSeal(next.rooms.config.keyEncryptionKeys).open(resealed, "y");
  expect(opened).toEqual({ ok: true, plaintext: "x" });
  expect(await createSeal(isolate.rooms.config.keyEncryptionKeys).open(resealed, "y")).toEqual({
    ok: false,
    reason: "unknown_version",
  });
});
