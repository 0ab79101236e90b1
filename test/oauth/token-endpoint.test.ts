import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenIsolate, givenRoute, type Isolate, issuer, unique } from "../support/given.ts";
import {
  assertedBy,
  basic,
  clientOperator,
  form,
  givenClient,
  givenKeyClient,
} from "../support/given-clients.ts";
import { expectOauthError, expectTokens } from "../support/oauth-answers.ts";

const grant = { grant_type: "client_credentials" };

const ask = (
  isolate: Isolate,
  fields: Record<string, string> | string[][],
  headers: Record<string, string> = {},
) =>
  isolate.fetch(
    "/oauth/token",
    form(
      Array.isArray(fields) ? fields.map(([name = "", value = ""]) => [name, value] as const) : fields,
      headers,
    ),
  );

describe("client credentials (RFC 6749 §4.4)", () => {
  test("a client gets a token in its own name, with what it is registered for, that no person stands behind", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate, { accessTokenAlgorithm: "ES256" });
    const answer = await expectTokens(await ask(isolate, grant, basic(id, secret)));
    expect(Object.keys(answer).sort()).toEqual(["access_token", "expires_in", "scope", "token_type"]);
    expect(answer).toMatchObject({ expires_in: 600, scope: "orders.read orders.write" });
    expect(decodeProtectedHeader(answer.access_token)).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    const iat = Math.floor(isolate.clock.now() / 1000);
    // RFC 9068 §2.2: the subject is the client itself.
    expect(decodeJwt(answer.access_token)).toEqual({
      iss: issuer,
      sub: id,
      client_id: id,
      aud: issuer,
      iat,
      exp: iat + 600,
      jti: expect.stringMatching(/^tok_/),
      scope: "orders.read orders.write",
    });
  });

  test("less may be asked for, never more, and nothing that is about a person", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate, { scopes: ["orders.read", "orders.write", "openid"] });
    const withScope = (scope: string) => ask(isolate, { ...grant, scope }, basic(id, secret));
    for (const [asked, scope] of [
      ["orders.read", "orders.read"],
      ["", "orders.read orders.write"],
    ] as const)
      await expect(expectTokens(await withScope(asked))).resolves.toMatchObject({ scope });
    for (const scope of [
      "orders.admin",
      "orders.read orders.admin",
      "openid",
      'a"b',
      "a\\b",
      "gatehouse:admin",
    ])
      await expectOauthError(await withScope(scope), 400, "invalid_scope");
  });

  test("a token is for the issuer, a registered resource, or one gateway route, and for nothing else (RFC 8707 §2)", async () => {
    const isolate = await givenIsolate();
    const mine = "https://api.shop.example/v1";
    const { id, secret } = await givenClient(isolate, { resources: [mine] });
    const open = await givenRoute(isolate, { credentials: ["access-token"], scopes: ["orders.read"] });
    const closed = await givenRoute(isolate, { credentials: ["access-token"], enabled: false });
    const keysOnly = await givenRoute(isolate);
    const route = `${issuer}${open.url}`;
    const audienceOf = async (resource: string) =>
      decodeJwt(
        (await expectTokens(await ask(isolate, { ...grant, resource }, basic(id, secret)))).access_token,
      ).aud;
    expect(await audienceOf(mine)).toBe(mine);
    expect(await audienceOf(route)).toBe(route);
    expect(await audienceOf(`${route}/`)).toBe(route);
    expect(await audienceOf(issuer)).toBe(issuer);
    for (const resource of [
      `${issuer}${closed.url}`,
      `${issuer}${keysOnly.url}`,
      `${route}/more`,
      route.slice(0, -1),
      route.toUpperCase(),
      `${mine}/`,
      "https://evil.example",
      "orders",
      "\0",
    ])
      await expectOauthError(
        await ask(isolate, { ...grant, resource }, basic(id, secret)),
        400,
        "invalid_target",
      );
    const two = [
      ["grant_type", "client_credentials"],
      ["resource", mine],
      ["resource", route],
    ];
    await expectOauthError(await ask(isolate, two, basic(id, secret)), 400, "invalid_target");
  });

  test("the token opens a route for which it has the scope, in the client's name and nobody's user", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const route = await givenRoute(isolate, { credentials: ["access-token"], scopes: ["orders.read"] });
    const { access_token: token } = await expectTokens(await ask(isolate, grant, basic(id, secret)));
    const passed = await isolate.fetch(route.url, { headers: { authorization: `Bearer ${token}` } });
    expect(passed.status).toBe(200);
    const { headers } = (await passed.json()) as { headers: Record<string, string> };
    expect(headers).toMatchObject({
      "x-client-id": id,
      "x-user-scopes": "orders.read,orders.write",
      "x-auth-method": "access-token",
    });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["x-user-id"]));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["x-session-id"]));
    expect(decodeJwt(headers["x-gatehouse-identity"] ?? "")).toMatchObject({ sub: id, sub_type: "client" });
    const own = await isolate.fetch("/auth/sessions", { headers: { authorization: `Bearer ${token}` } });
    expect(own.status).toBe(403);
  });

  test("a client that is disabled gets no more tokens, and those it has open nothing within the bound, also one made elsewhere meanwhile", async () => {
    const clock = createClock();
    const office = await givenIsolate({ clock });
    const edge = await givenIsolate({ clock });
    const { id, secret } = await givenClient(office);
    const route = await givenRoute(office, { credentials: ["access-token"] });
    const tokens = [await expectTokens(await ask(edge, grant, basic(id, secret)))];
    await edge.settle();
    tokens.push(await expectTokens(await ask(edge, grant, basic(id, secret))));
    await edge.settle();
    clock.advance(2000);
    await office.rooms.clients.update(id, { enabled: false }, clientOperator(office));
    clock.advance(3000);
    // The edge has not heard of it yet.
    tokens.push(await expectTokens(await ask(edge, grant, basic(id, secret))));
    clock.advance(10_000);
    await expectOauthError(await ask(edge, grant, basic(id, secret)), 401, "invalid_client");
    for (const { access_token: token } of tokens) {
      const answer = await edge.fetch(route.url, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
    }
  });
});

test("a page may ask from another origin, without any credential of the browser's", async () => {
  const isolate = await givenIsolate();
  const { id, secret } = await givenClient(isolate);
  const headers = { origin: "https://app.example", "access-control-request-method": "POST" };
  const preflight = await isolate.fetch("/oauth/token", { method: "OPTIONS", headers });
  expect(preflight.status).toBe(204);
  for (const answer of [
    preflight,
    await ask(isolate, grant, { ...basic(id, secret), origin: "https://app.example" }),
    await ask(isolate, grant, { ...basic(id, "wrong"), origin: "https://app.example" }),
  ]) {
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  }
});

describe("assertions (RFC 7523 §2.2, RFC 7523 §3)", () => {
  test("an assertion opens once, by whichever isolate, and the token endpoint is an audience as the issuer is", async () => {
    const clock = createClock();
    const [one, other] = [await givenIsolate({ clock }), await givenIsolate({ clock })];
    const { assertion } = await givenKeyClient(one);
    const given = await assertion();
    const answers = await Promise.all(
      [one, other, one, other].map((isolate) => ask(isolate, { ...grant, ...assertedBy(given) })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    const again = await assertion({ aud: `${issuer}/oauth/token` });
    await expectTokens(await ask(other, { ...grant, ...assertedBy(again) }));
  });

  test("with Redis silent nothing can be told to be first: 503, and the same assertion is good afterwards", async () => {
    const isolate = await givenIsolate();
    const { assertion } = await givenKeyClient(isolate);
    await isolate.redisFault([{ kind: "refuse" }]);
    const given = await assertion({ jti: unique("silent") });
    const refused = await ask(isolate, { ...grant, ...assertedBy(given) });
    expect(refused.headers.get("retry-after")).toBe("1");
    await expectOauthError(refused, 503, "temporarily_unavailable");
    await isolate.redisFault([]);
    isolate.clock.advance(1001);
    await expectTokens(await ask(isolate, { ...grant, ...assertedBy(given) }));
  });
});
