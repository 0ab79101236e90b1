import type { Target } from "./load.ts";
import type { Provision } from "./provision.ts";
import type { Environment } from "./runtime.ts";

/** One process each; Gatehouse twice, since the bound is a setting of the Worker. */
export const processes = [
  { name: "bare", entry: "scripts/bench/floors/bare.worker.ts" },
  { name: "hono-route", entry: "scripts/bench/floors/hono-route.worker.ts" },
  { name: "hono-post", entry: "scripts/bench/floors/hono-post.worker.ts" },
  { name: "hono-redis", entry: "scripts/bench/floors/hono-redis.worker.ts" },
  { name: "hono-proxy", entry: "scripts/bench/floors/hono-proxy.worker.ts" },
  { name: "gatehouse", entry: "src/index.ts" },
  { name: "gatehouse-strict", entry: "src/index.ts" },
] as const;
export type ProcessName = (typeof processes)[number]["name"];

export const subjectNames = [
  "bare",
  "hono-route",
  "hono-post",
  "hono-redis",
  "hono-proxy",
  "key-check",
  "key-check-strict",
  "key-check-limit",
  "keys-verify",
  "gateway",
  "forged-key",
  "jwks",
] as const;
export type SubjectName = (typeof subjectNames)[number];

export type Subject = {
  readonly name: SubjectName;
  readonly title: string;
  readonly process: ProcessName;
  readonly requests: readonly string[];
  readonly expect: Target["expect"];
  /** Round trips to Redis each operation makes, once warm. */
  readonly trips: 0 | 1;
  /** What the ratio is taken to. */
  readonly floor: SubjectName;
};

/** As many as the brake on forged keys (600 a minute for an address) needs to stay open throughout a run. */
const addressesOfGuessers = 2000;

export function environmentOf(name: ProcessName, { environment, upstream }: Provision): Environment {
  if (name === "gatehouse") return { ...environment, REVOCATION_BOUND_SECONDS: "10" };
  if (name === "gatehouse-strict") return { ...environment, REVOCATION_BOUND_SECONDS: "0" };
  if (name === "hono-proxy") return { UPSTREAM: upstream };
  if (name !== "hono-redis") return {};
  const { UPSTASH_REDIS_REST_URL: url = "", UPSTASH_REDIS_REST_TOKEN: token = "" } = environment;
  return { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
}

type Sent = { readonly key: string; readonly json?: string; readonly address?: string };

/** What an edge hands over: every subject gets the same header fields, floors too. */
export function requestOf(method: "GET" | "POST", path: string, { key, json, address }: Sent): string {
  const body = json === undefined ? "" : json;
  const framing = method === "GET" ? "" : `Content-Length: ${body.length}\r\n`;
  const type = json === undefined ? "" : "Content-Type: application/json\r\n";
  const from = address ?? "203.0.113.7";
  return (
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n` +
    `Accept-Encoding: gzip\r\nCF-Connecting-IP: ${from}\r\nCF-Ray: 8f2a1c3d4e5f6a7b-LOC\r\nCF-IPCountry: XX\r\n` +
    `X-Forwarded-Proto: https\r\nX-Forwarded-For: ${from}\r\nX-API-Key: ${key}\r\n${type}${framing}\r\n${body}`
  );
}

/**
 * `/v1/authenticate` is the door that compares with a Hono POST: the key in a header, no body, the whole decision, and
 * an answer of our own. It also signs the identity token of its answer, which a bare check would not.
 */
export function subjectsOf({ keys }: Provision): readonly Subject[] {
  const { plain, limited, verifier, forged } = keys;
  const ok = { status: 200 };
  const authenticate = [requestOf("POST", "/v1/authenticate", { key: plain })];
  const post = [requestOf("POST", "/check", { key: plain })];
  const guesses = Array.from({ length: addressesOfGuessers }, (_, index) =>
    requestOf("POST", "/v1/authenticate", {
      key: forged,
      address: `198.18.${index >> 8}.${index & 255}`,
    }),
  );
  const through = [requestOf("GET", "/gateway/bench/orders/ord_1?view=full", { key: plain })];
  const verify = requestOf("POST", "/v1/keys/verify", {
    key: verifier,
    json: JSON.stringify({ key: plain, scopes: ["orders:read"] }),
  });
  const floor = { expect: ok, trips: 0 } as const;
  const ours = { process: "gatehouse", expect: ok, trips: 0 } as const;
  return [
    { ...floor, name: "bare", title: "bare Worker", process: "bare", requests: post, floor: "bare" },
    {
      ...floor,
      name: "hono-route",
      title: "bare Hono route",
      process: "hono-route",
      requests: [requestOf("GET", "/route", { key: plain })],
      floor: "bare",
    },
    { ...floor, name: "hono-post", title: "Hono POST", process: "hono-post", requests: post, floor: "bare" },
    {
      ...floor,
      name: "hono-redis",
      title: "Hono POST, one pipeline",
      process: "hono-redis",
      requests: post,
      trips: 1,
      floor: "bare",
    },
    {
      ...floor,
      name: "hono-proxy",
      title: "bare Hono proxy",
      process: "hono-proxy",
      requests: through,
      floor: "bare",
    },
    {
      ...ours,
      name: "key-check",
      title: "key check, bound 10 s",
      requests: authenticate,
      floor: "hono-post",
    },
    {
      ...ours,
      name: "key-check-strict",
      title: "key check, bound 0",
      process: "gatehouse-strict",
      requests: authenticate,
      trips: 1,
      floor: "hono-redis",
    },
    {
      ...ours,
      name: "key-check-limit",
      title: "key check, one exact limit",
      requests: [requestOf("POST", "/v1/authenticate", { key: limited })],
      trips: 1,
      floor: "hono-redis",
    },
    {
      ...ours,
      name: "keys-verify",
      title: "/v1/keys/verify",
      requests: [verify],
      expect: { status: 200, text: '"code":"valid"' },
      trips: 1,
      floor: "hono-redis",
    },
    { ...ours, name: "gateway", title: "gateway, bound 10 s", requests: through, floor: "hono-proxy" },
    {
      ...ours,
      name: "forged-key",
      title: "forged key refused",
      requests: guesses,
      expect: { status: 403 },
      floor: "hono-post",
    },
    {
      ...ours,
      name: "jwks",
      title: "JWKS",
      requests: [requestOf("GET", "/.well-known/jwks.json", { key: plain })],
      floor: "hono-route",
    },
  ];
}
