import { describe, expect, test } from "vitest";
import { givenIsolate, givenKey, givenRoute, type Isolate, issuer, unique } from "../support/given.ts";
import { givenAccessToken } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

type Said = Record<string, string>;
const door = "/v1/authenticate";

/** RFC 9470 §3, as a proxy hands it on to the client. */
async function expectStepUp(response: Response, asked: string): Promise<void> {
  await expectProblem(response, 401, "insufficient_user_authentication");
  expect(response.headers.get("www-authenticate")).toMatch(
    new RegExp(`^Bearer realm="gatehouse", error="insufficient_user_authentication", .*, ${asked}$`),
  );
  expect(response.headers.get("x-user-id")).toBeNull();
}

/** A person's token of each kind, and what the door answers to it, as nginx asks. */
async function givenAsker(isolate: Isolate) {
  const audience = issuer;
  const old = new Date(isolate.clock.now() - 3_600_000);
  const weak = await givenAccessToken(isolate, { audience });
  const strong = await givenAccessToken(isolate, { audience, acr: "two-factor" });
  const aged = await givenAccessToken(isolate, { audience, acr: "two-factor", authTime: old });
  const { key } = await givenKey(isolate);
  const ask = (query: string, credential: Said) =>
    isolate.fetch(`${door}${query}`, { headers: { "x-original-uri": "/orders", ...credential } });
  const by = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` });
  return { ask, weak: by(weak), strong: by(strong), aged: by(aged), key: { "x-api-key": key } };
}

describe("?level= and ?max_age=", () => {
  test("bind tokens where no route is meant, and keys, which prove no person, are then not taken", async () => {
    const { ask, weak, strong, aged, key } = await givenAsker(await givenIsolate());
    const query = "?level=two-factor&max_age=300";
    expect((await ask("", weak)).status).toBe(200);
    expect((await ask("", key)).status).toBe(200);
    await expectStepUp(await ask(query, weak), 'acr_values="two-factor"');
    await expectStepUp(await ask(query, aged), 'acr_values="two-factor", max_age="300"');
    await expectStepUp(await ask("?max_age=300", aged), 'max_age="300"');
    const admitted = await ask(query, strong);
    expect(admitted.status).toBe(200);
    expect(admitted.headers.get("x-auth-level")).toBe("two-factor");
    for (const asked of [query, "?level=one-factor", "?max_age=2592000"])
      await expectProblem(await ask(asked, key), 403, "credential_not_accepted");
    await expectProblem(await ask(query, {}), 401, "missing_credential");
  });

  test("ask for more than the route that is named, and for nothing less", async () => {
    const isolate = await givenIsolate();
    const { ask, weak, strong, aged, key } = await givenAsker(isolate);
    const credentials = ["access-token", "api-key"] as const;
    const route = await givenRoute(isolate, { credentials, level: "two-factor" });
    const of = (more: string) => `?route=${route.name}${more}`;
    await expectStepUp(await ask(of(""), weak), 'acr_values="two-factor"');
    await expectStepUp(await ask(of("&level=one-factor"), weak), 'acr_values="two-factor"');
    await expectStepUp(await ask(of("&level=phishing-resistant"), strong), 'acr_values="phishing-resistant"');
    expect((await ask(of(""), aged)).status).toBe(200);
    await expectStepUp(await ask(of("&max_age=60"), aged), 'acr_values="two-factor", max_age="60"');
    expect((await ask(of("&max_age=60"), strong)).status).toBe(200);
    // The route lists keys itself.
    expect((await ask(of("&max_age=60"), key)).status).toBe(200);
  });

  test("are met by nobody on a public route, which looks at no token", async () => {
    const isolate = await givenIsolate();
    const { ask, strong, key } = await givenAsker(isolate);
    const route = await givenRoute(isolate, { credentials: ["public"] });
    const of = (more: string) => `?route=${route.name}${more}`;
    expect((await ask(of(""), {})).status).toBe(200);
    for (const more of ["&level=one-factor", "&max_age=60"]) {
      await expectProblem(await ask(of(more), {}), 401, "missing_credential");
      await expectProblem(await ask(of(more), strong), 401, "missing_credential");
      await expectProblem(await ask(of(more), key), 403, "credential_not_accepted");
    }
  });

  test.each([
    "?level=",
    "?level=2fa",
    "?level=Two-Factor",
    "?level=two-factor,one-factor",
    "?max_age=",
    "?max_age=0",
    "?max_age=-1",
    "?max_age=5m",
    "?max_age=1.5",
    "?max_age=2592001",
    "?max_age=1e3",
  ])("%s is a mistake and is told: it never passes for nothing", async (query) => {
    const { ask, strong } = await givenAsker(await givenIsolate());
    const { detail } = await expectProblem(await ask(query, strong), 400, "invalid_request");
    expect(detail).toMatch(/^(?:level|max_age): must be /);
  });

  test("of Envoy's caller are his own query, not ours to obey", async () => {
    const isolate = await givenIsolate();
    const { weak } = await givenAsker(isolate);
    const headers = { "x-gatehouse-ask": "forward-auth", ...weak };
    expect((await isolate.fetch(`${door}/orders?level=two-factor`, { headers })).status).toBe(200);
    const host = `${unique("api")}.test`;
    const credentials = ["access-token"] as const;
    await givenRoute(isolate, { host, path: "/", credentials, audiences: [issuer], level: "two-factor" });
    const claimed = { headers: { ...headers, "x-forwarded-host": host } };
    const refused = await isolate.fetch(`${door}/orders?level=one-factor`, claimed);
    await expectStepUp(refused, 'acr_values="two-factor"');
  });
});

test("the operator's level of a scope binds a scope that only the proxy asks for, with a route and without", async () => {
  const environment = { LEVEL_POLICY: "scope:orders.write=two-factor" };
  const isolate = await givenIsolate({ environment });
  const route = await givenRoute(isolate, { credentials: ["access-token"] });
  const scopes = ["orders.write"];
  for (const [acr, status] of [
    ["one-factor", 401],
    ["two-factor", 200],
  ] as const) {
    const { accessToken } = await givenAccessToken(isolate, { acr, scopes });
    const headers = { authorization: `Bearer ${accessToken}`, "x-original-uri": "/orders" };
    for (const named of ["", `route=${route.name}&`]) {
      const answer = await isolate.fetch(`${door}?${named}scopes=orders.write`, { headers });
      expect([acr, named, answer.status]).toEqual([acr, named, status]);
      if (status === 401) await expectStepUp(answer, 'acr_values="two-factor"');
    }
  }
});

test("scopes that the route and the proxy ask for are told together, each once, and a refusal takes nothing of a limit", async () => {
  const isolate = await givenIsolate();
  const limit = {
    name: "one",
    permits: 1,
    windowSeconds: 60,
    whenUnavailable: "closed",
    per: "key",
  } as const;
  const route = await givenRoute(isolate, { scopes: ["read"], limits: [limit] });
  const { key } = await givenKey(isolate, { scopes: ["read"] });
  const ask = (scopes: string) => {
    const headers = { "x-api-key": key, "x-original-uri": "/orders" };
    return isolate.fetch(`${door}?route=${route.name}&scopes=${scopes}`, { headers });
  };
  const refused = await ask("read,write");
  await expectProblem(refused, 403, "insufficient_scope");
  expect(refused.headers.get("www-authenticate")).toContain('scope="read write"');
  expect((await ask("read")).status).toBe(200);
  expect((await ask("read")).status).toBe(429);
});
