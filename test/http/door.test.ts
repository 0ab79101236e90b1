import { describe, expect, test } from "vitest";
import { keyAnywhere } from "../../src/api-keys/key-format.ts";
import { credentialsInUrl } from "../../src/http/door-checks.ts";
import { givenAdminKey, givenIsolate, givenKey, givenRoute, json, withAdmin } from "../support/given.ts";

const errorOf = async (response: Response) => ((await response.json()) as { error: string }).error;

// RFC 9700 §4.3.2 and RFC 6750 §5.3: a credential in a URL is refused whoever's it is, and a good one counts as leaked.
describe("AK-01: a credential in a URL", () => {
  const names = "token access_token api_key apikey key secret password refresh_token client_secret id_token";

  test("is refused under each name, in any case, on every kind of address", async () => {
    const isolate = await givenIsolate();
    const route = await givenRoute(isolate);
    for (const name of [...names.split(" "), "API_KEY", "Token"]) {
      for (const path of [route.url, "/admin/v1/keys", "/health/live", "/nowhere"]) {
        const response = await isolate.fetch(`${path}?${name}=x`);
        expect([name, response.status, await errorOf(response)]).toEqual([name, 400, "credentials_in_url"]);
      }
    }
  });

  test("is found by our own formats in any parameter and in the path, and the key is flagged as exposed", async () => {
    const isolate = await givenIsolate();
    for (const place of ["/gateway/x?q=KEY", "/gateway/KEY", "/nowhere?a[b]=KEY"]) {
      const { key, id } = await givenKey(isolate);
      const response = await isolate.fetch(place.replace("KEY", key));
      const text = await response.text();
      await isolate.settle();
      expect(response.status).toBe(400);
      expect(text).toContain("credentials_in_url");
      expect(text).not.toContain(key);
      expect((await isolate.rooms.apiKeys.get(id)).exposedAt).not.toBeNull();
    }
  });
});

/** A JWS with this header, as long as real ones are. */
const jwsOf = (header: object): string => {
  const part = btoa(JSON.stringify(header)).replace(/=+$/, "");
  return `${part}.${btoa(JSON.stringify({ sub: "somebody" })).replace(/=+$/, "")}.${"A".repeat(43)}`;
};

test("an ID token as a hint is no credential, also while its request waits; anything else in its place is (OIDC Core §3.1.2.1)", () => {
  const idToken = jwsOf({ alg: "RS256", kid: "k", typ: "JWT" });
  const accessToken = jwsOf({ alg: "RS256", kid: "k", typ: "at+jwt" });
  const isFound = (path: string) =>
    credentialsInUrl(new URL(path, "https://auth.gatehouse.test"), keyAnywhere).found;
  const waiting = (token: string) =>
    `/login?return_to=${encodeURIComponent(`/oauth/authorize?id_token_hint=${token}&state=x`)}`;
  const nested = (token: string) => `/login?return_to=${encodeURIComponent(waiting(token))}`;
  for (const place of [(token: string) => `/oauth/logout?id_token_hint=${token}`, waiting, nested]) {
    expect(isFound(place(idToken))).toBe(false);
    expect(isFound(place(accessToken))).toBe(true);
    expect(isFound(`${place(idToken)}&q=${accessToken}`)).toBe(true);
    expect(isFound(`${place(idToken)}&access_token=x`)).toBe(true);
  }
  expect(isFound(`/oauth/logout?hint=${idToken}`)).toBe(true);
  expect(isFound(`/oauth/logout?id_token=${idToken}`)).toBe(true);
});

describe("the search for credentials in a URL", () => {
  const part = "a".repeat(10);
  test.each([
    [`?q=eyJ${part}.${part}.${part}`, true],
    [`?q=before-eyJ${part}.${part}.${part}.after`, true],
    [`?q=eyJ${part}%2e${part}%2E${part}`, true],
    [`?eyJ${part}.${part}.${part}`, true],
    [`/x.eyJ${part}.${part}.${part}/y`, true],
    [`?q=eyJ${part}.${part}.short`, false],
    [`?q=eyJ.${part}.${part}`, false],
    [`?q=eyJ${part}&r=${part}.${part}`, false],
    [`?q=${"eyJ".repeat(2000)}.${part}`, false],
  ])("finds a token in %s: %s", (rest, found) => {
    const url = new URL(`https://auth.gatehouse.test/${rest.replace(/^\//, "")}`);
    expect(credentialsInUrl(url, keyAnywhere).found).toBe(found);
  });

  test("costs a hostile 8 KB no more than a few times what a plain 8 KB costs", () => {
    const best = (text: string): number => {
      const url = new URL(`https://auth.gatehouse.test/${text}?q=${text}`);
      const spans = Array.from({ length: 5 }, () => {
        const began = performance.now();
        for (let round = 0; round < 20; round += 1) credentialsInUrl(url, keyAnywhere);
        return performance.now() - began;
      });
      return Math.max(1, Math.min(...spans));
    };
    const plain = best("abc".repeat(1350));
    expect(best("eyJ".repeat(1350)) / plain).toBeLessThan(20);
    expect(best("eyJa.".repeat(800)) / plain).toBeLessThan(20);
  });
});

// RFC 9110 §4.2: plain http is for loopback hosts only.
describe("plain HTTP off loopback", () => {
  test("is refused with a credential, and the key counts as exposed", async () => {
    const isolate = await givenIsolate();
    const { key, id } = await givenKey(isolate);
    const response = await isolate.fetch("http://auth.gatehouse.test/gateway/x", {
      headers: { "x-api-key": key },
    });
    await isolate.settle();
    expect([response.status, await errorOf(response)]).toEqual([403, "https_required"]);
    expect((await isolate.rooms.apiKeys.get(id)).exposedAt).not.toBeNull();
  });

  test("is redirected without one, and not redirected on loopback", async () => {
    const isolate = await givenIsolate();
    const away = await isolate.fetch("http://auth.gatehouse.test/health/live");
    expect([away.status, away.headers.get("location")]).toEqual([
      308,
      "https://auth.gatehouse.test/health/live",
    ]);
    expect((await isolate.fetch("http://127.0.0.1/health/live")).status).toBe(200);
    expect((await isolate.fetch("http://127.0.0.1.evil.test/health/live")).status).toBe(308);
  });
});

test("every kind of answer carries HSTS (RFC 6797 §6.1), nosniff, the request's id and no Server", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const answers = [
    ["/health/live", 200],
    ["/.well-known/jwks.json", 200],
    ["/admin/v1/openapi.json", 200],
    ["/admin/v1/keys", 401],
    ["/nowhere", 404],
    ["/gateway/nowhere-at-all", 404],
    [route.url, 200],
    [`${route.url}?key=1`, 400],
  ] as const;
  await isolate.rooms.signingKeys.ensure(isolate.background);
  for (const [path, status] of answers) {
    const headers: Record<string, string> = path === route.url ? { "x-api-key": key } : {};
    const response = await isolate.fetch(path, { headers: { ...headers, "x-request-id": "request-0001" } });
    expect([path, response.status]).toEqual([path, status]);
    expect(response.headers.get("strict-transport-security")).toBe(
      "max-age=63072000; includeSubDomains; preload",
    );
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("x-request-id")).toBe("request-0001");
    expect(response.headers.get("server")).toBeNull();
  }
});

test("BI-01: a URL over 8 KB is 414, headers over 32 KB are 431, a body over 64 KB is 413, deep JSON is 400", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  expect((await isolate.fetch(`/health/live?q=${"a".repeat(9000)}`)).status).toBe(414);
  expect((await isolate.fetch("/health/live", { headers: { "x-big": "a".repeat(33_000) } })).status).toBe(
    431,
  );
  const large = json({ name: "a".repeat(70_000) }, withAdmin(admin));
  expect((await isolate.fetch("/admin/v1/keys", large)).status).toBe(413);
  const deep = { ...json({}, withAdmin(admin)), body: "[".repeat(10_000) + "]".repeat(10_000) };
  expect((await isolate.fetch("/admin/v1/keys", deep)).status).toBe(400);
});

test("GW-02: a GET with content (RFC 9110 §9.3.1) and TRACE go no further than the gateway's first look", async () => {
  const isolate = await givenIsolate();
  const url = new URL("https://auth.gatehouse.test/gateway/x");
  const visit = {
    ...isolate,
    requestId: "r",
    url,
    network: "n",
    country: null,
    arrivedAt: isolate.clock.now(),
    fields: [],
  };
  // `new Request` refuses to build these; a runtime that took them off the wire hands them over like this.
  const handedOver = (method: string, body: string | null) =>
    ({ method, url: url.href, headers: new Headers(), body: new Response(body).body }) as unknown as Request;
  const { pass } = isolate.rooms.gateway;
  expect(await pass(handedOver("GET", "content"), true, visit)).toEqual({ outcome: "body_not_allowed" });
  expect(await pass(handedOver("TRACE", null), true, visit)).toEqual({ outcome: "method_not_allowed" });
  expect(await pass(handedOver("GET", null), true, visit)).toEqual({ outcome: "no_route" });
});
