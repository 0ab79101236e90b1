import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate, issuer, unique } from "../support/given.ts";
import { basic, clientOperator, form, givenClient, givenKeyClient } from "../support/given-clients.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import { asOperator, givenPerson } from "../support/given-people.ts";
import { givenAccessToken, operatorOf } from "../support/given-tokens.ts";
import { expectOauthError, expectTokens } from "../support/oauth-answers.ts";

const exchanging = "urn:ietf:params:oauth:grant-type:token-exchange" as const;
const bearing = "urn:ietf:params:oauth:grant-type:jwt-bearer" as const;
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
const [orders, stock] = ["https://orders.example", "https://stock.example"];

const token = (
  isolate: Isolate,
  { id, secret }: { id: string; secret: string },
  fields: Record<string, string>,
) => isolate.fetch("/oauth/token", form(fields, basic(id, secret)));

describe("token exchange (RFC 8693 §2)", () => {
  /** A service of orders, handed a person's token, that needs one for the stock. */
  async function givenService(isolate: Isolate) {
    const service = await givenClient(isolate, {
      grantTypes: [exchanging],
      scopes: ["stock.read", "orders.read"],
      resources: [orders, stock],
    });
    const handed = await givenAccessToken(isolate, {
      clientId: unique("app"),
      audience: orders,
      scopes: ["orders.read", "stock.read", "stock.write"],
    });
    const exchange = (fields: Record<string, string> = {}, by = service) =>
      token(isolate, by, {
        grant_type: exchanging,
        subject_token: handed.accessToken,
        subject_token_type: accessTokenType,
        ...fields,
      });
    return { service, handed, exchange };
  }

  test("a service gets a token of its own in the person's name, no wider, no longer, that says who acts (RFC 8693 §2.2.1, RFC 8693 §4.1)", async () => {
    const isolate = await givenIsolate();
    const { service, handed, exchange } = await givenService(isolate);
    const made = decodeJwt(handed.accessToken);
    isolate.clock.advance(300_000);
    const answer = await expectTokens(await exchange({ resource: stock }));
    expect(answer).toMatchObject({
      issued_token_type: accessTokenType,
      scope: "orders.read stock.read",
      expires_in: 300,
    });
    expect(Object.keys(answer)).not.toContain("refresh_token");
    expect(decodeJwt(answer.access_token)).toEqual({
      iss: issuer,
      sub: handed.grant.subject,
      client_id: service.id,
      aud: stock,
      iat: made.iat,
      exp: made.exp,
      jti: expect.not.stringMatching(String(made.jti)),
      sid: handed.grant.sessionId,
      auth_time: made["auth_time"],
      acr: "one-factor",
      scope: "orders.read stock.read",
      act: { sub: service.id },
    });
    const narrower = await expectTokens(await exchange({ audience: stock, scope: "stock.read" }));
    expect(narrower).toMatchObject({ scope: "stock.read" });
    expect(decodeJwt((await expectTokens(await exchange())).access_token).aud).toBe(orders);
    await isolate.settle();
    const events = await isolate.rooms.audit.list({
      type: "token.issued",
      subjectId: handed.grant.subject,
      limit: 5,
    });
    expect(events).toHaveLength(3);
    expect(events[0]).toMatchObject({ actor: { type: "client", id: service.id } });
  });

  test("who acted before is kept behind who acts now, for five of them and no more", async () => {
    const isolate = await givenIsolate();
    const { service, exchange } = await givenService(isolate);
    let { access_token: last } = await expectTokens(await exchange({ resource: stock }));
    for (let depth = 2; depth <= 5; depth += 1)
      ({ access_token: last } = await expectTokens(await exchange({ subject_token: last })));
    const sub = service.id;
    const act = { sub, act: { sub, act: { sub, act: { sub, act: { sub } } } } };
    expect(decodeJwt(last)["act"]).toEqual(act);
    const shown = await isolate.fetch(
      "/oauth/introspect",
      form({ token: last }, basic(service.id, service.secret)),
    );
    expect(await shown.json()).toMatchObject({ active: true, act });
    await expectOauthError(await exchange({ subject_token: last }), 400, "invalid_request");
  });

  test("an actor token must be the service's own and lives on as the limit of what is made", async () => {
    const isolate = await givenIsolate();
    const { service, exchange } = await givenService(isolate);
    const actor = await givenAccessToken(isolate, {
      clientId: service.id,
      subject: unique("usr"),
      endsAt: new Date(isolate.clock.now() + 60_000),
    });
    const shown = { actor_token: actor.accessToken, actor_token_type: accessTokenType };
    const answer = await expectTokens(await exchange(shown));
    expect(answer).toMatchObject({ expires_in: 60 });
    expect(decodeJwt(answer.access_token)["act"]).toEqual({ sub: actor.grant.subject });
    const foreign = await givenAccessToken(isolate, { clientId: unique("app") });
    for (const wrong of [
      { ...shown, actor_token: foreign.accessToken },
      { ...shown, actor_token: "x" },
      { actor_token: actor.accessToken },
    ])
      await expectOauthError(await exchange(wrong), 400, "invalid_request");
  });

  test("nothing wider, nowhere else, of no other type (RFC 8693 §3)", async () => {
    const isolate = await givenIsolate();
    const { exchange } = await givenService(isolate);
    for (const scope of ["stock.write", "orders.write", "stock.read orders.write", "openid"])
      await expectOauthError(await exchange({ scope }), 400, "invalid_scope");
    const route = await givenTokenRoute(isolate);
    for (const resource of [issuer, "https://other.example", `${issuer}${route.url}`, `${stock}/`])
      await expectOauthError(await exchange({ resource }), 400, "invalid_target");
    await expectOauthError(await exchange({ resource: stock, audience: orders }), 400, "invalid_target");
    for (const wrong of [
      { subject_token: "" },
      { subject_token_type: "" },
      { subject_token_type: "urn:ietf:params:oauth:token-type:id_token" },
      { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" },
    ])
      await expectOauthError(await exchange(wrong), 400, "invalid_request");
  });

  test("a token that was not handed to the service, is over, or is a machine's own is worth nothing (RFC 8693 §2.2.2)", async () => {
    const isolate = await givenIsolate();
    const { service, handed, exchange } = await givenService(isolate);
    const elsewhere = await givenAccessToken(isolate, {
      clientId: unique("app"),
      audience: "https://other.example",
    });
    const machine = await givenAccessToken(isolate, {
      clientId: service.id,
      subject: service.id,
      audience: orders,
    });
    const stranger = await givenClient(isolate, { grantTypes: [exchanging] });
    for (const subject_token of [elsewhere.accessToken, machine.accessToken, `${handed.accessToken}x`, "x"])
      await expectOauthError(await exchange({ subject_token }), 400, "invalid_request");
    await expectOauthError(await exchange({}, stranger), 400, "invalid_request");
    await isolate.rooms.refreshTokens.revokeToken(handed.jti, null, operatorOf(isolate));
    await expectOauthError(await exchange(), 400, "invalid_request");
  });

  test("what ends the person's tokens of before ends what was made of them, also when it was made afterwards elsewhere", async () => {
    const clock = createClock();
    const [office, edge] = [await givenIsolate({ clock }), await givenIsolate({ clock })];
    const { account } = await givenPerson(office);
    const service = await givenClient(office, { grantTypes: [exchanging], resources: [orders], scopes: [] });
    const handed = await givenAccessToken(edge, {
      subject: account.id,
      clientId: service.id,
      audience: orders,
    });
    const route = await givenTokenRoute(edge, { audiences: [orders] });
    const exchange = () =>
      token(edge, service, {
        grant_type: exchanging,
        subject_token: handed.accessToken,
        subject_token_type: accessTokenType,
      });
    for (let time = 0; time < 2; time += 1) {
      expect((await route.call((await expectTokens(await exchange())).access_token)).status).toBe(200);
      await edge.settle();
    }
    clock.advance(2000);
    await office.rooms.accounts.disable(account.id, asOperator(office));
    clock.advance(2000);
    // The edge has not heard of it yet.
    const { access_token: late } = await expectTokens(await exchange());
    clock.advance(10_000);
    expect((await route.call(late)).status).toBe(401);
    await expectOauthError(await exchange(), 400, "invalid_request");
  });
});

describe("JWT bearer (RFC 7523 §2.1)", () => {
  const jwtClient = (isolate: Isolate) =>
    givenKeyClient(isolate, {
      grantTypes: [bearing, "client_credentials"],
      firstParty: true,
      authenticationMethod: "client_secret_basic",
      scopes: ["orders.read", "orders.write", "openid"],
    });

  test("an application of the house vouches for a person, once for each assertion, with the scopes that both have", async () => {
    const isolate = await givenIsolate();
    const client = await jwtClient(isolate);
    const { account } = await givenPerson(isolate);
    await isolate.rooms.accounts.setScopes(account.id, ["orders.read"], asOperator(isolate));
    const assertion = await client.assertion({ sub: account.id });
    const ask = (fields: Record<string, string> = {}) =>
      token(isolate, client, { grant_type: bearing, assertion, ...fields });
    const answer = await expectTokens(await ask());
    expect(Object.keys(answer).sort()).toEqual(["access_token", "expires_in", "scope", "token_type"]);
    expect(decodeJwt(answer.access_token)).toMatchObject({
      sub: account.id,
      client_id: client.id,
      aud: issuer,
      scope: "orders.read",
    });
    expect(Object.keys(decodeJwt(answer.access_token))).not.toEqual(expect.arrayContaining(["acr"]));
    await expectOauthError(await ask(), 400, "invalid_grant");
    const wider = await client.assertion({ sub: account.id });
    await expectOauthError(await ask({ assertion: wider, scope: "orders.write" }), 400, "invalid_scope");
    await isolate.settle();
    const about = { subjectId: account.id, limit: 5 };
    expect(await isolate.rooms.audit.list({ type: "token.issued", ...about })).toMatchObject([
      { actor: { type: "client", id: client.id } },
    ]);
  });

  test("no other key, issuer, person or purpose will do, and audit is told", async () => {
    const isolate = await givenIsolate();
    const [client, other] = [await jwtClient(isolate), await jwtClient(isolate)];
    const { account } = await givenPerson(isolate);
    const disabled = await givenPerson(isolate);
    await isolate.rooms.accounts.disable(disabled.account.id, asOperator(isolate));
    const now = Math.floor(isolate.clock.now() / 1000);
    const sub = account.id;
    const wrong = [
      await other.assertion({ sub }),
      await other.assertion({ sub, iss: client.id }),
      await client.assertion({ sub: client.id }),
      await client.assertion({ sub: "first-party" }),
      await client.assertion({ sub: `usr_${"0".repeat(22)}` }),
      await client.assertion({ sub: disabled.account.id }),
      await client.assertion({ sub, aud: "https://other.example" }),
      await client.assertion({ sub, exp: now - 1 }),
      await client.assertion({ sub, exp: now + 3600 }),
      await client.assertion({ sub, jti: "" }),
      "x",
    ];
    for (const assertion of wrong)
      await expectOauthError(
        await token(isolate, client, { grant_type: bearing, assertion }),
        400,
        "invalid_grant",
      );
    await expectOauthError(await token(isolate, client, { grant_type: bearing }), 400, "invalid_request");
    await isolate.settle();
    const events = await isolate.rooms.audit.list({ type: "token.refused", subjectId: client.id, limit: 50 });
    expect(events.map(({ reason }) => reason)).toEqual(expect.arrayContaining(["bad_assertion"]));
  });

  test("a client that is no longer first-party cannot be kept so, and one that never was cannot be registered", async () => {
    const isolate = await givenIsolate();
    const client = await jwtClient(isolate);
    const update = isolate.rooms.clients.update(client.id, { firstParty: false }, clientOperator(isolate));
    await expect(update).rejects.toMatchObject({ code: "invalid_client_metadata" });
    await expect(givenClient(isolate, { grantTypes: [bearing], firstParty: true })).rejects.toMatchObject({
      code: "invalid_client_metadata",
      detail: "jwks: jwt-bearer needs public keys",
    });
  });
});
