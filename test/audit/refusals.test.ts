import { expect, inject, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { type EventReason, type EventType, eventReasons } from "../../src/audit/events.ts";
import {
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { reasonsOfClients } from "./reasons-of-clients.ts";
import { reasonsOfFactors } from "./reasons-of-factors.ts";
import { reasonsOfPeople } from "./reasons-of-people.ts";

type Headers_ = Record<string, string>;
type RouteDraft = NonNullable<Parameters<typeof givenRoute>[1]>;
type KeyDraft = NonNullable<Parameters<typeof givenKey>[1]>;
type Asked = { readonly headers?: Headers_; readonly keyId?: string; readonly url?: string };
type Cause = {
  readonly reason: EventReason;
  readonly type: EventType;
  readonly status: number;
  readonly route?: RouteDraft;
  /** What the refused request is made of; what comes before it is done here. */
  readonly arrange: (isolate: Isolate, url: string) => Promise<Asked>;
};

const operatorAt = (isolate: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background: isolate.background,
});

const keyed =
  (
    draft: KeyDraft = {},
    before?: (isolate: Isolate, key: { id: string; key: string }, url: string) => unknown,
  ) =>
  async (isolate: Isolate, url: string): Promise<Asked> => {
    const { key, id } = await givenKey(isolate, draft);
    await before?.(isolate, { key, id }, url);
    return { headers: { "x-api-key": key }, keyId: id };
  };
const keyless = (headers: Headers_) => async (): Promise<Asked> => ({ headers });
const unknownKey = () => `legacy_${crypto.randomUUID()}`;
const one = { name: "one", permits: 1, windowSeconds: 60, per: "key", whenUnavailable: "closed" } as const;

/** Isolates whose keys bear a tag of another secret: to ours they are forgeries. */
const otherTags = { API_KEY_TAG_SECRETS: "1:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq" };

const causes: Cause[] = [
  { reason: "missing_credential", type: "access.refused", status: 401, arrange: keyless({}) },
  {
    reason: "several_credentials",
    type: "access.refused",
    status: 400,
    arrange: keyless({ "x-api-key": "a", authorization: "Bearer b" }),
  },
  {
    reason: "invalid_token",
    type: "access.refused",
    status: 401,
    arrange: keyless({ authorization: "Bearer a" }),
  },
  { reason: "malformed", type: "key.refused", status: 403, arrange: keyless({ "x-api-key": "gk_live_0" }) },
  { reason: "unknown", type: "key.refused", status: 403, arrange: keyless({ "x-api-key": unknownKey() }) },
  {
    reason: "forged",
    type: "key.refused",
    status: 403,
    arrange: async () => {
      const forger = await givenIsolate({ environment: otherTags });
      return { headers: { "x-api-key": (await givenKey(forger)).key } };
    },
  },
  {
    reason: "revoked",
    type: "key.refused",
    status: 403,
    arrange: keyed({}, (isolate, { id }) => isolate.rooms.apiKeys.revoke(id, operatorAt(isolate))),
  },
  {
    reason: "deleted",
    type: "key.refused",
    status: 403,
    arrange: keyed({}, (isolate, { id }) => isolate.rooms.apiKeys.remove(id, operatorAt(isolate))),
  },
  {
    reason: "disabled",
    type: "key.refused",
    status: 403,
    arrange: keyed({}, (isolate, { id }) =>
      isolate.rooms.apiKeys.update(id, { enabled: false }, operatorAt(isolate)),
    ),
  },
  { reason: "expired", type: "key.refused", status: 403, arrange: keyed({ expiresAt: new Date(1) }) },
  {
    reason: "address_not_allowed",
    type: "access.refused",
    status: 403,
    arrange: keyed({ allowedAddresses: ["192.0.2.0/24"] }),
  },
  {
    reason: "insufficient_scope",
    type: "access.refused",
    status: 403,
    route: { scopes: ["orders:write"] },
    arrange: keyed({ scopes: ["orders:read"] }),
  },
  {
    reason: "credential_not_accepted",
    type: "access.refused",
    status: 403,
    route: { credentials: ["access-token"] },
    arrange: keyed(),
  },
  {
    reason: "over_limit",
    type: "limit.exceeded",
    status: 429,
    route: { limits: [one] },
    arrange: keyed({}, async (isolate, { key }, url) => {
      expect((await isolate.fetch(url, { headers: { "x-api-key": key } })).status).toBe(200);
    }),
  },
  {
    reason: "guessing",
    type: "limit.exceeded",
    status: 429,
    arrange: async (isolate, url) => {
      for (let at = 0; at < 30; at += 1) await isolate.fetch(url, { headers: { "x-api-key": unknownKey() } });
      return { headers: { "x-api-key": unknownKey() } };
    },
  },
  {
    reason: "limit_unavailable",
    type: "access.refused",
    status: 503,
    route: { limits: [one] },
    arrange: keyed({}, (isolate) => isolate.redisFault([{ kind: "refuse" }])),
  },
  {
    reason: "sources_unavailable",
    type: "access.refused",
    status: 503,
    arrange: keyed({}, (isolate) => isolate.postgresFault([{ kind: "refuse", match: "secret_hash" }])),
  },
  {
    reason: "credential_in_url",
    type: "access.refused",
    status: 400,
    arrange: async (_, url) => ({ url: `${url}?access_token=x` }),
  },
  {
    reason: "plain_http",
    type: "access.refused",
    status: 403,
    arrange: async (_, url) => ({
      url: `http://auth.gatehouse.test${url}`,
      headers: { authorization: "Bearer x" },
    }),
  },
  {
    reason: "misdirected",
    type: "access.refused",
    status: 403,
    arrange: async () => ({ url: "/health/live", headers: { "x-gatehouse-ask": "forward-auth" } }),
  },
  {
    reason: "ambiguous_path",
    type: "access.refused",
    status: 400,
    arrange: async (_, url) => ({ url: `${url}//x` }),
  },
  {
    reason: "method_not_allowed",
    type: "access.refused",
    status: 405,
    arrange: async () => ({ url: "/v1/keys/verify" }),
  },
  {
    reason: "too_large",
    type: "access.refused",
    status: 414,
    arrange: async (_, url) => ({ url: `${url}?q=${"a".repeat(9000)}` }),
  },
];

test.each(causes)(
  "a request refused for $reason writes one event that tells why, to audit alone",
  async (cause) => {
    const isolate = await givenIsolate();
    const route = await givenRoute(isolate, cause.route);
    // Loads the isolate's routes, so that what is refused is the request itself.
    await isolate.fetch(route.url);
    const requestId = unique("request");
    const { headers, keyId, url } = await cause.arrange(isolate, route.url);
    await isolate.settle();

    const refused = await isolate.fetch(url ?? route.url, {
      headers: { ...headers, "x-request-id": requestId },
    });

    expect(refused.status).toBe(cause.status);
    await isolate.settle();
    await isolate.postgresFault([]);
    const events = await isolate.rooms.audit.list({ requestId, limit: 20 });
    const isAtDoor = url !== undefined;
    expect(events.filter(({ outcome }) => outcome === "refused")).toEqual([
      {
        id: expect.stringMatching(/^evt_[0-9A-Za-z]{22}$/),
        at: new Date(isolate.clock.now()),
        type: cause.type,
        outcome: "refused",
        reason: cause.reason,
        actor: actorOf(cause.reason, keyId),
        subject: isAtDoor ? null : { type: "route", id: route.id },
        origin: { requestId, address: isolate.address, country: null },
        count: 1,
      },
    ]);
  },
);

/** Who it was is told only once the secret was right and could be looked at. */
function actorOf(reason: EventReason, keyId: string | undefined) {
  const isUnproved = reason === "sources_unavailable" || reason === "credential_not_accepted";
  return keyId === undefined || isUnproved ? { type: "stranger", id: "" } : { type: "key", id: keyId };
}

test("what is too large, in a form no credential would have changed, is written as that, and counted together", async () => {
  const waiting = Promise.withResolvers<void>();
  const isolate = await givenIsolate({ waitForRefusals: () => waiting.promise });
  const { key } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const requestId = unique("request");
  const headers = {
    "x-request-id": requestId,
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
  };
  const large = { method: "POST", headers, body: JSON.stringify({ name: "a".repeat(70_000) }) };
  expect((await isolate.fetch("/admin/v1/keys", large)).status).toBe(413);
  const wide = { headers: { "x-request-id": requestId, "x-big": "a".repeat(33_000) } };
  expect((await isolate.fetch("/health/live", wide)).status).toBe(431);
  waiting.resolve();
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
    { type: "access.refused", reason: "too_large", actor: { type: "stranger" }, subject: null, count: 2 },
  ]);
});

test("a GET with content and a TRACE are written too", async () => {
  const isolate = await givenIsolate();
  const ids = { body_not_allowed: unique("request"), method_not_allowed: unique("request") };
  // `new Request` refuses to build these; a runtime that took them off the wire hands them over like this.
  const handOver = (method: string, requestId: string, body: ReadableStream | null) =>
    createApp(isolate.rooms).serve(
      {
        method,
        url: "https://auth.gatehouse.test/gateway/x",
        headers: new Headers({ "x-request-id": requestId }),
        body,
      } as unknown as Request,
      isolate.background,
    );
  expect((await handOver("GET", ids.body_not_allowed, new Response("x").body)).status).toBe(400);
  expect((await handOver("TRACE", ids.method_not_allowed, null)).status).toBe(405);
  await isolate.settle();
  for (const [reason, requestId] of Object.entries(ids))
    expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
      { type: "access.refused", outcome: "refused", reason, count: 1 },
    ]);
});

test("every reason for a refusal has its cause in the table above", () => {
  const ofChanges: EventReason[] = ["by_operator", "by_owner_revocation", "reported"];
  // Has a test of its own: no client can build such a request.
  ofChanges.push("body_not_allowed");
  // Of tokens, with what they lack: in test/gateway/step-up.test.ts.
  ofChanges.push("insufficient_user_authentication");
  // Of people and their tokens: each is brought about in people.test.ts.
  ofChanges.push(...reasonsOfPeople);
  // Of second factors: each is brought about in factors.test.ts.
  ofChanges.push(...reasonsOfFactors);
  // Of OAuth clients: where that list says.
  ofChanges.push(...reasonsOfClients);
  expect([...causes.map(({ reason }) => reason), ...ofChanges].sort()).toEqual([...eventReasons].sort());
});

test("a limit that cannot be counted is noticed, by name and by what it did instead, while the call passes", async () => {
  const isolate = await givenIsolate();
  const limits = [
    { ...one, name: "each", permits: 10, whenUnavailable: "local" as const },
    { ...one, name: "all", permits: 10, whenUnavailable: "open" as const },
  ];
  const route = await givenRoute(isolate, { limits });
  const { key } = await givenKey(isolate);
  const headers = { "x-api-key": key };
  await isolate.fetch(route.url, { headers });
  await isolate.settle();
  await isolate.redisFault([{ kind: "refuse" }]);
  const requestId = unique("request");

  const passed = await isolate.fetch(route.url, { headers: { ...headers, "x-request-id": requestId } });

  expect(passed.status).toBe(200);
  expect(passed.headers.get("gatehouse-degraded")).toBe("limit;each=local, limit;all=open");
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
    {
      type: "limit.degraded",
      outcome: "noticed",
      reason: "limit_unavailable",
      actor: { type: "system", id: "gatehouse" },
      subject: { type: "limit", id: "each=local all=open" },
    },
  ]);
});

test.each([
  ["drop", 502],
  ["hang", 504],
])("it is noticed, and the caller told, also when the upstream does %s: %i", async (verb, status) => {
  const isolate = await givenIsolate();
  const upstream = { kind: "url", url: `${inject("stores").upstream}/${verb}` } as const;
  const limits = [{ ...one, name: "each", permits: 10, whenUnavailable: "local" as const }];
  const route = await givenRoute(isolate, { upstream, limits, timeoutSeconds: 1 });
  const { key } = await givenKey(isolate);
  await isolate.redisFault([{ kind: "refuse" }]);
  const requestId = unique("request");
  const answer = await isolate.fetch(route.url, { headers: { "x-api-key": key, "x-request-id": requestId } });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("gatehouse-degraded")).toBe("limit;each=local");
  expect(answer.headers.get("ratelimit")).toMatch(/^"each";r=9;/);
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
    { type: "limit.degraded", outcome: "noticed", subject: { type: "limit", id: "each=local" } },
  ]);
});

test("a refusal at /v1/authenticate is written like one at the gateway", async () => {
  const isolate = await givenIsolate();
  const requestId = unique("request");
  const refused = await isolate.fetch("/v1/authenticate", {
    headers: { "x-api-key": "gk_live_0", "x-request-id": requestId },
  });
  expect(refused.status).toBe(403);
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
    { type: "key.refused", reason: "malformed", subject: { type: "route", id: "forward-auth" } },
  ]);
  const ambiguous = unique("request");
  const headers = { "x-original-uri": "/a//b", "x-request-id": ambiguous };
  expect((await isolate.fetch("/v1/authenticate", { headers })).status).toBe(400);
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId: ambiguous, limit: 5 })).toMatchObject([
    { type: "access.refused", reason: "ambiguous_path", subject: null },
  ]);
});

test("a refusal told to a service that verifies keys is written too: whose key, who asked, and where it was used", async () => {
  const isolate = await givenIsolate();
  const verifier = await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] });
  const { key, id } = await givenKey(isolate);
  const admin = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  await isolate.fetch(`/admin/v1/keys/${id}/revoke`, json({}, withAdmin(admin.key)));
  await isolate.settle();
  const requestId = unique("verify");
  const headers = { ...withAdmin(verifier.key), "x-request-id": requestId };
  const told = await isolate.fetch("/v1/keys/verify", json({ key, address: "203.0.113.9" }, headers));
  expect(await told.json()).toMatchObject({ valid: false, code: "revoked" });
  await isolate.settle();
  expect(await isolate.rooms.audit.list({ requestId, limit: 5 })).toMatchObject([
    {
      type: "key.refused",
      reason: "revoked",
      actor: { type: "key", id },
      subject: { type: "key", id: verifier.id },
      origin: { requestId, address: "203.0.113.9" },
    },
  ]);
});
