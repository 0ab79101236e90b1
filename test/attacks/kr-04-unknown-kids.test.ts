import { decodeProtectedHeader } from "jose";
import { expect, test } from "vitest";
import { randomBase62 } from "../../src/crypto/base62.ts";
import type { FaultRule, Isolate } from "../support/given.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";

const verificationKey = ({ rooms }: Isolate, kid: string) =>
  rooms.signingKeys.verificationKey("access-token", kid);

async function givenSigned() {
  const keys = await givenOwnKeys();
  const token = await keys.first.rooms.signingKeys.sign("access-token", "at+jwt", {});
  const kid = decodeProtectedHeader(token).kid ?? "";
  const isolate = await keys.isolate();
  await verificationKey(isolate, kid);
  keys.clock.advance(1000);
  await isolate.forgetCalls();
  return { ...keys, isolate, kid };
}

/** Random kids, many at once, and the known one among them. */
async function flood(isolate: Isolate, kid: string): Promise<unknown[]> {
  const unknown = Array.from({ length: 100 }, () => verificationKey(isolate, randomBase62(43)));
  return [...(await Promise.all(unknown)), await verificationKey(isolate, kid)];
}

test("KR-04: a flood of unknown kids costs one read a second, none is known, and the known key serves on", async () => {
  const { isolate, clock, kid } = await givenSigned();
  for (let second = 1; second <= 3; second += 1) {
    const found = await flood(isolate, kid);
    expect(found.slice(0, -1).every((key) => key === null)).toBe(true);
    expect(found.at(-1)).toMatchObject({ algorithm: "RS256" });
    expect((await isolate.calls()).postgres).toBe(second);
    clock.advance(1000);
  }
});

const faults: FaultRule[] = [
  { kind: "refuse" },
  { kind: "status", status: 500 },
  { kind: "garble" },
  { kind: "status", status: 200, body: "{}" },
];

test.each(faults)(
  "KR-04: with Postgres answering %j the last good keys serve on, unknown kids stay unknown, one read a second",
  async (fault) => {
    const { isolate, clock, kid } = await givenSigned();
    await isolate.postgresFault([fault]);
    for (let second = 1; second <= 2; second += 1) {
      const found = await flood(isolate, kid);
      expect(found.slice(0, -1).every((key) => key === null)).toBe(true);
      expect(found.at(-1)).toMatchObject({ algorithm: "RS256" });
      expect((await isolate.calls()).postgres).toBe(second);
      clock.advance(1000);
    }
    expect((await isolate.fetch("/.well-known/jwks.json")).status).toBe(200);
  },
);

test("KR-04: a key that another isolate made this moment is found, at the latest a second after a flood", async () => {
  const { first, isolate, clock, kid } = await givenSigned();
  const token = await first.rooms.signingKeys.sign("access-token", "at+jwt", {}, "EdDSA");
  const made = decodeProtectedHeader(token).kid ?? "";
  await flood(isolate, kid);
  clock.advance(1000);
  expect(await verificationKey(isolate, made)).toMatchObject({ algorithm: "EdDSA" });
});

test("KR-04: the kid of another purpose is unknown, whatever it signed", async () => {
  const { first, isolate } = await givenSigned();
  const token = await first.rooms.signingKeys.sign("identity", "test+jwt", {});
  const kid = decodeProtectedHeader(token).kid ?? "";
  expect(await verificationKey(isolate, kid)).toBeNull();
  expect(await isolate.rooms.signingKeys.verificationKey("identity", kid)).toMatchObject({
    algorithm: "ES256",
  });
});
