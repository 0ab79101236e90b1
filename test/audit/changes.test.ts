import { expect, test } from "vitest";
import { type EventType, eventTypes, type Party } from "../../src/audit/events.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique, withAdmin } from "../support/given.ts";
import { givenClient } from "../support/given-clients.ts";

type Given = { readonly isolate: Isolate; readonly requestId: string; readonly admin: string };
type Cause = {
  readonly type: EventType;
  readonly when: string;
  readonly reason: string | null;
  readonly actor?: Party;
  /** Brings the event about under the request id; answers whom it is about. */
  readonly cause: (given: Given) => Promise<Party>;
};

async function manage({ isolate, requestId, admin }: Given, method: string, path: string, body?: unknown) {
  const answer = await isolate.fetch(`/admin/v1${path}`, {
    method,
    headers: { ...withAdmin(admin), "content-type": "application/json", "x-request-id": requestId },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok).toBe(true);
  return (await answer.json()) as { id: string; data: { id: string }[] };
}

const keyParty = (id = ""): Party => ({ type: "key", id });
const routeParty = (id: string): Party => ({ type: "route", id });
const newKey = () => ({ name: "caused", owner: { type: "user", id: unique("caused") } });
const sha256 = () => crypto.randomUUID().replaceAll("-", "").repeat(2);

function newRoute() {
  const name = unique("caused");
  return {
    name,
    match: { path: `/${name}` },
    upstream: { url: "https://u.example" },
    credentials: ["api-key"],
  };
}

const ofOneKey = (
  type: EventType,
  reason: string | null,
  method: string,
  path: string,
  body?: unknown,
): Cause => ({
  type,
  reason,
  when: `${method} /keys/:id${path} is called`,
  cause: async (given) => {
    const { id } = await givenKey(given.isolate);
    await manage(given, method, `/keys/${id}${path}`, body);
    return keyParty(id);
  },
});

const ofOneClient = (type: EventType, method: string, path: string, body?: unknown): Cause => ({
  type,
  reason: null,
  when: `${method} /clients/:id${path} is called`,
  cause: async (given) => {
    const { id } = await givenClient(given.isolate);
    await manage(given, method, `/clients/${id}${path}`, body);
    return { type: "client", id };
  },
});

const exposed = (reason: "credential_in_url" | "plain_http"): Cause => ({
  type: "key.exposed",
  reason,
  when: "a valid key is seen where none may be",
  actor: { type: "stranger", id: "" },
  cause: async ({ isolate, requestId }) => {
    const { key, id } = await givenKey(isolate);
    const headers = { "x-request-id": requestId };
    const inUrl = () => isolate.fetch(`/gateway/x?token=${key}`, { headers });
    const inPlain = () =>
      isolate.fetch("http://auth.gatehouse.test/gateway/x", { headers: { ...headers, "x-api-key": key } });
    expect((await (reason === "plain_http" ? inPlain : inUrl)()).ok).toBe(false);
    return keyParty(id);
  },
});

const causes: Cause[] = [
  {
    type: "key.created",
    when: "a key is made",
    reason: null,
    cause: async (given) => keyParty((await manage(given, "POST", "/keys", newKey())).id),
  },
  {
    type: "key.imported",
    when: "a key is imported",
    reason: null,
    cause: async (given) => {
      const keys = [{ ...newKey(), sha256: sha256(), prefix: "legacy_" }];
      return keyParty((await manage(given, "POST", "/keys/import", { keys })).data[0]?.id);
    },
  },
  ofOneKey("key.updated", null, "PATCH", "", { name: "other" }),
  ofOneKey("key.disabled", null, "PATCH", "", { enabled: false }),
  ofOneKey("key.enabled", null, "PATCH", "", { enabled: true }),
  ofOneKey("key.rotated", null, "POST", "/rotate", { overlap_seconds: 60 }),
  ofOneKey("key.revoked", "by_operator", "POST", "/revoke", {}),
  ofOneKey("key.deleted", null, "DELETE", ""),
  {
    type: "key.created",
    when: "a rotation bears a successor",
    reason: null,
    cause: async (given) => {
      const { id } = await givenKey(given.isolate);
      return keyParty((await manage(given, "POST", `/keys/${id}/rotate`, {})).id);
    },
  },
  {
    type: "owner.keys_revoked",
    when: "an owner's keys are revoked",
    reason: "by_operator",
    cause: async (given) => {
      const { record } = await givenKey(given.isolate);
      await manage(given, "POST", `/owners/user/${record.owner.id}/revoke-keys`, {});
      return record.owner;
    },
  },
  {
    type: "key.revoked",
    when: "it falls with its owner's others",
    reason: "by_owner_revocation",
    cause: async (given) => {
      const { record, id } = await givenKey(given.isolate);
      await manage(given, "POST", `/owners/user/${record.owner.id}/revoke-keys`, {});
      return keyParty(id);
    },
  },
  exposed("credential_in_url"),
  exposed("plain_http"),
  {
    type: "route.created",
    when: "a route is made",
    reason: null,
    cause: async (given) => routeParty((await manage(given, "POST", "/routes", newRoute())).id),
  },
  {
    type: "route.updated",
    when: "a route is changed",
    reason: null,
    cause: async (given) => {
      const { id } = await givenRoute(given.isolate);
      await manage(given, "PATCH", `/routes/${id}`, { enabled: false });
      return routeParty(id);
    },
  },
  {
    type: "route.deleted",
    when: "a route is deleted",
    reason: null,
    cause: async (given) => {
      const { id } = await givenRoute(given.isolate);
      await manage(given, "DELETE", `/routes/${id}`);
      return routeParty(id);
    },
  },
  {
    type: "client.created",
    when: "a client is registered",
    reason: null,
    cause: async (given) => {
      const body = { client_name: "caused", redirect_uris: ["https://shop.example/cb"] };
      const made = (await manage(given, "POST", "/clients", body)) as unknown as { client_id: string };
      return { type: "client", id: made.client_id };
    },
  },
  ofOneClient("client.updated", "PATCH", "", { client_name: "other" }),
  ofOneClient("client.disabled", "PATCH", "", { enabled: false }),
  ofOneClient("client.enabled", "PATCH", "", { enabled: true }),
  ofOneClient("client.secret_rotated", "POST", "/rotate-secret", { overlap_seconds: 60 }),
  ofOneClient("client.deleted", "DELETE", ""),
];

test.each(causes)(
  "$type ($reason) is written once when $when, with who, whom, where and under which request",
  async ({ type, reason, actor, cause }) => {
    const isolate = await givenIsolate();
    const admin = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
    const requestId = unique("request");
    isolate.clock.advance(5);

    const subject = await cause({ isolate, requestId, admin: admin.key });

    await isolate.settle();
    const events = await isolate.rooms.audit.list({ requestId, type, limit: 20 });
    expect(events.filter((event) => event.subject?.id === subject.id)).toEqual([
      {
        id: expect.stringMatching(/^evt_[0-9A-Za-z]{22}$/),
        at: new Date(isolate.clock.now()),
        type,
        outcome: "done",
        reason,
        actor: actor ?? keyParty(admin.id),
        subject,
        origin: { requestId, address: isolate.address, country: null },
        count: 1,
      },
    ]);
  },
);

test("every type of event that tells of a change has its cause in the table above", () => {
  const ofRefusals: EventType[] = [
    "key.refused",
    "access.refused",
    "client.refused",
    "limit.exceeded",
    "limit.degraded",
  ];
  // Brought about in factors.test.ts, and in test/signing-keys, test/accounts, test/sessions, test/tokens, test/login, test/messages and test/oauth.
  const elsewhere: EventType[] = eventTypes.filter((type) =>
    /^(?:signing_key|account|session|sign_in|factor|refresh|token|message|consent|code|device)\./.test(type),
  );
  const types = new Set(causes.map(({ type }) => type));
  expect([...types, ...ofRefusals, ...elsewhere].sort()).toEqual([...eventTypes].sort());
});

test("a change that changes nothing writes nothing: a second revocation, a lost race, a conflict", async () => {
  const isolate = await givenIsolate();
  const { key: admin } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
  const { id } = await givenKey(isolate);
  const requestId = unique("request");
  const given = { isolate, requestId, admin };
  await manage(given, "POST", `/keys/${id}/revoke`);
  await manage(given, "POST", `/keys/${id}/revoke`);
  const refused = await isolate.fetch(`/admin/v1/keys/${id}/rotate`, {
    method: "POST",
    headers: { ...withAdmin(admin), "x-request-id": requestId },
  });
  expect(refused.status).toBe(409);
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ requestId, limit: 20 });
  expect(events.map(({ type }) => type)).toEqual(["key.revoked"]);
});

test("a leak that is reported again, or of a key that opens nothing any more, is not written again", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  const dead = await givenKey(isolate, { expiresAt: new Date(1) });
  for (const leaked of [key, key, dead.key, `gk_live_${"0".repeat(60)}`]) {
    await isolate.fetch(`/gateway/x?leaked=${leaked}`);
    await isolate.settle();
  }
  const about = async (subjectId: string) =>
    (await isolate.rooms.audit.list({ type: "key.exposed", subjectId, limit: 20 })).length;
  expect(await about(id)).toBe(1);
  expect(await about(dead.id)).toBe(0);
});
