import { decodeProtectedHeader, type JWK } from "jose";
import { expect, inject, test } from "vitest";
import { createSeal } from "../../src/crypto/seal.ts";
import { rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import { signingKeys } from "../../src/signing-keys/tables.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { givenOwnKeys, operatorOf } from "../support/given-signing-keys.ts";
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

const newest = () => `${newMaster},${masterKeys()}`;
const versionsOf = (rows: readonly { privateJwkSealed: string }[]) => [
  ...new Set(rows.map(({ privateJwkSealed }) => privateJwkSealed.split(".")[0])),
];

test("a new master key re-seals every private half, whoever comes first, and from then on the old one is not needed", async () => {
  const { first, isolate, rows, tick } = await givenOwnKeys();
  await tick();
  const kid = decodeProtectedHeader(await sign(first)).kid;
  expect(versionsOf(await rows())).toEqual(["1"]);

  const both = await Promise.all(
    [1, 2, 3].map(() => isolate({ environment: { KEY_ENCRYPTION_KEYS: newest() } })),
  );
  await Promise.all(both.map((one) => one.rooms.signingKeys.ensure(one.background)));

  expect(versionsOf(await rows())).toEqual(["2"]);
  const alone = await isolate({ environment: { KEY_ENCRYPTION_KEYS: newMaster } });
  expect(decodeProtectedHeader(await sign(alone)).kid).toBe(kid);
  expect((await rows()).length).toBe(4);
});

test("a lost master key is told: in the refusal's detail, by readiness, in the list and once in audit; nothing is made, and what was signed verifies", async () => {
  const { first, isolate, rows, tick } = await givenOwnKeys();
  await tick();
  const kid = decodeProtectedHeader(await sign(first)).kid ?? "";
  const before = await rows();
  const lost = await isolate({ environment: { KEY_ENCRYPTION_KEYS: newMaster } });
  await tick(lost);

  await expect(sign(lost)).rejects.toMatchObject({
    code: "unavailable",
    detail: "no signing key can be opened with KEY_ENCRYPTION_KEYS: they are sealed under version 1",
  });
  const ready = await lost.fetch("/health/ready");
  expect([ready.status, await ready.json()]).toMatchObject([
    503,
    {
      status: "degraded",
      dependencies: { postgres: { status: "ok" }, signing_keys: { status: "unavailable" } },
    },
  ]);
  expect((await first.fetch("/health/ready")).status).toBe(200);
  expect((await lost.rooms.signingKeys.list()).map(({ canSign }) => canSign)).toEqual(Array(4).fill(false));
  const events = await lost.rooms.audit.list({ type: "signing_key.unreadable", subjectId: kid, limit: 5 });
  expect(events).toMatchObject([{ outcome: "noticed", count: 1 }]);
  expect(await rows()).toEqual(before);
  expect(await lost.rooms.signingKeys.verificationKey("identity", kid)).not.toBeNull();
  expect(await keySetOf(lost)).toBe(await keySetOf(first));
});

test("after a lost master key an operator's rotation makes keys that sign at once, and the old ones are still published", async () => {
  const { first, clock, isolate, tick } = await givenOwnKeys();
  await tick();
  const kid = decodeProtectedHeader(await sign(first)).kid ?? "";
  const lost = await isolate({ environment: { KEY_ENCRYPTION_KEYS: newMaster } });
  const timeline = await lost.rooms.signingKeys.rotate({}, operatorOf(lost));
  const made = decodeProtectedHeader(await sign(lost)).kid ?? "";
  expect(made).not.toBe(kid);
  expect(timeline.signing.find((key) => key.kid === made)).toMatchObject({
    signsFrom: new Date(clock.now()),
    mayBeRefusedUntil: new Date(clock.now() + seenSeconds * 1000),
  });
  expect(await keySetOf(lost)).toContain(kid);
  await tick(lost);
  clock.advance(rotation.periodSeconds * 1000);
  expect(decodeProtectedHeader(await sign(lost)).kid).not.toBe(kid);
});
