import type { Target } from "./load.ts";
import type { Provision } from "./provision.ts";
import { requestOf } from "./requests.ts";
import type { Environment } from "./runtime.ts";
import { signInSubjects } from "./sign-in-subjects.ts";
import { signingSubjects, tokenSubjects } from "./token-subjects.ts";

/** One process each; Gatehouse twice, since the bound is a setting of the Worker. */
export const processes = [
  { name: "bare", entry: "scripts/bench/floors/bare.worker.ts" },
  { name: "hono-route", entry: "scripts/bench/floors/hono-route.worker.ts" },
  { name: "hono-post", entry: "scripts/bench/floors/hono-post.worker.ts" },
  { name: "hono-redis", entry: "scripts/bench/floors/hono-redis.worker.ts" },
  { name: "hono-proxy", entry: "scripts/bench/floors/hono-proxy.worker.ts" },
  { name: "jose-verify", entry: "scripts/bench/floors/jose-verify.worker.ts" },
  { name: "jose-sign", entry: "scripts/bench/floors/jose-sign.worker.ts" },
  { name: "password-hash", entry: "scripts/bench/floors/password-hash.worker.ts" },
  { name: "rooms", entry: "scripts/bench/doors/rooms.worker.ts" },
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
  "jose-verify",
  "token-first",
  "token-first-door",
  "token-known",
  "token-strict",
  "jose-sign",
  "issue",
  "issue-es256",
  "refresh",
  "password-hash",
  "sign-in",
] as const;
export type SubjectName = (typeof subjectNames)[number];

export type Subject = {
  readonly name: SubjectName;
  readonly title: string;
  readonly process: ProcessName;
  readonly requests: readonly string[];
  readonly expect: Target["expect"];
  /** 32 unless told. */
  readonly connections?: number;
  /** How many of what is measured one answer stands for: 1 unless told. */
  readonly operations?: number;
  /** Round trips each operation makes, once warm, and behind its answer too. */
  readonly trips: { readonly redis: number; readonly postgres: number };
  /** What the ratio is taken to. */
  readonly floor: SubjectName;
};

const noTrips = { redis: 0, postgres: 0 } as const;

/** As many as the brake on forged keys (600 a minute for an address) needs to stay open throughout a run. */
const addressesOfGuessers = 2000;

export function environmentOf(name: ProcessName, { environment, upstream, people }: Provision): Environment {
  if (name === "gatehouse" || name === "rooms") return { ...environment, REVOCATION_BOUND_SECONDS: "10" };
  if (name === "gatehouse-strict") return { ...environment, REVOCATION_BOUND_SECONDS: "0" };
  if (name === "hono-proxy") return { UPSTREAM: upstream };
  const { ISSUER = "" } = environment;
  if (name === "jose-verify") return { ISSUER, PUBLIC_JWK: people.publicJwk };
  if (name !== "hono-redis") return {};
  const { UPSTASH_REDIS_REST_URL: url = "", UPSTASH_REDIS_REST_TOKEN: token = "" } = environment;
  return { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
}

/** Those whose name begins so, and the floors that they are compared with. */
export function subjectsNamed(all: readonly Subject[], beginning: string): readonly Subject[] {
  const asked = all.filter(({ name }) => name.startsWith(beginning));
  const names = new Set<SubjectName>(["bare", ...asked.flatMap(({ name, floor }) => [name, floor])]);
  return asked.length === 0 ? [] : all.filter(({ name }) => names.has(name));
}

/**
 * `/v1/authenticate` is the door that compares with a Hono POST: the key in a header, no body, the whole decision, and
 * an answer of our own. It also signs the identity token of its answer, which a bare check would not.
 */
export function subjectsOf(given: Provision): readonly Subject[] {
  const { plain, limited, verifier, forged } = given.keys;
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
  const floor = { expect: ok, trips: noTrips } as const;
  const ours = { process: "gatehouse", expect: ok, trips: noTrips } as const;
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
      trips: { redis: 1, postgres: 0 },
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
      trips: { redis: 1, postgres: 0 },
      floor: "hono-redis",
    },
    {
      ...ours,
      name: "key-check-limit",
      title: "key check, one exact limit",
      requests: [requestOf("POST", "/v1/authenticate", { key: limited })],
      trips: { redis: 1, postgres: 0 },
      floor: "hono-redis",
    },
    {
      ...ours,
      name: "keys-verify",
      title: "/v1/keys/verify",
      requests: [verify],
      expect: { status: 200, text: '"code":"valid"' },
      trips: { redis: 1, postgres: 0 },
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
    ...tokenSubjects(given),
    ...signingSubjects(given),
    ...signInSubjects(given),
  ];
}
