import type { GenericSchema } from "valibot";
import {
  createClientInput,
  listClientsQuery,
  rotateClientSecretInput,
  updateClientInput,
} from "./client-input.ts";
import {
  createKeyInput,
  emptyInput,
  emptyQuery,
  importKeysInput,
  listEventsQuery,
  listKeysQuery,
  rotateKeyInput,
  rotateSigningKeysInput,
  updateKeyInput,
} from "./input.ts";
import { createRouteInput, updateRouteInput } from "./route-input.ts";
import { createUserInput, listUsersQuery, revokeTokensInput, updateUserInput } from "./user-input.ts";

export type Operation = {
  readonly method: "get" | "post" | "patch" | "delete";
  /** Hono's form: `:id`. */
  readonly path: string;
  readonly summary: string;
  readonly status: 200 | 201;
  readonly query: GenericSchema;
  /** Null: the call has no body. */
  readonly body: GenericSchema | null;
  readonly answer: string;
};

const call = <const O extends Partial<Operation> & Pick<Operation, "method" | "path" | "summary" | "answer">>(
  operation: O,
) => ({
  status: 200 as const,
  query: emptyQuery,
  body: null,
  ...operation,
});

/**
 * Every call of the management API, in one list: the routes are mounted from it, the OpenAPI document is made
 * from it, and the suite that tries each with no, a wrong and a weak credential walks it.
 */
export const operations = {
  createKey: call({
    method: "post",
    path: "/keys",
    summary: "Create an API key",
    status: 201 as const,
    body: createKeyInput,
    answer: "The key, with its secret in `key` this once",
  }),
  importKeys: call({
    method: "post",
    path: "/keys/import",
    summary: "Import keys by the SHA-256 of their text: all or none",
    status: 201 as const,
    body: importKeysInput,
    answer: "The imported keys",
  }),
  listKeys: call({
    method: "get",
    path: "/keys",
    summary: "List API keys, newest first",
    query: listKeysQuery,
    answer: "`data` and `next_cursor`",
  }),
  getKey: call({
    method: "get",
    path: "/keys/:id",
    summary: "Read an API key",
    answer: "The key, never its secret",
  }),
  updateKey: call({
    method: "patch",
    path: "/keys/:id",
    summary: "Change, disable or enable an API key",
    body: updateKeyInput,
    answer: "The key, and when the change is felt everywhere",
  }),
  rotateKey: call({
    method: "post",
    path: "/keys/:id/rotate",
    summary: "Replace an API key; the old one lives on for the overlap",
    status: 201 as const,
    body: rotateKeyInput,
    answer: "The successor as created, with `replaces` and the state of the replaced key",
  }),
  revokeKey: call({
    method: "post",
    path: "/keys/:id/revoke",
    summary: "Revoke an API key",
    body: emptyInput,
    answer: "`revoked_at` and `effective_everywhere_by`",
  }),
  deleteKey: call({
    method: "delete",
    path: "/keys/:id",
    summary: "Delete an API key; the record stays for audit",
    answer: "`deleted_at` and `effective_everywhere_by`",
  }),
  revokeOwnerKeys: call({
    method: "post",
    path: "/owners/:type/:id/revoke-keys",
    summary: "Revoke every API key of an owner",
    body: emptyInput,
    answer: "`revoked_at`, `effective_everywhere_by` and the ids",
  }),
  createRoute: call({
    method: "post",
    path: "/routes",
    summary: "Create a gateway route",
    status: 201 as const,
    body: createRouteInput,
    answer: "The route",
  }),
  listRoutes: call({
    method: "get",
    path: "/routes",
    summary: "List gateway routes by name",
    answer: "`data` and `next_cursor`",
  }),
  getRoute: call({
    method: "get",
    path: "/routes/:id",
    summary: "Read a gateway route",
    answer: "The route",
  }),
  updateRoute: call({
    method: "patch",
    path: "/routes/:id",
    summary: "Change a gateway route",
    body: updateRouteInput,
    answer: "The route, and when the change is felt everywhere",
  }),
  deleteRoute: call({
    method: "delete",
    path: "/routes/:id",
    summary: "Delete a gateway route",
    answer: "When the change is felt everywhere",
  }),
  createClient: call({
    method: "post",
    path: "/clients",
    summary: "Register an OAuth client",
    status: 201 as const,
    body: createClientInput,
    answer: "The client, with its secret in `client_secret` this once",
  }),
  listClients: call({
    method: "get",
    path: "/clients",
    summary: "List OAuth clients, newest first",
    query: listClientsQuery,
    answer: "`data` and `next_cursor`",
  }),
  getClient: call({
    method: "get",
    path: "/clients/:id",
    summary: "Read an OAuth client",
    answer: "The client, never its secrets",
  }),
  listLogoutNotices: call({
    method: "get",
    path: "/clients/:id/logout-notices",
    summary: "List what an OAuth client was told of sessions that ended, newest first, and how it took it",
    answer: "Up to 200 notices: `waiting`, `delivered` or `given_up`",
  }),
  updateClient: call({
    method: "patch",
    path: "/clients/:id",
    summary: "Change, disable or enable an OAuth client; disabling ends the access tokens it was given",
    body: updateClientInput,
    answer: "The client, and when the change is felt everywhere",
  }),
  rotateClientSecret: call({
    method: "post",
    path: "/clients/:id/rotate-secret",
    summary: "Give an OAuth client a new secret; the newest one before it lives on for the overlap",
    status: 201 as const,
    body: rotateClientSecretInput,
    answer: "The client, with its new secret in `client_secret` this once",
  }),
  deleteClient: call({
    method: "delete",
    path: "/clients/:id",
    summary: "Delete an OAuth client with all that it was given",
    answer: "When the change is felt everywhere",
  }),
  listSigningKeys: call({
    method: "get",
    path: "/signing-keys",
    summary: "List signing keys, newest first, each with its state by the clock",
    answer: "`data` and `next_cursor`",
  }),
  rotateSigningKeys: call({
    method: "post",
    path: "/signing-keys/rotate",
    summary: "Hand over to the next signing keys as soon as is safe, or at once from a compromised one",
    body: rotateSigningKeysInput,
    answer: "The time line: which key signs from when, and what breaks until when",
  }),
  createUser: call({
    method: "post",
    path: "/users",
    summary: "Create a person's account, its address verified by your word",
    status: 201 as const,
    body: createUserInput,
    answer: "The account",
  }),
  listUsers: call({
    method: "get",
    path: "/users",
    summary: "List people, newest first; deleted ones only when asked for",
    query: listUsersQuery,
    answer: "`data` and `next_cursor`",
  }),
  getUser: call({
    method: "get",
    path: "/users/:id",
    summary: "Read a person's account",
    answer: "The account, never its password's hash",
  }),
  updateUser: call({
    method: "patch",
    path: "/users/:id",
    summary: "Change what a person may do, disable or enable the account",
    body: updateUserInput,
    answer: "The account, and when the change is felt everywhere",
  }),
  deleteUser: call({
    method: "delete",
    path: "/users/:id",
    summary:
      "Delete a person's account with all sessions, tokens and API keys; a row without a name stays for audit",
    answer: "When the change is felt everywhere",
  }),
  logOutUser: call({
    method: "post",
    path: "/users/:id/logout",
    summary: "End every session of a person, and every access token issued before now",
    body: emptyInput,
    answer: "`logged_out_at` and `effective_everywhere_by`",
  }),
  listUserSessions: call({
    method: "get",
    path: "/users/:id/sessions",
    summary: "List a person's live sessions, newest first",
    answer: "`data` and `next_cursor`",
  }),
  endUserSession: call({
    method: "delete",
    path: "/users/:id/sessions/:session_id",
    summary: "End one session of a person, with its tokens",
    answer: "When the change is felt everywhere",
  }),
  listUserFactors: call({
    method: "get",
    path: "/users/:id/factors",
    summary: "List a person's second factors and passkeys, oldest first",
    answer: "`data` and `next_cursor`, never a secret",
  }),
  resetUserFactors: call({
    method: "post",
    path: "/users/:id/factors/reset",
    summary:
      "Remove every second factor, passkey and recovery code of a person who has lost them; ends no session",
    body: emptyInput,
    answer: "`removed`: how many there were",
  }),
  revokeTokens: call({
    method: "post",
    path: "/tokens/revoke",
    summary: "Revoke one access token, by itself or by its jti, or everything a client was given",
    body: revokeTokensInput,
    answer: "`revoked_at` and `effective_everywhere_by`",
  }),
  listEvents: call({
    method: "get",
    path: "/audit",
    summary: "List audit events, newest first",
    query: listEventsQuery,
    answer: "`data` and `next_cursor`",
  }),
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof operations;
