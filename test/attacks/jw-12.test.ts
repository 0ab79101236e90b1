import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  refusalsOf,
} from "../support/given-jws.ts";

test("JW-12, RFC 7515 §4: a member said twice is refused, in the header and in the claims, whatever either says", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const header = JSON.stringify(own.header);
  const payload = JSON.stringify(claims);
  const twice = (text: string, member: string) => text.replace("{", `{${member},`);
  const tokens = await Promise.all([
    own.sign(payload, twice(header, '"alg":"none"')),
    own.sign(payload, twice(header, '"alg":"RS256"')),
    own.sign(payload, twice(header, '"kid":"other"')),
    own.sign(twice(payload, '"sub":"usr_victim"'), header),
    own.sign(twice(payload, `"sub":${JSON.stringify(claims.sub)}`), header),
    own.sign(twice(payload, '"\\u0073ub":"usr_victim"'), header),
    own.sign(twice(payload, '"scope":"gatehouse:admin","scope":""'), header),
    own.sign(` ${payload}`, header),
    own.sign(`\ufeff${payload}`, header),
    own.sign(payload.replace('"iat":', '"iat": '), header),
  ]);
  for (const token of tokens) await expectInvalidToken(await route.call(token));
  expect(await refusalsOf(isolate, route)).toEqual(["malformed"]);
  expect((await route.call(await own.sign(payload, header))).status).toBe(200);
});
