import { expect, test } from "vitest";
import { givenIsolate, givenKey } from "../support/given.ts";
import type { Outcome } from "./orders.worker.ts";
import { call, handOver, orders, presenting, read, refusal } from "./through-orders.ts";

test.each([
  ["nothing", []],
  ["null", [null]],
  ["a text", ["gk_live_0"]],
  ["no key", [{}]],
  ["a key that is no text", [{ key: 7 }]],
  ["a key longer than any", [{ key: "k".repeat(513) }]],
  ["a member that is not documented", [{ key: "k", caller: "billing" }]],
  ["scopes that are no list", [{ key: "k", scopes: "orders.read" }]],
  ["more than 64 scopes", [{ key: "k", scopes: Array.from({ length: 65 }, () => "s") }]],
  ["a negative cost", [{ key: "k", cost: -1 }]],
  ["a cost that is not whole", [{ key: "k", cost: 0.5 }]],
  ["a cost past a million", [{ key: "k", cost: 1_000_001 }]],
  ["a function", ["$function"]],
  ["a map", ["$map"]],
])("verifyKey given %s answers invalid_input and does not throw", async (_, given) => {
  expect(await call("verifyKey", given)).toEqual(refusal(400, "invalid_input"));
});

test("authenticate given no request, or options that are not documented, answers invalid_input and does not throw", async () => {
  for (const given of [[], [null], ["https://orders.test/"], [{ headers: {} }], ["$function"], ["$map"]])
    expect(await call("authenticate", given)).toEqual(refusal(400, "invalid_input"));
  const { key } = await givenKey(await givenIsolate());
  for (const options of [
    7,
    "orders.read",
    { scope: [] },
    { scopes: [7] },
    { cost: -1 },
    { key },
    { address: "::1" },
  ])
    expect(await handOver(presenting(key), options)).toEqual(refusal(400, "invalid_input"));
});

/** The environment, the scope, functions of the file and handlers of the runtime. */
const unspoken =
  `env ctx env.DATABASE_URL env.API_KEY_TAG_SECRETS ctx.props ctx.waitUntil ctx.exports #caller prototype
  answering record refusedInput rpcVerdict rooms roomsOf default scheduled alarm queue tail email trace`.split(
    /\s+/,
  );
/** What a stub answers by itself when it is read; called, it goes over the binding. */
const ofStubs = ["constructor", "constructor.constructor", "verifyKey.constructor", "authenticate.call"];

function expectUnheard(outcome: Outcome): void {
  expect(outcome).toEqual({ threw: expect.any(String) });
  expect(JSON.stringify(outcome)).not.toMatch(/postgres|gatehouse:|test-token|:\/\//);
}

test.each([...unspoken, ...ofStubs])("%s cannot be called over the binding", async (path) => {
  expectUnheard(await call(path, [{ key: "gk_live_0" }]));
});

test.each(unspoken)("%s cannot be read over the binding", async (path) => {
  expectUnheard(await read(path));
});

test("the entrypoint answers no HTTP: neither the management API nor a route is reached over its binding", async () => {
  const outcome = await (await orders.fetch("https://orders.test/http")).json();
  expect(outcome).toEqual({ threw: expect.stringContaining("does not export a fetch() function") });
});
