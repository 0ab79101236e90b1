import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  refusalsOf,
} from "../support/given-jws.ts";

test("JW-06, RFC 7515 §4.1.11, RFC 7797 §3: critical and unencoded extensions are refused, signed by our own key too", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const text = JSON.stringify(own.header);
  const headers = [
    { ...own.header, crit: ["exp"], exp: 1 },
    { ...own.header, crit: [] },
    { ...own.header, crit: "typ" },
    { ...own.header, crit: ["b64"], b64: false },
    { ...own.header, b64: false },
    { ...own.header, b64: true },
    { ...own.header, crit: ["alg", "alg"] },
    text.replace("{", '{"crit":["a"],"crit":["b"],'),
  ];
  for (const header of headers) await expectInvalidToken(await route.call(await own.sign(claims, header)));
  expect(await refusalsOf(isolate, route)).toEqual(["malformed"]);
});
