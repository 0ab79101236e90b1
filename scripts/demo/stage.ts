import { randomBytes } from "node:crypto";
import type { InferInput } from "valibot";
import type { createKeyInput } from "../../src/admin/input.ts";
import type { createRouteInput } from "../../src/admin/route-input.ts";
import type { Connection } from "../cli/connection.ts";
import { refusal } from "../stack/refusal.ts";
import type { Answered, Asked, Caller } from "./caller.ts";
import { type Person, type Tokens, withToken } from "./person.ts";
import type { Scene, Worth } from "./story.ts";
import type { Upstream } from "./upstream.ts";

export type KeyDraft = InferInput<typeof createKeyInput>;
export type RouteDraft = InferInput<typeof createRouteInput>;
export type Key = { readonly id: string; readonly key: string };
export type Route = {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly publicUrl: string;
};

/** What the steps play with: calls to Gatehouse, keys and routes of this run, and the end of all that was made. */
export function createStage(options: { connection: Connection; caller: Caller; upstream: Upstream }) {
  const { connection, caller, upstream } = options;
  const run = randomBytes(3).toString("hex");
  const keyIds = new Set<string>();
  const routeIds = new Set<string>();
  const clientIds = new Set<string>();
  const people = new Set<Person>();
  let made = 0;
  const unique = (word: string): string => {
    made += 1;
    return `demo-${run}-${word}-${made}`;
  };

  const manage = (method: string, path: string, body?: unknown): Asked => ({
    method,
    url: `${connection.url}/admin/v1${path}`,
    headers: { authorization: `Bearer ${connection.adminKey}` },
    ...(body === undefined ? {} : { body }),
  });

  /** What a first-party application asks. */
  const auth = (path: string, body: unknown): Asked => ({
    method: "POST",
    url: `${connection.url}/auth${path}`,
    body,
  });
  const asPerson = (method: string, path: string, tokens: Pick<Tokens, "access">, body?: unknown): Asked => ({
    method,
    url: `${connection.url}/auth${path}`,
    headers: withToken(tokens),
    ...(body === undefined ? {} : { body }),
  });

  /** Sends without a word. */
  const quietly = (asked: Asked): Promise<Answered> => caller.call(asked);

  /** Sends, and shows request and answer. */
  async function aloud(scene: Scene, asked: Asked, worth?: Worth): Promise<Answered> {
    const answer = await caller.call(asked);
    scene.show(asked, answer, worth);
    return answer;
  }

  async function made201(asked: Asked): Promise<Answered> {
    const answer = await caller.call(asked);
    if (answer.status !== 201)
      throw refusal(`The demo could not prepare a step: ${answer.status} ${answer.text}`);
    return answer;
  }

  const keyDraft = (draft: Partial<KeyDraft> = {}): KeyDraft => ({
    name: unique("key"),
    owner: { type: "user", id: unique("user") },
    environment: "test",
    ...draft,
  });
  const routeDraft = (draft: Partial<RouteDraft> = {}): RouteDraft => {
    const name = unique("route");
    return {
      name,
      match: { path: `/${name}` },
      upstream: { url: upstream.url },
      credentials: ["api-key"],
      ...draft,
    };
  };

  /** Remembers a key that was made, so that it does not outlive the run. */
  function keptKey({ json }: Answered): Key {
    const key = { id: String(json["id"]), key: String(json["key"]) };
    keyIds.add(key.id);
    return key;
  }

  function keptRoute({ json }: Answered): Route {
    const name = String(json["name"]);
    const { path } = json["match"] as { path: string };
    routeIds.add(String(json["id"]));
    const url = `${connection.url}/gateway${path}`;
    return { id: String(json["id"]), name, url, publicUrl: String(json["public_url"]) };
  }

  async function removePerson({ email }: Person): Promise<boolean> {
    const { json } = await caller.call(manage("GET", `/users?email=${encodeURIComponent(email)}`));
    const [user] = (json["data"] ?? []) as { id: string }[];
    if (!user) return true;
    return (await caller.call(manage("DELETE", `/users/${user.id}`))).status === 200;
  }

  return {
    url: connection.url,
    upstream,
    unique,
    manage,
    auth,
    asPerson,
    quietly,
    aloud,
    keyDraft,
    routeDraft,
    keptKey,
    keptRoute,
    keep: (keyId: string) => keyIds.add(keyId),
    keepClient: (clientId: string) => clientIds.add(clientId),
    keepPerson: (person: Person) => people.add(person),
    givenKey: async (draft?: Partial<KeyDraft>): Promise<Key> =>
      keptKey(await made201(manage("POST", "/keys", keyDraft(draft)))),
    givenRoute: async (draft?: Partial<RouteDraft>): Promise<Route> =>
      keptRoute(await made201(manage("POST", "/routes", routeDraft(draft)))),

    /** Routes and clients deleted, keys revoked, people removed; answers what is left when something would not go. */
    async clear(): Promise<string[]> {
      const ends = [
        ...[...routeIds].map((id) => ({ id, asked: manage("DELETE", `/routes/${id}`) })),
        ...[...clientIds].map((id) => ({ id, asked: manage("DELETE", `/clients/${id}`) })),
        ...[...keyIds].map((id) => ({ id, asked: manage("POST", `/keys/${id}/revoke`) })),
      ];
      const left: string[] = [];
      for (const { id, asked } of ends) {
        const isGone = await caller.call(asked).then(
          ({ status }) => status === 200 || status === 404,
          () => false,
        );
        if (!isGone) left.push(id);
      }
      for (const person of people) {
        if (!(await removePerson(person).catch(() => false))) left.push(person.email);
      }
      return left;
    },
  };
}

export type Stage = ReturnType<typeof createStage>;

export const withKey = (key: string) => ({ "x-api-key": key });
