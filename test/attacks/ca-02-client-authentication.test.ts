import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { givenIsolate, type Isolate, issuer, unique } from "../support/given.ts";
import {
  assertedBy,
  basic,
  form,
  givenClient,
  givenKeyClient,
  givenPublicClient,
} from "../support/given-clients.ts";
import { expectOauthError, expectTokens } from "../support/oauth-answers.ts";

const grant = { grant_type: "client_credentials" };
const token = (isolate: Isolate, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  isolate.fetch("/oauth/token", form({ ...grant, ...fields }, headers));

async function reasonsOf(isolate: Isolate, clientId?: string): Promise<(string | null)[]> {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "client.refused", limit: 10_000 });
  return events
    .filter(
      ({ subject, origin }) => origin.address === isolate.address && (!clientId || subject?.id === clientId),
    )
    .map(({ reason }) => reason);
}

describe("CA-02: secrets by Basic (RFC 6749 §2.3.1)", () => {
  const broken: [what: string, header: (id: string, secret: string) => string][] = [
    ["a wrong secret", (id) => `Basic ${btoa(`${id}:wrong`)}`],
    ["an empty secret", (id) => `Basic ${btoa(`${id}:`)}`],
    ["the secret of nobody", (_, secret) => `Basic ${btoa(`cli_${"0".repeat(22)}:${secret}`)}`],
    ["malformed base64", () => "Basic %%%"],
    ["no credentials", () => "Basic"],
    ["no colon", (id, secret) => `Basic ${btoa(`${id}${secret}`)}`],
    ["bytes that are no UTF-8", (id) => `Basic ${btoa(`${id}:\xff\xfe`)}`],
    ["a broken escape", (id) => `Basic ${btoa(`${id}:%zz`)}`],
    ["a NUL for an id", (_, secret) => `Basic ${btoa(`%00:${secret}`)}`],
    ["another scheme", (_, secret) => `Bearer ${secret}`],
    ["two schemes", (id, secret) => `Basic ${btoa(`${id}:${secret}`)}, Basic ${btoa(`${id}:${secret}`)}`],
  ];
  test.each(broken)("%s is 401 with the scheme that is taken, never a 500", async (_, header) => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const refused = await token(isolate, {}, { authorization: header(id, secret) });
    expect(refused.headers.get("www-authenticate")).toBe('Basic realm="gatehouse"');
    await expectOauthError(refused, 401, "invalid_client");
    expect(await reasonsOf(isolate)).toHaveLength(1);
  });

  test("encoded credentials are decoded as forms are, and both secrets of a rotation are taken", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const escaped = [...`${id}`].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("");
    await expectTokens(await token(isolate, {}, { authorization: `Basic ${btoa(`${escaped}:${secret}`)}` }));
    await expectTokens(await token(isolate, {}, { authorization: `bAsIc  ${btoa(`${id}:${secret}`)}` }));
    const { secret: next } = await isolate.rooms.clients.rotateSecret(id, 60, {
      actor: { type: "operator", id: "given" },
      origin: { requestId: "given", address: "192.0.2.1", country: null },
      background: isolate.background,
    });
    for (const one of [secret, next ?? ""]) await expectTokens(await token(isolate, {}, basic(id, one)));
    isolate.clock.advance(60_001);
    await expectOauthError(await token(isolate, {}, basic(id, secret)), 401, "invalid_client");
    await expectTokens(await token(isolate, {}, basic(id, next ?? "")));
  });

  test("a secret in the body gets no challenge for a header that was not sent", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate, { authenticationMethod: "client_secret_post" });
    await expectTokens(await token(isolate, { client_id: id, client_secret: secret }));
    const refused = await token(isolate, { client_id: id, client_secret: "wrong" });
    expect(refused.headers.get("www-authenticate")).toBeNull();
    await expectOauthError(refused, 401, "invalid_client");
    expect(await reasonsOf(isolate, id)).toEqual(["wrong_secret"]);
  });
});

describe("CA-03: another method than the registered one (RFC 6749 §2.3)", () => {
  test("no method stands in for another", async () => {
    const isolate = await givenIsolate();
    const byBasic = await givenClient(isolate);
    const byPost = await givenClient(isolate, { authenticationMethod: "client_secret_post" });
    const byKey = await givenKeyClient(isolate);
    const open = await givenPublicClient(isolate);
    const inBody = ({ id, secret }: { id: string; secret: string }) => ({
      client_id: id,
      client_secret: secret,
    });
    const wrongly: [string, Record<string, string>, Record<string, string>][] = [
      [byBasic.id, inBody(byBasic), {}],
      [byPost.id, {}, basic(byPost.id, byPost.secret)],
      [byKey.id, { client_id: byKey.id, client_secret: "x" }, {}],
      [byKey.id, { client_id: byKey.id }, {}],
      [byBasic.id, { client_id: byBasic.id }, {}],
      [open.id, { client_id: open.id, client_secret: "x" }, {}],
      [open.id, {}, basic(open.id, "")],
    ];
    for (const [id, fields, headers] of wrongly) {
      await expectOauthError(await token(isolate, fields, headers), 401, "invalid_client");
      expect(new Set(await reasonsOf(isolate, id))).toEqual(new Set(["wrong_method"]));
    }
  });

  test("two ways at once are a malformed request, whichever is right", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    const { assertion } = await givenKeyClient(isolate);
    const inBody = { client_id: id, client_secret: secret };
    const signed = assertedBy(await assertion());
    for (const [fields, headers] of [
      [inBody, basic(id, secret)],
      [signed, basic(id, secret)],
      [{ ...inBody, ...signed }, {}],
    ] as const)
      await expectOauthError(await token(isolate, fields, headers), 400, "invalid_request");
  });

  test("TK-13: a client without a secret gets no token in its own name, and nothing at all gets none", async () => {
    const isolate = await givenIsolate();
    const { id } = await givenPublicClient(isolate);
    await expectOauthError(await token(isolate, { client_id: id }), 400, "unauthorized_client");
    // RFC 6749 §3.2.1
    await expectOauthError(await token(isolate, {}), 401, "invalid_client");
  });
});

describe("CA-05, CA-06: assertions", () => {
  const now = (isolate: Isolate) => Math.floor(isolate.clock.now() / 1000);
  const wrong: [what: string, reason: string, claims: (isolate: Isolate) => Record<string, unknown>][] = [
    ["for another server", "wrong_audience", () => ({ aud: "https://other.example" })],
    ["for several servers", "wrong_audience", () => ({ aud: [issuer, "https://other.example"] })],
    ["for a list", "wrong_audience", () => ({ aud: [issuer] })],
    ["for the pushed request endpoint", "wrong_audience", () => ({ aud: `${issuer}/oauth/par` })],
    ["for the issuer with a slash", "wrong_audience", () => ({ aud: `${issuer}/` })],
    ["for nobody", "wrong_audience", () => ({ aud: undefined })],
    ["without a subject", "malformed", () => ({ sub: undefined })],
    ["by another issuer", "malformed", () => ({ iss: "cli_other" })],
    ["without an end", "malformed", () => ({ exp: undefined })],
    ["without a name of its own", "malformed", () => ({ jti: undefined })],
    ["with a name too long to keep", "malformed", () => ({ jti: "x".repeat(257) })],
    ["five minutes past its end", "expired", (isolate) => ({ exp: now(isolate) - 300 })],
    ["at its very end", "expired", (isolate) => ({ exp: now(isolate) })],
    ["of an hour", "not_yet_valid", (isolate) => ({ exp: now(isolate) + 3600 })],
    ["made in the future", "not_yet_valid", (isolate) => ({ iat: now(isolate) + 62 })],
    ["of the future", "not_yet_valid", (isolate) => ({ nbf: now(isolate) + 62 })],
  ];
  test.each(wrong)("one %s is refused (%s)", async (_, reason, claims) => {
    const isolate = await givenIsolate();
    const { assertion } = await givenKeyClient(isolate);
    const refused = await token(isolate, assertedBy(await assertion(claims(isolate))));
    await expectOauthError(refused, 401, "invalid_client");
    expect(await reasonsOf(isolate)).toEqual([reason]);
  });

  test("one whose clock is 8 seconds ahead passes, and so does a client that names itself too", async () => {
    const isolate = await givenIsolate();
    const { id, assertion } = await givenKeyClient(isolate);
    const ahead = await assertion({ nbf: now(isolate) + 8, iat: now(isolate) + 8 });
    await expectTokens(await token(isolate, { ...assertedBy(ahead), client_id: id }));
  });

  test("a forged, unsigned or foreign signature is none, and burns no honest assertion's name", async () => {
    const isolate = await givenIsolate();
    const { id, assertion } = await givenKeyClient(isolate);
    const other = await givenKeyClient(isolate);
    const { privateKey } = await generateKeyPair("ES256");
    const jti = unique("jti");
    const claims = { iss: id, sub: id, aud: issuer, jti, exp: now(isolate) + 60 };
    const encoded = (value: unknown) =>
      btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "one" })
      .sign(
        new TextEncoder().encode(
          JSON.stringify(await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey)),
        ),
      );
    const forged = [
      await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "one" }).sign(privateKey),
      await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "two" }).sign(privateKey),
      await other.assertion({ iss: id, sub: id, jti }),
      hmac,
      `${encoded({ alg: "none" })}.${encoded(claims)}.`,
      `${encoded({ alg: "ES256", kid: "one" })}.${encoded(claims)}.`,
      "a.b.c",
      "",
      "x".repeat(9000),
    ];
    for (const one of forged)
      await expectOauthError(await token(isolate, assertedBy(one)), 401, "invalid_client");
    await expectOauthError(
      await token(isolate, { ...assertedBy(await assertion()), client_assertion_type: "jwt" }),
      401,
      "invalid_client",
    );
    await expectTokens(await token(isolate, assertedBy(await assertion({ jti }))));
    await expectOauthError(await token(isolate, assertedBy(await assertion({ jti }))), 401, "invalid_client");
    expect(await reasonsOf(isolate, id)).toEqual(expect.arrayContaining(["replayed", "bad_signature"]));
  });

  test("JW-07: an access token of the client is no assertion, and an assertion no access token", async () => {
    const isolate = await givenIsolate();
    const { assertion } = await givenKeyClient(isolate);
    const { access_token: mine } = await expectTokens(await token(isolate, assertedBy(await assertion())));
    await expectOauthError(await token(isolate, assertedBy(mine)), 401, "invalid_client");
    const refused = await isolate.fetch("/auth/sessions", {
      headers: { authorization: `Bearer ${await assertion()}` },
    });
    expect(refused.status).toBe(401);
  });
});

describe("CA-08: another client's id in the body", () => {
  test("is a malformed request, however well the client authenticates", async () => {
    const isolate = await givenIsolate();
    const one = await givenClient(isolate);
    const other = await givenKeyClient(isolate);
    await expectOauthError(
      await token(isolate, { client_id: other.id }, basic(one.id, one.secret)),
      400,
      "invalid_request",
    );
    await expectOauthError(
      await token(isolate, { ...assertedBy(await other.assertion()), client_id: one.id }),
      400,
      "invalid_request",
    );
  });
});

describe("CA-09: guessing", () => {
  test("a thousand wrong secrets from many networks are answered 429, and the client itself and others go on", async () => {
    // What is counted together waits, or each network's refusal would be a write of its own.
    const forever = new Promise<void>(() => undefined);
    const isolate = await givenIsolate({ waitForRefusals: () => forever });
    const { id, secret } = await givenClient(isolate);
    const other = await givenClient(isolate);
    const guess = (at: number) =>
      token(
        isolate,
        {},
        { ...basic(id, `guess-${at}`), "cf-connecting-ip": `2001:db8:ca09:${at.toString(16)}::1` },
      );
    const statuses: number[] = [];
    for (let batch = 0; batch < 20; batch += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => guess(batch * 50 + at)));
      statuses.push(...answers.map(({ status }) => status));
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(300);
    expect(statuses.filter((status) => status === 429)).toHaveLength(700);
    const braked = await guess(1);
    expect(Number(braked.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectOauthError(braked, 429, "rate_limited");
    await expectTokens(await token(isolate, {}, basic(id, secret)));
    await expectTokens(await token(isolate, {}, basic(other.id, other.secret)));
  });

  test("ids that nobody has cost one network no look-up past its limit, while clients in memory go on", async () => {
    const isolate = await givenIsolate();
    const { id, secret } = await givenClient(isolate);
    for (let time = 0; time < 2; time += 1) {
      await expectTokens(await token(isolate, {}, basic(id, secret)));
      await isolate.settle();
    }
    const guess = () => token(isolate, {}, basic(`cli_${unique("nobody")}`, "x"));
    for (let batch = 0; batch < 6; batch += 1) await Promise.all(Array.from({ length: 50 }, guess));
    await isolate.settle();
    await isolate.forgetCalls();
    await expectOauthError(await guess(), 429, "rate_limited");
    expect((await isolate.calls()).postgres).toBe(0);
    await expectTokens(await token(isolate, {}, basic(id, secret)));
  });
});
