import { expect, test } from "vitest";
import { givenIsolate, givenKey } from "../support/given.ts";
import { bearer, givenAccessToken } from "../support/given-tokens.ts";
import { handOver, presenting, refusal } from "./through-orders.ts";

/** RFC 9470 §3: what the Worker tells its own client to ask for. */
const stepUp = (needed: object) => ({
  returned: {
    ok: false,
    status: 401,
    code: "insufficient_user_authentication",
    detail: expect.any(String),
    needed,
  },
});

test("a Worker that asks for a level or an age is told what a token lacks, and who it is when it lacks nothing", async () => {
  const isolate = await givenIsolate();
  const authTime = new Date(Date.now() - 3_600_000);
  const weak = await givenAccessToken(isolate);
  const strong = await givenAccessToken(isolate, { acr: "phishing-resistant" });
  const aged = await givenAccessToken(isolate, { acr: "two-factor", authTime });
  const ask = (token: { accessToken: string }, options: object) =>
    handOver(bearer(token.accessToken), options);

  const both = { level: "two-factor", max_age_seconds: 300 };
  expect(await ask(weak, both)).toEqual(stepUp({ acr_values: "two-factor" }));
  expect(await ask(aged, both)).toEqual(stepUp({ acr_values: "two-factor", max_age: 300 }));
  expect(await ask(aged, { max_age_seconds: 300 })).toEqual(stepUp({ max_age: 300 }));
  expect(await ask(aged, { level: "two-factor" })).toMatchObject({
    returned: {
      ok: true,
      principal: {
        level: "two-factor",
        authTime: new Date(Math.floor(authTime.getTime() / 1000) * 1000).toISOString(),
      },
    },
  });
  expect(await ask(strong, both)).toMatchObject({ returned: { ok: true } });
  expect(await ask(weak, {})).toMatchObject({ returned: { ok: true, principal: { level: "one-factor" } } });
});

test("a key proves no person: it is not taken where a level or an age is asked for, and is where none is", async () => {
  const { key } = await givenKey(await givenIsolate());
  expect(await handOver(presenting(key))).toMatchObject({ returned: { ok: true } });
  for (const options of [{ level: "one-factor" }, { max_age_seconds: 2_592_000 }])
    expect(await handOver(presenting(key), options)).toEqual(refusal(403, "credential_not_accepted"));
  expect(await handOver({}, { level: "one-factor" })).toEqual(refusal(401, "missing_credential"));
});

test("a level that is none of the three, or an age out of bounds, is refused as input with a good token too", async () => {
  const { accessToken } = await givenAccessToken(await givenIsolate(), { acr: "phishing-resistant" });
  for (const options of [
    { level: "" },
    { level: "2fa" },
    { level: null },
    { level: ["two-factor"] },
    { max_age_seconds: 0 },
    { max_age_seconds: 2_592_001 },
    { max_age_seconds: "300" },
    { max_age_seconds: 1.5 },
    { maxAgeSeconds: 300 },
  ])
    expect(await handOver(bearer(accessToken), options)).toEqual(refusal(400, "invalid_input"));
});
