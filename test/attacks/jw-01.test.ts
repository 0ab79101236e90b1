import { expect, test } from "vitest";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { givenIsolate } from "../support/given.ts";
import {
  expectInvalidToken,
  givenOwnSigner,
  givenTokenRoute,
  goodClaims,
  jwsOf,
  refusalsOf,
} from "../support/given-jws.ts";

test("RFC 8725 §3.1: no signature, a public key as an HMAC secret, and another algorithm with our key are refused", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const claims = goodClaims(isolate);
  const [head = "", body = ""] = (await own.sign(claims)).split(".");
  const part = (value: unknown) => base64url(utf8(JSON.stringify(value)));
  const hmac = await crypto.subtle.importKey(
    "raw",
    utf8(JSON.stringify(own.publicJwk)),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const tokens = [
    `${part({ ...own.header, alg: "none" })}.${body}.`,
    `${part({ ...own.header, alg: "none" })}.${body}.AAAA`,
    `${part({ ...own.header, alg: "NoNe" })}.${body}.AAAA`,
    `${head}.${body}.`,
    `${head}.${body}.AAAA`,
    await jwsOf({ ...own.header, alg: "HS256" }, claims, hmac, "HS256"),
    await own.sign(claims, { ...own.header, alg: "PS256" }),
    await own.sign(claims, { ...own.header, alg: "ES256" }),
    await own.sign(claims, { ...own.header, alg: ["RS256"] }),
  ];
  for (const token of tokens) await expectInvalidToken(await route.call(token));
  expect(await refusalsOf(isolate, route)).toEqual(["bad_signature", "malformed", "wrong_algorithm"]);
});

test("one bit of any part changed, or a second spelling of the same bytes, and the token is refused", async () => {
  const isolate = await givenIsolate();
  const route = await givenTokenRoute(isolate);
  const own = await givenOwnSigner(isolate);
  const token = await own.sign(goodClaims(isolate));
  expect((await route.call(token)).status).toBe(200);
  const swap = (text: string, at: number) =>
    text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const [head = "", body = "", signature = ""] = token.split(".");
  const spoilt = [
    swap(token, 5),
    swap(token, head.length + 10),
    swap(token, head.length + body.length + 10),
    `${token}=`,
    `${head}.${body}.${signature}==`,
    `${head}.${body}=.${signature}`,
    `${head}.${body}.${signature.replaceAll("-", "+").replaceAll("_", "/")}+`,
    `${head}.${body}.${signature}A`,
    // 256 bytes leave four unused bits in the last digit: another digit with the same two bits is the same bytes.
    token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
  ];
  for (const one of spoilt) {
    expect(one).not.toBe(token);
    await expectInvalidToken(await route.call(one));
  }
});
