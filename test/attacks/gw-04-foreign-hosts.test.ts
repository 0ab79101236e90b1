import { decodeJwt } from "jose";
import { expect, inject, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  issuer,
  json,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const evil = "evil.example";
/** Everything by which a request can claim to have been sent to somebody else. */
const claims: Record<string, string> = {
  "x-forwarded-host": evil,
  "x-forwarded-proto": "http",
  "x-forwarded-port": "1",
  "x-forwarded-prefix": `/${evil}`,
  "x-forwarded-server": evil,
  "x-original-host": evil,
  "x-host": evil,
  "x-original-url": `https://${evil}/`,
  "x-rewrite-url": `https://${evil}/`,
  forwarded: `host=${evil};proto=http;for=${evil}`,
  "cf-visitor": '{"scheme":"http"}',
};

/** Status, headers without the request's id, and body. */
async function whole(answer: Response) {
  const headers = [...answer.headers].filter(([name]) => name !== "x-request-id");
  return { status: answer.status, headers, body: await answer.text() };
}

test("GW-04: no Host and no claim of a proxy changes a byte of the key set or of the API's description (RFC 8414 §3.3)", async () => {
  const isolate = await givenIsolate();
  await isolate.rooms.signingKeys.ensure(isolate.background);
  for (const path of ["/.well-known/jwks.json", "/admin/v1/openapi.json"]) {
    const honest = await whole(await isolate.fetch(path));
    expect(honest.status).toBe(200);
    for (const origin of [issuer, `https://${evil}`, `${issuer}.`, `${issuer}:8443`, "http://localhost:1"]) {
      const changed = await whole(await isolate.fetch(`${origin}${path}`, { headers: claims }));
      expect([origin, changed]).toEqual([origin, honest]);
    }
  }
  const document = (await (await isolate.fetch(`https://${evil}/admin/v1/openapi.json`)).json()) as {
    servers: unknown;
  };
  expect(document.servers).toEqual([{ url: issuer }]);
});

test("GW-04: a claim of TLS does not open plain HTTP, and the way to HTTPS leads to the host that was asked, not to the claimed one", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const secure = { ...claims, "x-forwarded-proto": "https", "cf-visitor": '{"scheme":"https"}' };
  const refused = await isolate.fetch(`http://auth.gatehouse.test${route.url}`, {
    headers: { ...secure, "x-api-key": key },
  });
  await expectProblem(refused, 403, "https_required");
  const moved = await isolate.fetch("http://auth.gatehouse.test/health/live", { headers: secure });
  expect([moved.status, moved.headers.get("location")]).toEqual([308, `${issuer}/health/live`]);
  const loopback = await isolate.fetch(`http://${evil}${route.url}`, {
    headers: { ...secure, host: "localhost", "x-api-key": key },
  });
  await expectProblem(loopback, 403, "https_required");
});

/** What an upstream is told of one call at this origin. */
async function told(isolate: Isolate, origin: string, url: string, key: string) {
  const answer = await isolate.fetch(`${origin}${url}/orders`, { headers: { ...claims, "x-api-key": key } });
  expect([origin, answer.status]).toEqual([origin, 200]);
  return echoOf(answer);
}

test("GW-04: an upstream is never told a host that is not ours, so nothing it builds of it leads elsewhere", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const upstream = new URL(inject("stores").upstream);
  for (const origin of [issuer, `https://${evil}`, `https://${evil}:8443`, `${issuer}.`]) {
    const echo = await told(isolate, origin, route.url, key);
    expect(JSON.stringify(echo.raw)).not.toContain(evil);
    expect(echo.headers).toMatchObject({
      host: upstream.host,
      "x-forwarded-host": "auth.gatehouse.test",
      "x-forwarded-proto": "https",
    });
    // RFC 9449 §4.2: `htu` is the upstream's own URL.
    expect(decodeJwt(echo.headers["x-gatehouse-identity"] ?? "")).toMatchObject({
      iss: issuer,
      aud: upstream.origin,
      htu: `${upstream.origin}/echo/orders`,
    });
  }
});

test("GW-04: a claimed host never moves a call from one policy to another: host routes go by the URL alone", async () => {
  const isolate = await givenIsolate();
  const host = `h${crypto.randomUUID().slice(0, 8)}.example.test`;
  await givenRoute(isolate, { host, path: "/", credentials: ["public"] });
  const guarded = await givenRoute(isolate);
  const headers = { ...claims, "x-forwarded-host": host, "x-original-host": host, host };
  await expectProblem(await isolate.fetch(guarded.url, { headers }), 401, "Missing API Key");
  const admin = await isolate.fetch("/admin/v1/keys", { headers });
  await expectProblem(admin, 401, "Missing API Key");
  // And the other way round: under a route's host nothing of ours answers, whatever is claimed.
  const ours = { ...claims, "x-forwarded-host": "auth.gatehouse.test", host: "auth.gatehouse.test" };
  const echo = await echoOf(await isolate.fetch(`https://${host}/admin/v1/keys`, { headers: ours }));
  expect(echo).toMatchObject({ url: "/echo/admin/v1/keys", headers: { "x-forwarded-host": host } });
});

test("GW-04: routes cannot take the issuer's host, and no two spellings of a host are two routes", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const make = (name: string, host: string) =>
    isolate.fetch(
      "/admin/v1/routes",
      json(
        {
          name,
          match: { host, path: "/" },
          upstream: { url: "https://upstream.example" },
          credentials: ["public"],
        },
        withAdmin(admin),
      ),
    );
  const word = `s${crypto.randomUUID().slice(0, 8)}`;
  for (const [index, host] of ["auth.gatehouse.test", "AUTH.gatehouse.TEST"].entries()) {
    await expectProblem(await make(`${word}-${index}`, host), 400, "invalid_request");
  }
  for (const host of [
    "auth.gatehouse.test.",
    "auth。gatehouse.test",
    "auth.gatehouse.test:443",
    "*.gatehouse.test",
    "192.0.2.1",
    "[::1]",
    "localhost",
    "аuth.gatehouse.test",
    "a\u200buth.gatehouse.test",
    "a%75th.gatehouse.test",
  ]) {
    await expectProblem(await make(`${word}-x`, host), 400, "invalid_request");
  }
  const first = await make(`${word}-a`, `${word}.example.test`);
  expect(first.status).toBe(201);
  await expectProblem(await make(`${word}-b`, `${word.toUpperCase()}.Example.TEST`), 409, "conflict");
});

/** As Traefik and Caddy say it. */
const forwarded = (host: string, uri: string, more: Record<string, string> = {}) => ({
  "x-forwarded-method": "GET",
  "x-forwarded-host": host,
  "x-forwarded-uri": uri,
  ...more,
});

test("GW-04: nobody can have an identity made for an upstream by naming it as the forwarded host", async () => {
  const isolate = await givenIsolate();
  const upstream = new URL(inject("stores").upstream);
  const guarded = await givenRoute(isolate, { scopes: ["admin"], limits: [] });
  const open = await givenRoute(isolate);
  const { key } = await givenKey(isolate);
  await expectProblem(
    await isolate.fetch(guarded.url, { headers: { "x-api-key": key } }),
    403,
    "insufficient_scope",
  );
  for (const path of ["/v1/authenticate", `/v1/authenticate?route=${open.name}`]) {
    const answer = await isolate.fetch(path, {
      headers: forwarded(upstream.host, "/echo/admin", { "x-api-key": key }),
    });
    expect(answer.status).toBe(200);
    // The gateway's own tokens for that upstream have its origin as audience: these two must never be the same.
    const claimed = decodeJwt(answer.headers.get("x-gatehouse-identity") ?? "");
    expect(claimed.aud).toBe(`forward-auth:https://${upstream.host}`);
  }
});

test("GW-04: a forwarded host that is none, or several, is refused at forward-auth before anything is decided", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  for (const host of [`${evil}, a.example`, `${evil}/x`, `user@${evil}`, `${evil}:port`, "a b", `${evil}#`]) {
    const answer = await isolate.fetch("/v1/authenticate", {
      headers: forwarded(host, "/", { "x-api-key": key }),
    });
    await expectProblem(answer, 400, "invalid_request");
    expect(answer.headers.has("x-gatehouse-identity")).toBe(false);
  }
  for (const uri of ["//evil.example/x", "https://evil.example/", "/x/%2e%2e%2fadmin", "/%c0%afadmin"]) {
    const answer = await isolate.fetch("/v1/authenticate", {
      headers: forwarded("a.example", uri, { "x-api-key": key }),
    });
    expect(answer.status).toBe(400);
  }
  await isolate.settle();
  expect((await isolate.rooms.apiKeys.get(id)).lastUsedAt).toBeNull();
});
