import { generateKeyPair } from "jose";
import { expect, test } from "vitest";
import { givenIsolate, unique } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  jwsOf,
  refusalsOf,
} from "../support/given-jws.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";

test("JW-05, RFC 8725 §3.8: another issuer's key under our kid, an unknown kid, and no kid are refused", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const other = await generateKeyPair("RS256");
  const claims = goodClaims(isolate);
  const { kid: _, ...nameless } = own.header;
  for (const header of [own.header, { ...own.header, kid: unique("kid") }, nameless]) {
    await expectInvalidToken(await route.call(await jwsOf(header, claims, other.privateKey)));
  }
  for (const header of [{ ...own.header, kid: unique("kid") }, nameless, { ...own.header, kid: "" }]) {
    await expectInvalidToken(await route.call(await own.sign(claims, header)));
  }
  expect(await refusalsOf(isolate, route)).toEqual(["bad_signature", "unknown_key"]);
});

test("JW-05: the key of internal identities never vouches for an access token, whatever it signs", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const claims = goodClaims(isolate);
  const confused = await isolate.rooms.signingKeys.sign("identity", "at+jwt", claims);
  await expectInvalidToken(await route.call(confused));
  expect(await refusalsOf(isolate, route)).toEqual(["unknown_key"]);
});

test("JW-05: a killed key vouches for nothing any more, at an edge that has already taken its token too", async () => {
  const keys = await givenOwnKeys();
  const authority = keys.first;
  const edge = await keys.isolate();
  const route = await givenTokenRoute(edge);
  const own = await givenOwnSigner(authority);
  const token = await own.sign(goodClaims(authority));
  expect((await route.call(token)).status).toBe(200);
  await edge.settle();
  const operator = {
    actor: { type: "operator", id: "given" } as const,
    origin: { requestId: "req_given", address: "192.0.2.1", country: null },
    background: authority.background,
  };
  await authority.rooms.signingKeys.rotate({ compromised: own.kid }, operator);
  await authority.settle();
  keys.clock.advance(10_001);
  await expectInvalidToken(await route.call(token));
  await expectInvalidToken(await route.call(await own.sign(goodClaims(authority))));
});
