import { describe, expect, test } from "vitest";
import { givenAdminKey, givenIsolate, givenKey, type Isolate, unique, withAdmin } from "../support/given.ts";
import { familiesOf, notesOf } from "../support/given-families.ts";
import { expectProblem } from "../support/problem.ts";
import {
  callOperation,
  givenTargets,
  isolateFor,
  operationIds,
  operationOf,
  sampleOf,
  type Targets,
} from "./samples.ts";

/** Everything a refused call might have changed. */
async function stateOf(isolate: Isolate, { key, route, client, user, session, jti }: Targets) {
  const { accounts, apiKeys, routeAdmin, clients } = isolate.rooms;
  const { owner } = key.record;
  return {
    key: await apiKeys.get(key.id),
    ownersKeys: (await apiKeys.list({ owner, limit: 10 })).length,
    route: await routeAdmin.get(route.id),
    client: await clients.get(client.id),
    user: await accounts.get(user.id),
    families: await familiesOf(isolate, user.id),
    told: await notesOf(isolate, [user.id, session.sessionId, jti]),
  };
}

const notOurs = `gk_live_${"A".repeat(60)}`;

/** How a caller fails to be an operator, what it is told, and what audit is told. */
const strangers = [
  {
    who: "nobody",
    headers: async () => ({}),
    status: 401,
    error: "Missing API Key",
    reason: "missing_credential",
  },
  {
    who: "an empty Bearer",
    headers: async () => ({ authorization: "Bearer" }),
    status: 401,
    error: "Missing API Key",
    reason: "missing_credential",
  },
  {
    who: "a malformed key",
    headers: async () => withAdmin("gk_live_short"),
    status: 403,
    error: "Invalid API Key",
    reason: "malformed",
  },
  {
    who: "a key with a wrong checksum",
    headers: async () => withAdmin(notOurs),
    status: 403,
    error: "Invalid API Key",
    reason: "malformed",
  },
  {
    who: "a token of somebody else",
    headers: async () => withAdmin("eyJhbGciOiJub25lIn0.e30.x"),
    status: 401,
    error: "invalid_token",
    reason: "invalid_token",
  },
  {
    who: "a key twice",
    headers: async (isolate: Isolate) => {
      const key = await givenAdminKey(isolate);
      return { ...withAdmin(key), "x-api-key": key };
    },
    status: 400,
    error: "several_credentials",
    reason: "several_credentials",
  },
  {
    who: "a valid key without gatehouse:admin",
    headers: async (isolate: Isolate) =>
      withAdmin((await givenKey(isolate, { scopes: ["read", "gatehouse:keys:verify"] })).key),
    status: 403,
    error: "insufficient_scope",
    reason: "insufficient_scope",
  },
  {
    who: "a revoked management key",
    headers: async (isolate: Isolate) => {
      const { key, id } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });
      const origin = { requestId: "given", address: "192.0.2.1", country: null };
      const actor = { type: "operator", id: "given" } as const;
      await isolate.rooms.apiKeys.revoke(id, { actor, origin, background: isolate.background });
      return withAdmin(key);
    },
    status: 403,
    error: "Invalid API Key",
    reason: "revoked",
  },
] as const;

describe.each(operationIds)("%s", (id) => {
  test.each(strangers)("refuses $who, changes nothing and tells audit why", async (stranger) => {
    const isolate = await givenIsolate();
    const targets = await givenTargets(isolate);
    const before = await stateOf(isolate, targets);
    const requestId = unique("request");
    const headers = { ...(await stranger.headers(isolate)), "x-request-id": requestId };

    const refused = await callOperation(isolate, id, sampleOf(id, targets), headers);

    await expectProblem(refused, stranger.status, stranger.error);
    expect(refused.headers.has("www-authenticate")).toBe(
      stranger.status === 401 || stranger.reason === "insufficient_scope",
    );
    expect(await stateOf(isolate, targets)).toEqual(before);
    await isolate.settle();
    const events = await isolate.rooms.audit.list({ requestId, limit: 10 });
    expect(events).toMatchObject([
      { outcome: "refused", reason: stranger.reason, subject: { type: "route", id: "management" } },
    ]);
  });

  test("lets a management key in, and answers as its table says", async () => {
    const isolate = await isolateFor(id);
    const targets = await givenTargets(isolate);
    const headers = withAdmin(await givenAdminKey(isolate));

    const answer = await callOperation(isolate, id, sampleOf(id, targets), headers);

    expect(answer.status).toBe(operationOf(id).status);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
});

const idIn = (path: string, { key, route, client, user }: Targets): string => {
  if (path.startsWith("/routes")) return route.id;
  if (path.startsWith("/clients")) return client.id;
  return path.startsWith("/users") ? user.id : key.id;
};
const byId = operationIds.filter((id) => operationOf(id).path.includes(":id"));
const ofOwners = (id: string) => operationOf(id as (typeof byId)[number]).path.startsWith("/owners/");

test.each(byId.filter((id) => !ofOwners(id)))(
  "%s answers 404 for an id that nothing has and for what is no id at all",
  async (id) => {
    const isolate = await givenIsolate();
    const targets = await givenTargets(isolate);
    const headers = withAdmin(await givenAdminKey(isolate));
    const known = idIn(operationOf(id).path, targets);
    const { path, body } = sampleOf(id, targets);
    const strange = [
      `${known.slice(0, 4)}${"0".repeat(22)}`,
      "nothing",
      "..%2f..%2faudit",
      "%00",
      `${known}x`,
      known.toUpperCase(),
      `${known}'--`,
      "x".repeat(2000),
    ];
    for (const one of strange) {
      const answer = await callOperation(isolate, id, { path: path.replace(known, one), body }, headers);
      await expectProblem(answer, 404, "not_found");
    }
  },
);

test.each(["nobody/given", "user/%00", "user/two%20words", `user/${"x".repeat(129)}`, "USER/given"])(
  "revoking the keys of an owner that cannot be, %s, is 404",
  async (owner) => {
    const isolate = await givenIsolate();
    const answer = await isolate.fetch(`/admin/v1/owners/${owner}/revoke-keys`, {
      method: "POST",
      headers: withAdmin(await givenAdminKey(isolate)),
    });
    await expectProblem(answer, 404, "not_found");
  },
);

test("a scope that only looks like gatehouse:admin opens nothing", async () => {
  const isolate = await givenIsolate();
  const lookAlikes = ["gatehouse:admin:read", "gatehouse:*", "GATEHOUSE:ADMIN", "gatehouse:Admin", "*"];
  for (const scope of lookAlikes) {
    const { key } = await givenKey(isolate, { scopes: [scope] });
    const refused = await isolate.fetch("/admin/v1/keys", { headers: withAdmin(key) });
    await expectProblem(refused, 403, "insufficient_scope");
    // RFC 6750 §3: the challenge names the scope that is needed.
    expect(refused.headers.get("www-authenticate")).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope", scope="gatehouse:admin"',
    );
  }
});

test("a known path with another method is 405 and names the methods it has, an unknown one 404", async () => {
  // RFC 9110 §15.5.6
  const isolate = await givenIsolate();
  const headers = withAdmin(await givenAdminKey(isolate));
  const refused = await isolate.fetch("/admin/v1/keys", { method: "PUT", headers });
  await expectProblem(refused, 405, "method_not_allowed");
  const allowed = refused.headers.get("allow")?.split(", ");
  expect(allowed).toEqual(expect.arrayContaining(["GET", "POST"]));
  expect(allowed).not.toContain("PUT");
  await expectProblem(await isolate.fetch("/admin/v1/nothing", { headers }), 404, "not_found");
  await expectProblem(await isolate.fetch("/admin/v2/keys", { headers }), 404, "not_found");
});
