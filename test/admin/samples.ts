import { type Operation, type OperationId, operations } from "../../src/admin/operations.ts";
import { randomBase62 } from "../../src/crypto/base62.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";
import { givenClient } from "../support/given-clients.ts";
import { givenFamily } from "../support/given-families.ts";
import { freshAddress, givenPerson } from "../support/given-people.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";

/** What the samples are about. */
export async function givenTargets(isolate: Isolate) {
  const { account: user } = await givenPerson(isolate, { password: null });
  return {
    key: await givenKey(isolate),
    route: await givenRoute(isolate),
    client: await givenClient(isolate),
    user,
    session: await givenFamily(isolate, user.id),
    jti: `tok_${randomBase62(22)}`,
  };
}

export type Targets = Awaited<ReturnType<typeof givenTargets>>;
type Sample = { readonly path: string; readonly body?: unknown };

const hashOf = () => Array.from({ length: 64 }, () => Math.floor(Math.random() * 16).toString(16)).join("");
const owner = () => ({ type: "user", id: unique("sample") });

/** One call that would succeed for each operation: a new operation does not compile, nor pass, without a line here. */
const samples: Record<OperationId, (targets: Targets) => Sample> = {
  createKey: () => ({ path: "/keys", body: { name: "sample", owner: owner(), scopes: ["read"] } }),
  importKeys: () => ({
    path: "/keys/import",
    body: { keys: [{ name: "sample", owner: owner(), sha256: hashOf(), prefix: "legacy_" }] },
  }),
  listKeys: () => ({ path: "/keys" }),
  getKey: ({ key }) => ({ path: `/keys/${key.id}` }),
  updateKey: ({ key }) => ({ path: `/keys/${key.id}`, body: { name: "changed", enabled: false } }),
  rotateKey: ({ key }) => ({ path: `/keys/${key.id}/rotate`, body: { overlap_seconds: 60 } }),
  revokeKey: ({ key }) => ({ path: `/keys/${key.id}/revoke`, body: {} }),
  deleteKey: ({ key }) => ({ path: `/keys/${key.id}` }),
  revokeOwnerKeys: ({ key: { record } }) => ({
    path: `/owners/${record.owner.type}/${record.owner.id}/revoke-keys`,
    body: {},
  }),
  createRoute: () => {
    const name = unique("sample");
    return {
      path: "/routes",
      body: {
        name,
        match: { path: `/${name}` },
        upstream: { url: "https://upstream.example" },
        credentials: ["api-key"],
      },
    };
  },
  listRoutes: () => ({ path: "/routes" }),
  getRoute: ({ route }) => ({ path: `/routes/${route.id}` }),
  updateRoute: ({ route }) => ({ path: `/routes/${route.id}`, body: { enabled: false } }),
  deleteRoute: ({ route }) => ({ path: `/routes/${route.id}` }),
  createClient: () => ({
    path: "/clients",
    body: { client_name: "sample", redirect_uris: ["https://shop.example/cb"] },
  }),
  listClients: () => ({ path: "/clients" }),
  listLogoutNotices: ({ client }) => ({ path: `/clients/${client.id}/logout-notices` }),
  getClient: ({ client }) => ({ path: `/clients/${client.id}` }),
  updateClient: ({ client }) => ({
    path: `/clients/${client.id}`,
    body: { client_name: "changed", enabled: false },
  }),
  rotateClientSecret: ({ client }) => ({
    path: `/clients/${client.id}/rotate-secret`,
    body: { overlap_seconds: 60 },
  }),
  deleteClient: ({ client }) => ({ path: `/clients/${client.id}` }),
  listSigningKeys: () => ({ path: "/signing-keys" }),
  rotateSigningKeys: () => ({ path: "/signing-keys/rotate", body: {} }),
  createUser: () => ({ path: "/users", body: { email: freshAddress(), scopes: ["read"] } }),
  listUsers: () => ({ path: "/users" }),
  getUser: ({ user }) => ({ path: `/users/${user.id}` }),
  updateUser: ({ user }) => ({ path: `/users/${user.id}`, body: { scopes: ["read"], enabled: false } }),
  deleteUser: ({ user }) => ({ path: `/users/${user.id}` }),
  logOutUser: ({ user }) => ({ path: `/users/${user.id}/logout`, body: {} }),
  listUserSessions: ({ user }) => ({ path: `/users/${user.id}/sessions` }),
  endUserSession: ({ user, session }) => ({ path: `/users/${user.id}/sessions/${session.sessionId}` }),
  listUserFactors: ({ user }) => ({ path: `/users/${user.id}/factors` }),
  resetUserFactors: ({ user }) => ({ path: `/users/${user.id}/factors/reset`, body: {} }),
  revokeTokens: ({ jti }) => ({ path: "/tokens/revoke", body: { jti } }),
  listEvents: () => ({ path: "/audit" }),
};

export const operationIds = Object.keys(operations) as OperationId[];
export const operationOf = (id: OperationId): Operation => operations[id];

export const sampleOf = (id: OperationId, targets: Targets): Sample => samples[id](targets);

/** A rotation too soon after another test's would be refused: it has signing keys of its own. */
export const isolateFor = async (id: OperationId): Promise<Isolate> =>
  id === "rotateSigningKeys" ? (await givenOwnKeys()).first : await givenIsolate();

/** The operation's call with these headers and, unless given, its sample body. */
export function callOperation(
  isolate: Isolate,
  id: OperationId,
  { path, body }: Sample,
  headers: Record<string, string> = {},
): Promise<Response> {
  return isolate.fetch(`/admin/v1${path}`, {
    method: operationOf(id).method.toUpperCase(),
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
