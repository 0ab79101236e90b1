import { expect, test } from "vitest";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { givenIsolate } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  refusalsOf,
} from "../support/given-jws.ts";
import { bearer } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

const part = (value: unknown) => base64url(utf8(JSON.stringify(value)));

test("JW-11, RFC 8725 §3.6: encrypted, nested, compressed and password-based tokens are refused unread, without a call", async () => {
  const forever = new Promise<void>(() => undefined);
  const isolate = await givenIsolate({ waitForRefusals: () => forever });
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  expect((await route.call(await own.sign(claims))).status).toBe(200);
  const nested = await own.sign(claims);
  const bomb = "A".repeat(12_000);
  const tokens = [
    [part({ alg: "RSA-OAEP", enc: "A256GCM", kid: own.kid }), "a", "b", "c", "d"].join("."),
    [
      part({ alg: "PBES2-HS256+A128KW", enc: "A128GCM", p2c: 1_000_000_000, p2s: "AA" }),
      "a",
      "b",
      "c",
      "d",
    ].join("."),
    [part({ alg: "dir", enc: "A256GCM", zip: "DEF" }), "", "b", bomb, "d"].join("."),
    [part({ ...own.header, cty: "JWT" }), part(nested), "AAAA"].join("."),
    [part({ ...own.header, zip: "DEF" }), bomb, "AAAA"].join("."),
    [part({ ...own.header, p2c: 1_000_000_000 }), part(claims), "AAAA"].join("."),
    `${nested}.`,
    `.${nested}`,
    "..",
    ".",
    "x",
  ];
  await isolate.forgetCalls();
  for (const token of tokens) await expectInvalidToken(await route.call(token));
  const { postgres, redis } = await isolate.calls();
  expect([postgres, redis]).toEqual([0, 0]);
});

test("JW-11: a token longer than any of ours is refused, one of a megabyte at the door already", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const long = await own.sign({ ...goodClaims(isolate), filler: "x".repeat(16_000) });
  await expectInvalidToken(await route.call(long));
  const door = await isolate.fetch(route.url, bearer("e".repeat(1_000_000)));
  await expectProblem(door, 431, "headers_too_large");
  expect(await refusalsOf(isolate, route)).toEqual(["malformed"]);
});
