import { expect, test } from "vitest";
import { base64url } from "../../src/crypto/bytes.ts";
import { givenIsolate, givenKey, givenRoute } from "../support/given.ts";
import { present, verdictOn } from "./management.ts";

const secret = (version: number): string =>
  `${version}:${base64url(crypto.getRandomValues(new Uint8Array(32)))}`;

test("while a tag secret is rotated keys of both open at the gateway; those of the dropped one are refused without a call", async () => {
  const [older, newer] = [secret(1), secret(2)];
  const tagged = (secrets: string) => givenIsolate({ environment: { API_KEY_TAG_SECRETS: secrets } });
  const before = await tagged(older);
  const during = await tagged(`${newer},${older}`);
  const after = await tagged(newer);
  const route = await givenRoute(during);
  const oldKey = (await givenKey(before)).key;
  const newKey = (await givenKey(during)).key;

  for (const key of [oldKey, newKey]) expect((await present(during, route, key)).status).toBe(200);
  expect((await present(after, route, newKey)).status).toBe(200);
  await after.settle();
  await after.forgetCalls();
  expect(await verdictOn(after, oldKey)).toMatchObject({ valid: false, code: "forged" });
  expect(await after.calls()).toMatchObject({ postgres: 0, redis: 0 });
  expect(await present(after, route, oldKey)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });
});
