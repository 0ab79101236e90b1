import { describe, expect, test } from "vitest";
import { givenIsolate, type Isolate } from "../support/given.ts";
import { basic, form, givenClient } from "../support/given-clients.ts";
import { expectOauthError, expectTokens } from "../support/oauth-answers.ts";

const grant = "grant_type=client_credentials";
const post = (isolate: Isolate, init: RequestInit) => isolate.fetch("/oauth/token", init);

describe("TK-10: other bodies than forms", () => {
  test.each([
    ["application/json", '{"grant_type":"client_credentials"}'],
    ["text/plain", grant],
    [
      "multipart/form-data; boundary=x",
      `--x\r\ncontent-disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--`,
    ],
    ["application/x-www-form-urlencoded, application/json", grant],
    ["", grant],
  ])("%s is invalid_request", async (type, body) => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const headers = { "content-type": type, ...basic(id, secret) };
    await expectOauthError(await post(isolate, { method: "POST", headers, body }), 400, "invalid_request");
  });

  test("a charset is no other type, an oversized body is 413 however it is announced, and GET is 405", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    await expectTokens(await post(isolate, form(grant, { "content-type": type, ...basic(id, secret) })));
    const large = `${grant}&padding=${"x".repeat(65_536)}`;
    await expectOauthError(await post(isolate, form(large, basic(id, secret))), 413, "invalid_request");
    const read = await isolate.fetch(`/oauth/token?${grant}`, { headers: basic(id, secret) });
    expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    const notUtf8 = new Uint8Array([0x61, 0x3d, 0xff]);
    await expectOauthError(await post(isolate, { ...form(""), body: notUtf8 }), 400, "invalid_request");
  });

  test("parameters in the URL count for nothing", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const answer = await isolate.fetch(`/oauth/token?${grant}`, form("scope=", basic(id, secret)));
    await expectOauthError(answer, 400, "invalid_request");
  });
});

describe("TK-11: parameters twice or empty (RFC 6749 §3.1)", () => {
  test.each([
    `${grant}&${grant}`,
    `${grant}&scope=a&scope=a`,
    `${grant}&client_id=a&client_id=b`,
    `${grant}&client_secret=a&client_secret=b`,
    "grant_type=",
    "",
    Array.from({ length: 101 }, (_, at) => `p${at}=1`).join("&"),
  ])("%s is invalid_request", async (body) => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    await expectOauthError(await post(isolate, form(body, basic(id, secret))), 400, "invalid_request");
  });

  test("an empty one is one that was left out, an unknown one is ignored", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const body = `${grant}&scope=&resource=&client_id=&client_secret=&constructor=1&__proto__=1`;
    expect(await expectTokens(await post(isolate, form(body, basic(id, secret))))).toMatchObject({
      scope: "orders.read orders.write",
    });
  });
});

describe("TK-12: grants that are not there, or not the client's", () => {
  test.each([
    "password",
    "implicit",
    "Client_Credentials",
    "constructor",
    "x".repeat(1000),
    "client_credentials ",
  ])("%s is unsupported_grant_type", async (type) => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const answer = await post(isolate, form({ grant_type: type }, basic(id, secret)));
    await expectOauthError(answer, 400, "unsupported_grant_type");
  });

  test("one that the client is not registered for is unauthorized_client", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate, {
      grantTypes: ["authorization_code"],
      responseTypes: ["code"],
      redirectUris: ["https://shop.example/cb"],
    });
    await expectOauthError(await post(isolate, form(grant, basic(id, secret))), 400, "unauthorized_client");
  });
});

test("TK-14: with Postgres away a client that is not in memory is 503 as OAuth says it, kept by no cache", async () => {
  const maker = await givenIsolate();
  const { id, secret } = await givenClient(maker);
  const isolate = await givenIsolate();
  await isolate.postgresFault([{ kind: "refuse" }]);
  const refused = await post(isolate, form(grant, basic(id, secret)));
  expect(refused.headers.get("retry-after")).toBe("1");
  await expectOauthError(refused, 503, "temporarily_unavailable");
});
