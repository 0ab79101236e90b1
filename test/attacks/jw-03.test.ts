import { exportJWK, generateKeyPair } from "jose";
import { expect, inject, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  jwsOf,
  refusalsOf,
} from "../support/given-jws.ts";

test("JW-03, RFC 8725 §3.10: a token that brings its own key, inside or by address, is refused, and nobody is asked for it", async () => {
  const isolate = await givenIsolate();
  const canary = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const attacker = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(attacker.publicKey)), kid: own.kid, alg: "RS256", use: "sig" };
  const base = inject("stores").environment["UPSTASH_REDIS_REST_URL"] ?? "";
  const address = `${base}/lane/${canary.lane}/jwks.json`;
  const claims = goodClaims(isolate);
  const members = [
    { jwk },
    { jku: address },
    { x5u: address },
    { x5c: ["MIIBszCCARwCAQAwDQYJKoZIhvcNAQEFBQAwITEf"] },
    { "x5t#S256": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" },
    { jwk, kid: undefined },
  ];
  await canary.forgetCalls();
  for (const member of members) {
    const header = { ...own.header, ...member };
    await expectInvalidToken(await route.call(await jwsOf(header, claims, attacker.privateKey)));
    // With a good signature too: such a header is never looked into.
    await expectInvalidToken(await route.call(await own.sign(claims, header)));
  }
  expect(await refusalsOf(isolate, route)).toEqual(["malformed"]);
  expect((await canary.calls()).redis).toBe(0);
  await fetch(address);
  expect((await canary.calls()).redis).toBe(1);
  expect((await route.call(await own.sign(claims))).status).toBe(200);
});
