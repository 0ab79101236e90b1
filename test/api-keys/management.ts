import { sql } from "drizzle-orm";
import {
  askedOf,
  givenAdminKey,
  givenIsolate,
  type Isolate,
  type IsolateOptions,
  withAdmin,
} from "../support/given.ts";

export type Answer = {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, each asserted on by its test
  readonly body: any;
  readonly headers: Headers;
};

/** An isolate and its operator: `manage` calls the management API over the front door. */
export async function givenManagement(options: IsolateOptions = {}) {
  const isolate = await givenIsolate(options);
  const admin = await givenAdminKey(isolate);
  return { isolate, admin, manage: managing(isolate, admin) };
}

/** The same operator at another isolate. */
export const managing =
  (isolate: Isolate, admin: string) =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await isolate.fetch(`/admin/v1${path}`, {
      method,
      headers: { ...withAdmin(admin), ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };

/** What the gateway says to a key. */
export async function present(
  isolate: Isolate,
  route: { readonly url: string },
  key: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await isolate.fetch(route.url, { headers: { "x-api-key": key, ...headers } });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

/** The precise verdict on a key, which the gateway keeps to itself. */
export const verdictOn = (isolate: Isolate, key: string, cost = 1) =>
  isolate.rooms.keyVerifier.verifyKey({ key, scopes: [], cost, address: null }, askedOf(isolate));

/** The whole row as Postgres holds it, every column. */
export async function rowOf(isolate: Isolate, id: string): Promise<Record<string, unknown>> {
  const { rows } = await isolate.rooms.database.execute<{ row: Record<string, unknown> }>(
    sql`select to_jsonb(api_keys) as row from api_keys where id = ${id}`,
  );
  const [first] = rows;
  if (!first) throw new Error("there is no such row");
  return first.row;
}

/** Audit events about one key, in the order of the alphabet: several may fall into one millisecond. */
export async function eventsAbout(isolate: Isolate, keyId: string): Promise<string[]> {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId: keyId, limit: 50 });
  return events.map((event) => [event.type, event.reason].filter(Boolean).join(" ")).sort();
}
