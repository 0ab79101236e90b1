import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import type { Isolate } from "../support/given.ts";
import { givenOwnKeys, operatorOf } from "../support/given-signing-keys.ts";

const step = 60_000;
const lifeSeconds = rotation.tokenLifeSeconds;

/** A verifier that knows the key set alone and keeps each copy for exactly as long as it was allowed to. */
function givenVerifier(isolate: Isolate) {
  let copy: { set: JSONWebKeySet; until: number } | null = null;
  return {
    holds: (kid: string) => copy?.set.keys.some((key) => key.kid === kid) ?? false,
    async verify(token: string): Promise<void> {
      const at = isolate.clock.now();
      if (!copy || at > copy.until) {
        const answer = await isolate.fetch("/.well-known/jwks.json");
        await isolate.settle();
        const age = Number(/max-age=(\d+)/.exec(answer.headers.get("cache-control") ?? "")?.[1]);
        copy = { set: await answer.json(), until: at + age * 1000 };
      }
      await jwtVerify(token, createLocalJWKSet(copy.set), { currentDate: new Date(at) });
    },
  };
}

test("KR-02: through two rotations under load no token that has not expired is refused by a verifier that caches the key set to max-age", async () => {
  const { first, clock, isolate, tick } = await givenOwnKeys();
  await first.rooms.signingKeys.keySet();
  await tick();
  const isolates = [first, await isolate(), await isolate()];
  const verifiers = isolates.map(givenVerifier);
  const issued: { token: string; kid: string; until: number }[] = [];
  const publishedBeforeUse = new Map<string, number>();
  const failures: string[] = [];
  let verified = 0;

  for (let minute = 0; minute < 60; minute += 1) {
    if (minute === 15 || minute === 30) await first.rooms.signingKeys.rotate({}, operatorOf(first));
    if (minute % 5 === 0) await tick();
    const seconds = Math.floor(clock.now() / 1000);
    const signing = isolates[minute % isolates.length] as Isolate;
    const claims = { iat: seconds, exp: seconds + lifeSeconds };
    const token = await signing.rooms.signingKeys.sign("access-token", "at+jwt", claims);
    const { kid = "" } = decodeProtectedHeader(token);
    if (!publishedBeforeUse.has(kid)) {
      publishedBeforeUse.set(kid, verifiers.filter((one) => one.holds(kid)).length);
    }
    issued.push({ token, kid, until: (seconds + lifeSeconds) * 1000 });
    const alive = issued.filter(({ until }) => until > clock.now());
    for (const [at, verifier] of verifiers.entries()) {
      // Each verifier has its own rhythm, so that their copies are of every age.
      if ((minute + at) % (at + 1) !== 0) continue;
      for (const one of alive) {
        await verifier.verify(one.token).catch(() => failures.push(`${minute}: ${one.kid}`));
        verified += 1;
      }
    }
    clock.advance(step + 1);
  }

  expect(failures).toEqual([]);
  expect(verified).toBeGreaterThan(500);
  const [, ...successors] = publishedBeforeUse;
  expect(successors.length).toBeGreaterThanOrEqual(2);
  for (const [, holders] of successors) expect(holders).toBe(verifiers.length);
});

test("KR-02: a key that is killed is refused by a verifier of the key set when the stated time is over, and not only here", async () => {
  const { first, clock, tick } = await givenOwnKeys();
  await first.rooms.signingKeys.keySet();
  await tick();
  clock.advance(seenSeconds * 1000);
  const verifier = givenVerifier(first);
  const seconds = Math.floor(clock.now() / 1000);
  const claims = { iat: seconds, exp: seconds + lifeSeconds };
  const token = await first.rooms.signingKeys.sign("access-token", "at+jwt", claims);
  await verifier.verify(token);

  const { kid = "" } = decodeProtectedHeader(token);
  const { killed } = await first.rooms.signingKeys.rotate({ compromised: kid }, operatorOf(first));
  clock.advance((killed?.trustedElsewhereUntil.getTime() ?? 0) - clock.now() + 1);
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
  const now = Math.floor(clock.now() / 1000);
  const next = await first.rooms.signingKeys.sign("access-token", "at+jwt", { exp: now + lifeSeconds });
  await expect(verifier.verify(next)).resolves.toBeUndefined();
});
