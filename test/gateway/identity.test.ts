import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { expect, inject, test } from "vitest";
import { type Echo, echoOf } from "../support/echo.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, issuer, unique } from "../support/given.ts";

const identityHeaders = [
  "x-user-id",
  "x-user-scopes",
  "x-client-id",
  "x-session-id",
  "x-auth-method",
  "x-auth-level",
];
const said = (echo: Echo) =>
  Object.fromEntries(
    identityHeaders.flatMap((name) => (name in echo.headers ? [[name, echo.headers[name]]] : [])),
  );

/** As an upstream would verify: the published keys, our issuer, its own origin, this very method and URL. */
async function verified(
  isolate: Isolate,
  token: string,
  call: { method: string; url: string; audience?: string; at?: number },
): Promise<JWTPayload> {
  const keys = (await (await isolate.fetch("/.well-known/jwks.json")).json()) as JSONWebKeySet;
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
    issuer,
    audience: call.audience ?? inject("stores").upstream,
    typ: "gatehouse-identity+jwt",
    algorithms: ["ES256"],
    requiredClaims: ["exp", "iat", "htm", "htu"],
    currentDate: new Date(call.at ?? isolate.clock.now()),
  });
  if (payload["htm"] !== call.method || payload["htu"] !== call.url)
    throw new Error("another call's identity");
  return payload;
}

test.each(["user", "organization", "service"] as const)(
  "a key of a %s sets its identity headers and leaves the others absent; the JWT tells the owner's type",
  async (type) => {
    const isolate = await givenIsolate();
    const owner = { type, id: unique("owner") };
    const { key, id } = await givenKey(isolate, { owner, scopes: ["a", "b:c"], environment: "test" });
    const route = await givenRoute(isolate);
    const echo = await echoOf(await isolate.fetch(route.url, { headers: { "x-api-key": key } }));
    expect(said(echo)).toEqual({
      "x-user-id": owner.id,
      "x-user-scopes": "a,b:c",
      "x-client-id": id,
      "x-auth-method": "api-key",
    });
    expect(decodeJwt(echo.headers["x-gatehouse-identity"] ?? "")).toMatchObject({
      sub: owner.id,
      sub_type: type,
      client_id: id,
      environment: "test",
      scope: "a b:c",
      auth_method: "api-key",
    });
  },
);

test("a key without scopes leaves x-user-scopes absent, whatever the client sent", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const headers = { "x-api-key": key, "x-user-scopes": "admin" };
  const echo = await echoOf(await isolate.fetch(route.url, { headers }));
  expect(Object.keys(said(echo)).sort()).toEqual(["x-auth-method", "x-client-id", "x-user-id"]);
  expect(decodeJwt(echo.headers["x-gatehouse-identity"] ?? "")).not.toHaveProperty("scope");
});

test("a public call without a key says public, and no user, client or scope", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { credentials: ["public"] });
  const headers = { "x-user-id": "root", "x-client-id": "key_root", "x-user-scopes": "admin" };
  const echo = await echoOf(await isolate.fetch(route.url, { headers }));
  expect(said(echo)).toEqual({ "x-auth-method": "public" });
  const claims = decodeJwt(echo.headers["x-gatehouse-identity"] ?? "");
  expect(claims).toMatchObject({ sub: "anonymous", sub_type: "anonymous", auth_method: "public" });
  expect(Object.keys(claims)).not.toContain("client_id");
});

test("the identity JWT verifies against the published keys for this upstream, method and URL (RFC 9449 §4.2), for 60 seconds at most", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const answer = await isolate.fetch(`${route.url}/orders/7?secret=`, {
    method: "POST",
    headers: { "x-api-key": key },
    body: "{}",
  });
  const token = (await echoOf(answer)).headers["x-gatehouse-identity"] ?? "";
  const { upstream } = inject("stores");
  const call = { method: "POST", url: `${upstream}/echo/orders/7` };

  const claims = await verified(isolate, token, call);
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(60);
  expect(Math.abs((claims.iat ?? 0) * 1000 - isolate.clock.now())).toBeLessThan(2000);

  const after = isolate.clock.now() + 61_000;
  await expect(verified(isolate, token, { ...call, at: after })).rejects.toMatchObject({
    code: "ERR_JWT_EXPIRED",
  });
  await expect(verified(isolate, token, { ...call, audience: "https://other.test" })).rejects.toMatchObject({
    code: "ERR_JWT_CLAIM_VALIDATION_FAILED",
    claim: "aud",
  });
  await expect(verified(isolate, token, { ...call, method: "DELETE" })).rejects.toThrow("another call's");
  await expect(verified(isolate, token, { ...call, url: `${upstream}/echo/orders/8` })).rejects.toThrow(
    "another call's",
  );
});

test("a changed identity JWT, or one under another key's id, does not verify", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate, { credentials: ["public"] });
  const echo = await echoOf(await isolate.fetch(route.url));
  const token = echo.headers["x-gatehouse-identity"] ?? "";
  const call = { method: "GET", url: `${inject("stores").upstream}/echo` };
  const [header = "", payload = "", signature = ""] = token.split(".");
  const forged = btoa(atob(payload).replace("anonymous", "root")).replace(/=+$/, "");
  expect(await verified(isolate, token, call)).toMatchObject({ sub: "anonymous" });
  await expect(verified(isolate, `${header}.${forged}.${signature}`, call)).rejects.toMatchObject({
    code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  });
  const otherKid = btoa(atob(header).replace(/"kid":"[^"]+"/, '"kid":"other"')).replace(/=+$/, "");
  await expect(verified(isolate, `${otherKid}.${payload}.${signature}`, call)).rejects.toMatchObject({
    code: "ERR_JWKS_NO_MATCHING_KEY",
  });
});
