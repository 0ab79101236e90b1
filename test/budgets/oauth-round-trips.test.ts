import { expect, test } from "vitest";
import { givenIsolate, givenRoute, type Isolate, issuer } from "../support/given.ts";
import { assertedBy, basic, form, givenClient, givenKeyClient } from "../support/given-clients.ts";
import { givenAccessToken, givenFamily } from "../support/given-tokens.ts";
import { backDoorBudgets, introspectionBudgets } from "./round-trips.ts";

/** The calls made until the third answer is there: what runs behind it is let finish only afterwards. */
async function warmCalls(isolate: Isolate, ask: () => Promise<Response>) {
  for (let time = 0; time < 3; time += 1) {
    expect((await ask()).status).toBe(200);
    await isolate.settle();
  }
  await isolate.forgetCalls();
  expect((await ask()).status).toBe(200);
  const { postgres, redis } = await isolate.calls();
  return [postgres, redis];
}

for (const { operation, bound, by, postgres, redis } of backDoorBudgets) {
  test(`${operation}: ${postgres} calls to Postgres, ${redis} to Redis, for a gateway route too`, async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: bound } });
    const route = await givenRoute(isolate, { credentials: ["access-token"] });
    const fields = { grant_type: "client_credentials", resource: `${issuer}${route.url}` };
    const [bySecret, byKey] = [await givenClient(isolate), await givenKeyClient(isolate)];
    const ask = async () =>
      by === "secret"
        ? isolate.fetch("/oauth/token", form(fields, basic(bySecret.id, bySecret.secret)))
        : isolate.fetch("/oauth/token", form({ ...fields, ...assertedBy(await byKey.assertion()) }));
    expect(await warmCalls(isolate, ask)).toEqual([postgres, redis]);
  });
}

for (const { operation, bound, token, postgres, redis } of introspectionBudgets) {
  test(`${operation}: ${postgres} calls to Postgres, ${redis} to Redis`, async () => {
    const isolate = await givenIsolate({ environment: { REVOCATION_BOUND_SECONDS: bound } });
    const { id, secret } = await givenClient(isolate);
    const text =
      token === "access"
        ? (await givenAccessToken(isolate, { clientId: id })).accessToken
        : (await givenFamily(isolate, isolate.rooms.refreshTokens, { clientId: id })).refreshToken;
    const ask = () => isolate.fetch("/oauth/introspect", form({ token: text }, basic(id, secret)));
    expect(await warmCalls(isolate, ask)).toEqual([postgres, redis]);
  });
}
