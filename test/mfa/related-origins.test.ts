import { expect, test } from "vitest";
import { relatedOriginRoutes } from "../../src/mfa/routes-related-origins.ts";
import { givenIsolate, issuer } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const path = "/.well-known/webauthn";

/** WebAuthn L3 §5.11: JSON by its media type, an object with the member "origins". */
test("browsers are told, without a redirect, which origins may use our passkeys", async () => {
  const isolate = await givenIsolate();
  const answer = await isolate.fetch(path);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("cache-control")).toBe("public, max-age=3600");
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(await answer.json()).toEqual({ origins: [issuer] });
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
});

test("each origin of the configuration is named, in its order", async () => {
  const origins = ["https://auth.example.com", "https://shop.example.net"];
  const answer = await relatedOriginRoutes(origins).request("/webauthn");
  expect(await answer.text()).toBe('{"origins":["https://auth.example.com","https://shop.example.net"]}');
});

test("it is read, and nothing else can be done to it", async () => {
  const isolate = await givenIsolate();
  expect((await isolate.fetch(path, { method: "HEAD" })).status).toBe(200);
  const refused = await isolate.fetch(path, { method: "POST" });
  expect(refused.headers.get("allow")).toBe("GET, HEAD");
  await expectProblem(refused, 405, "method_not_allowed");
});
