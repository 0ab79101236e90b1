import type { InferInput } from "valibot";
import type { clientView, noticeView } from "../../src/admin/client-handlers.ts";
import type {
  createClientInput,
  rotateClientSecretInput,
  updateClientInput,
} from "../../src/admin/client-input.ts";
import type {
  createKeyInput,
  importKeysInput,
  rotateKeyInput,
  rotateSigningKeysInput,
  updateKeyInput,
} from "../../src/admin/input.ts";
import { type Operation, type OperationId, operations } from "../../src/admin/operations.ts";
import type { createRouteInput, updateRouteInput } from "../../src/admin/route-input.ts";
import type { createUserInput, revokeTokensInput, updateUserInput } from "../../src/admin/user-input.ts";
import type {
  eventView,
  factorView,
  keyView,
  lastUseView,
  reachView,
  routeView,
  sessionView,
  signingKeyView,
  timelineView,
  userView,
} from "../../src/admin/views.ts";
import { keyAnywhere } from "../../src/api-keys/key-format.ts";
import { credentialsInUrl } from "../../src/http/door-checks.ts";
import { refusal } from "../stack/refusal.ts";
import type { Connection } from "./connection.ts";
import { usageError } from "./usage.ts";

export type KeyShown = ReturnType<typeof keyView>;
export type LastUse = ReturnType<typeof lastUseView>;
export type RouteShown = ReturnType<typeof routeView>;
export type ClientShown = ReturnType<typeof clientView>;
type ClientSecret = { readonly client_secret?: string };
export type NoticeShown = ReturnType<typeof noticeView>;
export type UserShown = ReturnType<typeof userView>;
export type SessionShown = ReturnType<typeof sessionView>;
export type FactorShown = ReturnType<typeof factorView>;
export type EventShown = ReturnType<typeof eventView>;
export type Reach = ReturnType<typeof reachView>;
export type SigningKeyShown = ReturnType<typeof signingKeyView>;
export type TimelineShown = ReturnType<typeof timelineView>;
type Page<Row> = { readonly data: readonly Row[]; readonly next_cursor: string | null };

type Answers = {
  readonly createKey: KeyShown & { readonly key: string };
  readonly importKeys: { readonly data: readonly KeyShown[] };
  readonly listKeys: Page<KeyShown>;
  readonly getKey: KeyShown;
  readonly updateKey: KeyShown & Reach;
  readonly rotateKey: KeyShown &
    Reach & { readonly key: string; readonly replaced: KeyShown & { readonly still_in_use: LastUse } };
  readonly revokeKey: Reach & { readonly revoked_at: string };
  readonly deleteKey: Reach & { readonly deleted_at: string };
  readonly revokeOwnerKeys: Reach & { readonly revoked_at: string; readonly key_ids: readonly string[] };
  readonly createRoute: RouteShown & Reach;
  readonly listRoutes: Page<RouteShown>;
  readonly getRoute: RouteShown;
  readonly updateRoute: RouteShown & Reach;
  readonly deleteRoute: Reach;
  readonly createClient: ClientShown & ClientSecret;
  readonly listClients: Page<ClientShown>;
  readonly getClient: ClientShown;
  readonly listLogoutNotices: { readonly data: readonly NoticeShown[] };
  readonly updateClient: ClientShown & ClientSecret & Reach;
  readonly rotateClientSecret: ClientShown & ClientSecret & Reach;
  readonly deleteClient: Reach;
  readonly listSigningKeys: Page<SigningKeyShown>;
  readonly rotateSigningKeys: TimelineShown;
  readonly createUser: UserShown;
  readonly listUsers: Page<UserShown>;
  readonly getUser: UserShown;
  readonly updateUser: UserShown & Reach;
  readonly deleteUser: Reach;
  readonly logOutUser: Reach & { readonly logged_out_at: string };
  readonly listUserSessions: Page<SessionShown>;
  readonly endUserSession: Reach;
  readonly listUserFactors: Page<FactorShown>;
  readonly resetUserFactors: { readonly removed: number };
  readonly revokeTokens: Reach & { readonly revoked_at: string };
  readonly listEvents: Page<EventShown>;
};

export type Bodies = {
  readonly createKey: InferInput<typeof createKeyInput>;
  readonly importKeys: InferInput<typeof importKeysInput>;
  readonly updateKey: InferInput<typeof updateKeyInput>;
  readonly rotateKey: InferInput<typeof rotateKeyInput>;
  readonly rotateSigningKeys: InferInput<typeof rotateSigningKeysInput>;
  readonly createRoute: InferInput<typeof createRouteInput>;
  readonly updateRoute: InferInput<typeof updateRouteInput>;
  readonly createClient: InferInput<typeof createClientInput>;
  readonly updateClient: InferInput<typeof updateClientInput>;
  readonly rotateClientSecret: InferInput<typeof rotateClientSecretInput>;
  readonly createUser: InferInput<typeof createUserInput>;
  readonly updateUser: InferInput<typeof updateUserInput>;
  readonly revokeTokens: InferInput<typeof revokeTokensInput>;
};
type Input<Id extends OperationId> = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
} & (Id extends keyof Bodies ? { readonly body: Bodies[Id] } : object);

/** `text` is the answer as it came, for --json. */
export type Answer<Value> = { readonly text: string; readonly value: Value };

const deadlineMilliseconds = 30_000;

/** One call of the management API, by its entry in the API's own list of operations. */
export async function callManagement<Id extends OperationId>(
  connection: Connection,
  id: Id,
  input: Input<Id>,
): Promise<Answer<Answers[Id]>> {
  const operation: Operation = operations[id];
  const path = operation.path.replaceAll(/:(\w+)/g, (_, name: string) => segment(input.params?.[name] ?? ""));
  const url = new URL(`${connection.url}/admin/v1${path}`);
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  requireNoKey(url);
  const body = "body" in input ? JSON.stringify(input.body) : undefined;
  const { response, text } = await send(url, {
    method: operation.method.toUpperCase(),
    headers: {
      authorization: `Bearer ${connection.adminKey}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok) throw refusalOf(response, text);
  return { text, value: parse(text, url) as Answers[Id] };
}

/** Fetches, following nothing: a redirect must not carry the management key elsewhere. */
export async function send(url: URL, init: RequestInit): Promise<{ response: Response; text: string }> {
  try {
    const signal = AbortSignal.timeout(deadlineMilliseconds);
    const response = await fetch(url, { ...init, redirect: "manual", signal });
    return { response, text: await response.text() };
  } catch (error) {
    throw refusal(`${url.origin} does not answer: ${causeOf(error)}.`, error);
  }
}

export function parse(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refusal(`${url.origin} answered with something that is not JSON: is it Gatehouse?`, error);
  }
}

/** The innermost cause: undici says "fetch failed" and hides why; one of several addresses is as good as another. */
function causeOf(error: unknown): string {
  const { name, cause } = error as Error;
  if (name === "TimeoutError") return `nothing came within ${deadlineMilliseconds / 1000} seconds`;
  const inner = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  if (inner instanceof Error) return inner.message || ((inner as NodeJS.ErrnoException).code ?? inner.name);
  return (error as Error).message;
}

/** The problem detail as one sentence, with the request's id to look it up by. */
function refusalOf(response: Response, text: string): Error {
  let problem: { error?: unknown; detail?: unknown; request_id?: unknown };
  try {
    problem = (JSON.parse(text) ?? {}) as typeof problem;
  } catch {
    problem = {};
  }
  const { error, detail, request_id: requestId } = problem;
  if (typeof error !== "string" || typeof detail !== "string") {
    return refusal(`${new URL(response.url).origin} answered ${response.status}, and not as Gatehouse does.`);
  }
  const about = [
    String(response.status),
    /^[a-z_]+$/.test(error) ? error : "",
    `request ${String(requestId)}`,
  ];
  return refusal(`Refused: ${detail.replace(/[.\s]+$/, "")} (${about.filter(Boolean).join(", ")}).`);
}

/** A key pasted where its id is wanted would be sent in a URL, and then it would have to count as leaked. */
function requireNoKey(url: URL): void {
  if (!credentialsInUrl(url, keyAnywhere).found) return;
  throw usageError("That is a secret, not an id, so it was not sent; keys list shows the ids.");
}

/** A URL parser takes `.` and `..` for steps, however they are encoded: such an id cannot stand in a path. */
function segment(value: string): string {
  if (/^\.{1,2}$/.test(value)) throw refusal(`The id "${value}" cannot be part of an address.`);
  return encodeURIComponent(value);
}
