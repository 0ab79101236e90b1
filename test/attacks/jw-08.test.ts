import { expect, test } from "vitest";
import { givenIsolate, issuer } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  refusalsOf,
} from "../support/given-jws.ts";

test("JW-08, RFC 8725 §3.8: the issuer is ours to the letter", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  for (const iss of [
    `${issuer}/`,
    issuer.replace("https:", "http:"),
    issuer.toUpperCase(),
    `${issuer}.evil.example`,
    `${issuer}:443`,
    `${issuer} `,
    "https://other.gatehouse.test",
  ]) {
    await expectInvalidToken(await route.call(await own.sign({ ...claims, iss })));
  }
  expect(await refusalsOf(isolate, route)).toEqual(["wrong_issuer"]);
});

test("JW-08: the audience must name this route or the issuer; a list must hold one of them", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const url = `${issuer}${route.url}`;
  for (const [aud, status] of [
    [undefined, 401],
    ["https://other.example", 401],
    [["https://other.example", `${url}/more`], 401],
    [`${issuer}/`, 401],
    [["https://other.example", url], 200],
    [[issuer], 200],
    [url, 200],
  ] as const) {
    const answer = await route.call(await own.sign({ ...claims, aud }));
    expect([aud, answer.status]).toEqual([aud, status]);
  }
  expect(await refusalsOf(isolate, route)).toEqual(["malformed", "wrong_audience"]);
});
