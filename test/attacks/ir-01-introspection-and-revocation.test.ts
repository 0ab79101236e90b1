import { sql } from "drizzle-orm";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenIsolate, givenKey, type Isolate, issuer, withAdmin } from "../support/given.ts";
import { basic, clientOperator, form, givenClient, givenPublicClient } from "../support/given-clients.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import {
  givenApp,
  givenCode,
  givenGrant,
  givenProvider,
  redeem,
  tokensIn,
} from "../support/given-provider.ts";
import { askedBy, familyRow, givenAccessToken, givenFamily } from "../support/given-tokens.ts";
import { expectOauthError } from "../support/oauth-answers.ts";
import { expectProblem } from "../support/problem.ts";

type Given = { readonly id: string; readonly secret: string };

const introspect = (isolate: Isolate, token: string, headers: Record<string, string>) =>
  isolate.fetch("/oauth/introspect", form({ token }, headers));
const revoke = (isolate: Isolate, token: string, { id, secret }: Given) =>
  isolate.fetch("/oauth/revoke", form({ token }, basic(id, secret)));

async function shownTo(isolate: Isolate, token: string, { id, secret }: Given): Promise<unknown> {
  const answer = await introspect(isolate, token, basic(id, secret));
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "cache-control": "no-store",
    "content-type": "application/json",
  });
  expect(answer.status).toBe(200);
  return await answer.json();
}

/** RFC 7009 §2.2: done, and nothing said. */
async function expectRevoked(answer: Response): Promise<void> {
  expect([answer.status, await answer.text(), answer.headers.get("content-type")]).toEqual([200, "", null]);
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

describe("IR-01: introspection (RFC 7662 §2.2, RFC 7662 §4)", () => {
  test("a client is told of its own tokens and of those for its own resource, of others nothing but that", async () => {
    const isolate = await givenIsolate();
    const resource = "https://api.shop.example";
    const [mine, server, other] = [
      await givenClient(isolate),
      await givenClient(isolate, { resources: [resource] }),
      await givenClient(isolate),
    ];
    const { accessToken, grant, jti } = await givenAccessToken(isolate, {
      clientId: mine.id,
      audience: resource,
      scopes: ["orders.read"],
    });
    const iat = Math.floor(isolate.clock.now() / 1000);
    const whole = {
      active: true,
      iss: issuer,
      sub: grant.subject,
      aud: resource,
      client_id: mine.id,
      token_type: "Bearer",
      scope: "orders.read",
      jti,
      iat,
      exp: iat + 600,
      sid: grant.sessionId,
      acr: "one-factor",
      auth_time: iat,
    };
    expect(await shownTo(isolate, accessToken, mine)).toEqual(whole);
    expect(await shownTo(isolate, accessToken, server)).toEqual(whole);
    expect(await shownTo(isolate, accessToken, other)).toEqual({ active: false });
    isolate.clock.advance(600_000);
    expect(await shownTo(isolate, accessToken, mine)).toEqual({ active: false });
  });

  test("EN-02: unknown, forged, foreign, oversized and ended tokens are all told alike", async () => {
    const isolate = await givenIsolate();
    const client = await givenClient(isolate);
    const { accessToken } = await givenAccessToken(isolate, { clientId: client.id });
    const ended = await givenAccessToken(isolate, { clientId: client.id });
    await expectRevoked(await revoke(isolate, ended.accessToken, client));
    const { refreshToken } = await givenFamily(isolate, isolate.rooms.refreshTokens, { clientId: client.id });
    const foreign = await givenFamily(isolate);
    for (const text of [
      "x",
      "a.b.c",
      "\0",
      "x".repeat(20_000),
      `${accessToken.slice(0, -40)}${"A".repeat(40)}`,
      ended.accessToken,
      `${refreshToken.slice(0, -1)}-`,
      foreign.refreshToken,
    ])
      expect(await shownTo(isolate, text, client)).toEqual({ active: false });
  });

  test("a refresh token is told of to its own client, until it is rotated or its grant has ended", async () => {
    const isolate = await givenIsolate();
    const [client, other] = [await givenClient(isolate), await givenClient(isolate)];
    const { refreshTokens } = isolate.rooms;
    const { refreshToken, row } = await givenFamily(isolate, refreshTokens, { clientId: client.id });
    expect(await shownTo(isolate, refreshToken, client)).toEqual({
      active: true,
      client_id: client.id,
      scope: "profile",
      iat: Math.floor(isolate.clock.now() / 1000),
      exp: Math.floor(row.idleExpiresAt.getTime() / 1000),
    });
    expect(await shownTo(isolate, refreshToken, other)).toEqual({ active: false });
    const rotated = await refreshTokens.refresh(refreshToken, askedBy(isolate, client.id));
    const next = rotated.ok ? rotated.refreshToken : "";
    expect(await shownTo(isolate, refreshToken, client)).toEqual({ active: false });
    expect(await shownTo(isolate, next, client)).toMatchObject({ active: true });
    await expectRevoked(await revoke(isolate, next, client));
    expect(await shownTo(isolate, next, client)).toEqual({ active: false });
  });

  test("nobody, a wrong secret, a client without one and a key without the scope are told nothing", async () => {
    const isolate = await givenIsolate();
    const { id } = await givenClient(isolate);
    const open = await givenPublicClient(isolate);
    const { accessToken: token } = await givenAccessToken(isolate, { clientId: open.id });
    await expectOauthError(await introspect(isolate, token, {}), 401, "invalid_client");
    await expectOauthError(await introspect(isolate, token, basic(id, "wrong")), 401, "invalid_client");
    const named = await isolate.fetch("/oauth/introspect", form({ token, client_id: open.id }));
    await expectOauthError(named, 401, "invalid_client");
    const { key } = await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] });
    await expectProblem(await introspect(isolate, token, withAdmin(key)), 403, "insufficient_scope");
    await expectProblem(await introspect(isolate, token, withAdmin(token)), 401, "invalid_token");
  });

  test("a resource server asks by its key about everybody's access tokens, and of refresh tokens learns nothing", async () => {
    const isolate = await givenIsolate();
    const { key } = await givenKey(isolate, { scopes: ["gatehouse:tokens:introspect"] });
    const { accessToken, jti } = await givenAccessToken(isolate);
    const { refreshToken } = await givenFamily(isolate);
    for (const headers of [withAdmin(key), { "x-api-key": key }]) {
      const told = await introspect(isolate, accessToken, headers);
      expect(await told.json()).toMatchObject({ active: true, jti });
      expect(await (await introspect(isolate, refreshToken, headers)).json()).toEqual({ active: false });
    }
  });

  test("the signed form is a JWT of its own kind for whoever asked, verified by the published keys (RFC 9701 §5)", async () => {
    const isolate = await givenIsolate();
    const client = await givenClient(isolate);
    const { accessToken, jti } = await givenAccessToken(isolate, { clientId: client.id });
    const accept = { accept: "application/token-introspection+jwt" };
    const answer = await introspect(isolate, accessToken, { ...basic(client.id, client.secret), ...accept });
    expect(answer.headers.get("content-type")).toBe(accept.accept);
    const published = await isolate.fetch("/.well-known/jwks.json");
    const keys = createLocalJWKSet((await published.json()) as JSONWebKeySet);
    const signed = await answer.text();
    const { payload } = await jwtVerify(signed, keys, {
      issuer,
      audience: client.id,
      typ: "token-introspection+jwt",
      currentDate: new Date(isolate.clock.now()),
    });
    expect(payload["token_introspection"]).toMatchObject({ active: true, jti });
    expect(payload.exp).toBeUndefined();
    const route = await givenTokenRoute(isolate);
    expect((await route.call(signed)).status).toBe(401);
  });

  test("a token without a parameter, twice, or by GET is refused as any other request", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    for (const door of ["/oauth/introspect", "/oauth/revoke"]) {
      for (const body of ["", "token=", "token=a&token=a"])
        await expectOauthError(
          await isolate.fetch(door, form(body, basic(id, secret))),
          400,
          "invalid_request",
        );
      const read = await isolate.fetch(door, { headers: basic(id, secret) });
      expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    }
  });
});

describe("IR-01: revocation (RFC 7009 §2.1)", () => {
  test("an access token is refused at every gateway within the bound, and its session goes on", async () => {
    const clock = createClock();
    const [door, edge] = [await givenIsolate({ clock }), await givenIsolate({ clock })];
    const client = await givenClient(door);
    const route = await givenTokenRoute(edge);
    const { accessToken, grant } = await givenAccessToken(door, { clientId: client.id });
    const sibling = await givenAccessToken(door, { ...grant });
    expect((await route.call(accessToken)).status).toBe(200);
    await expectRevoked(await revoke(door, accessToken, client));
    clock.advance(10_001);
    expect((await route.call(accessToken)).status).toBe(401);
    expect((await route.call(sibling.accessToken)).status).toBe(200);
  });

  test("a refresh token ends its grant with all access tokens of it, also an old one of the family", async () => {
    const clock = createClock();
    const [door, edge] = [await givenIsolate({ clock }), await givenIsolate({ clock })];
    const client = await givenPublicClient(door);
    const { refreshTokens } = door.rooms;
    const family = await givenFamily(door, refreshTokens, { clientId: client.id });
    const route = await givenTokenRoute(edge);
    const rotated = await refreshTokens.refresh(family.refreshToken, askedBy(door, client.id));
    const accessToken = rotated.ok ? rotated.accessToken : "";
    expect((await route.call(accessToken)).status).toBe(200);
    const given = form({ token: family.refreshToken, client_id: client.id, token_type_hint: "access_token" });
    await expectRevoked(await door.fetch("/oauth/revoke", given));
    expect((await familyRow(door, family.familyId))?.revokedReason).toBe("by_client");
    clock.advance(10_001);
    expect((await route.call(accessToken)).status).toBe(401);
    await expectRevoked(await door.fetch("/oauth/revoke", given));
  });

  test("an application gives back its grant, and the person's own session and other applications go on", async () => {
    const { isolate, client } = await givenProvider();
    const { tokens, browser } = await givenGrant(isolate, client, { scope: "openid" });
    const sibling = await givenApp(isolate);
    const others = await tokensIn(await redeem(isolate, sibling, await givenCode(browser, sibling)));
    await expectRevoked(await revoke(isolate, tokens.refresh_token ?? "", client));
    expect(await shownTo(isolate, tokens.access_token, client)).toEqual({ active: false });
    expect(await shownTo(isolate, tokens.refresh_token ?? "", client)).toEqual({ active: false });
    expect(await shownTo(isolate, others.access_token, sibling)).toMatchObject({ active: true });
    expect(await shownTo(isolate, others.refresh_token ?? "", sibling)).toMatchObject({ active: true });
    expect((await browser.open("/account")).answer.status).toBe(200);
  });

  test("a client that is deleted takes with it what people agreed to and what it was given", async () => {
    const { isolate, client } = await givenProvider();
    const { tokens, browser, account } = await givenGrant(isolate, client);
    const unused = await givenCode(browser, client);
    expect(unused).toMatch(/^gc_/);
    await isolate.rooms.clients.delete(client.id, clientOperator(isolate));
    const { rows } = await isolate.rooms.database.execute<{ what: string; left: string }>(sql`
      select 'families' as what, count(*) as left from refresh_families
        where client_id = ${client.id} and revoked_at is null
      union all select 'consents', count(*) from consents where client_id = ${client.id}
      union all select 'codes', count(*) from authorization_codes where client_id = ${client.id}`);
    expect(rows.map(({ what, left }) => [what, Number(left)])).toEqual([
      ["families", 0],
      ["consents", 0],
      ["codes", 0],
    ]);
    const route = await givenTokenRoute(isolate);
    expect((await route.call(tokens.access_token)).status).toBe(401);
    expect((await browser.open("/account")).answer.status).toBe(200);
    expect((await isolate.rooms.accounts.get(account.id)).state).toBe("active");
  });

  test("another client's token is answered alike and lives on, and so is what was never a token", async () => {
    const isolate = await givenIsolate();
    const [owner, thief] = [await givenClient(isolate), await givenClient(isolate)];
    const { accessToken } = await givenAccessToken(isolate, { clientId: owner.id });
    const ofPerson = await givenAccessToken(isolate);
    const family = await givenFamily(isolate, isolate.rooms.refreshTokens, { clientId: owner.id });
    for (const text of [accessToken, ofPerson.accessToken, family.refreshToken, "nothing", "gr_x", "\0"])
      await expectRevoked(await revoke(isolate, text, thief));
    expect(await shownTo(isolate, accessToken, owner)).toMatchObject({ active: true });
    expect((await familyRow(isolate, family.familyId))?.revokedAt).toBeNull();
    await expectOauthError(
      await revoke(isolate, accessToken, { ...owner, secret: "wrong" }),
      401,
      "invalid_client",
    );
    expect(await shownTo(isolate, accessToken, owner)).toMatchObject({ active: true });
  });

  test("what is ended is written once, by whom, and a token that is dead already is not written again", async () => {
    const isolate = await givenIsolate();
    const client = await givenClient(isolate);
    const { accessToken, jti } = await givenAccessToken(isolate, { clientId: client.id });
    for (let time = 0; time < 3; time += 1) await expectRevoked(await revoke(isolate, accessToken, client));
    await isolate.settle();
    const events = await isolate.rooms.audit.list({ type: "token.revoked", subjectId: jti, limit: 5 });
    expect(events).toMatchObject([
      { reason: "by_client", actor: { type: "client", id: client.id }, count: 1 },
    ]);
  });

  test("with Postgres away nothing is revoked and the client is told to come again", async () => {
    const isolate = await givenIsolate();
    const client = await givenClient(isolate);
    const { accessToken } = await givenAccessToken(isolate, { clientId: client.id });
    for (let time = 0; time < 2; time += 1) {
      expect(await shownTo(isolate, accessToken, client)).toMatchObject({ active: true });
      await isolate.settle();
    }
    await isolate.postgresFault([{ kind: "refuse" }]);
    const failed = await revoke(isolate, accessToken, client);
    expect(failed.headers.get("retry-after")).toBe("1");
    await expectOauthError(failed, 503, "temporarily_unavailable");
    await isolate.postgresFault([]);
    expect(await shownTo(isolate, accessToken, client)).toMatchObject({ active: true });
    await expectRevoked(await revoke(isolate, accessToken, client));
    expect(await shownTo(isolate, accessToken, client)).toEqual({ active: false });
  });
});
