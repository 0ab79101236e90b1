// EL-01. Wrong bodies of each management call are in test/admin; here every endpoint there is gets what no client sends.
import { expect, test } from "vitest";
import { operations } from "../../src/admin/operations.ts";
import { callOperation, givenTargets, operationIds, sampleOf } from "../admin/samples.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { listenToLog } from "./traces.ts";

/** What would tell an attacker how we are built, or that a statement of his reached the database. */
const telling =
  /\bat \S+ \(|\.ts:\d|node_modules|\/src\/|select |insert into|update .* set|postgres|neon|redis|upstash|drizzle|hono|valibot|workerd|127\.0\.0\.1|localhost|stack|syntax error|violates|constraint|undefined|\[object|canary/i;

/** Where clients of OAuth read errors in its own form; what never reaches those doors is a problem there too. */
const spokenAsOauth = /^POST \/oauth\/(?:token|introspect|revoke|device_authorization)\b/;

/** RFC 6749 §5.2: these members, of these characters. */
function expectOauthWords(answer: Response, body: Record<string, unknown>, what: string): string {
  expect([what, answer.headers.get("cache-control")]).toEqual([what, "no-store"]);
  expect([what, Object.keys(body).sort()]).toEqual([what, ["error", "error_description"]]);
  for (const told of Object.values(body)) expect(told, what).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  return String(body["error"]);
}

/** Nothing of ours in headers or body; a refusal is whole problem+json. Answers its error word, or null. */
async function expectDiscreet(answer: Response, what: string): Promise<string | null> {
  const text = await answer.text();
  const headers = [...answer.headers].filter(([name]) => name !== "ratelimit" && name !== "allow");
  for (const [name, value] of headers) expect(`${name}: ${value}`, what).not.toMatch(/canary|\bat \S+ \(/);
  for (const name of ["server", "x-powered-by", "via"]) expect(answer.headers.get(name), what).toBeNull();
  expect(answer.headers.get("x-request-id"), what).toMatch(/^[A-Za-z0-9._-]{8,64}$/);
  if (answer.status < 400) return null;
  expect(text, what).not.toMatch(telling);
  // A page that comes back with what is to be mended; its own suites hold it to its words.
  if (answer.headers.get("content-type") === "text/html; charset=utf-8") return null;
  const isOauth = spokenAsOauth.test(what) && answer.headers.get("content-type") === "application/json";
  if (isOauth) return expectOauthWords(answer, JSON.parse(text), what);
  // RFC 9457 §3, with our word and the request's id.
  expect([what, answer.headers.get("content-type")]).toEqual([what, "application/problem+json"]);
  const body = JSON.parse(text) as { error: string; detail: string; status: number; request_id: string };
  expect([what, body.status, body.request_id]).toEqual([
    what,
    answer.status,
    answer.headers.get("x-request-id"),
  ]);
  // RFC 6749 §5.2's characters for `error` and its description.
  for (const told of [body.error, body.detail]) expect(told, what).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
  return body.error;
}

/** A path for each endpoint, its parameters filled with something. */
function addressesOf(isolate: Isolate, filling: string): { method: string; path: string }[] {
  const seen = new Set<string>();
  return isolate.endpoints.flatMap(({ method, path }) => {
    const address = path.replaceAll(/:\w+(\{[^}]*\})?/g, filling).replace(/\/\*$/, `/${filling}`);
    if (seen.has(`${method} ${address}`)) return [];
    seen.add(`${method} ${address}`);
    return [{ method, path: address }];
  });
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

test("EL-01: every endpoint answers every method with its answer or a discreet refusal", async () => {
  const isolate = await givenIsolate();
  const headers = withAdmin(await givenAdminKey(isolate));
  const addresses = addressesOf(isolate, "canary");
  // The walk knows the management API at least; whatever room is mounted is walked too.
  for (const { path } of Object.values(operations)) {
    const known = `/admin/v1${path.replaceAll(/:\w+/g, "canary")}`;
    expect(addresses.map((one) => one.path)).toContain(known);
  }
  for (const path of new Set(addresses.map((one) => one.path))) {
    for (const method of methods) {
      const answer = await isolate.fetch(path, { method, headers });
      expect(answer.status, `${method} ${path}`).toBeLessThan(500);
      if (method === "HEAD") continue;
      const error = await expectDiscreet(answer, `${method} ${path}`);
      if (answer.status === 405) {
        expect([path, error]).toEqual([path, "method_not_allowed"]);
        expect(answer.headers.get("allow"), path).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
      }
    }
  }
});

const bodies = [
  "{",
  '{"name":',
  "[]",
  "null",
  '"canary"',
  "{}{}",
  "canary",
  "\u0000",
  '{"a":1e999}',
  '{"canary\\u0000":"\\ud800"}',
  `{"__proto__":{"canary":1},"constructor":{"prototype":{}}}`,
  "[".repeat(9000),
];

test("EL-01: no endpoint breaks, echoes or explains itself at a body that is no JSON, or no JSON of ours", async () => {
  const log = listenToLog();
  const isolate = await givenIsolate();
  const headers = { ...withAdmin(await givenAdminKey(isolate)), "content-type": "application/json" };
  for (const { method, path } of addressesOf(isolate, "canary")) {
    if (method === "GET") continue;
    for (const body of bodies) {
      const answer = await isolate.fetch(path, { method: method === "ALL" ? "POST" : method, headers, body });
      const what = `${method} ${path} ${body.slice(0, 20)}`;
      await expectDiscreet(answer, what);
      expect(answer.status, what).toBeLessThan(500);
    }
    const latin = await isolate.fetch(path, {
      method: method === "ALL" ? "POST" : method,
      headers,
      body: new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    });
    await expectDiscreet(latin, `${method} ${path} latin`);
  }
  expect(log()).toBe("");
});

const queries = [
  "?canary-1=1",
  "?limit=canary&cursor=canary",
  "?cursor=Y2FuYXJ5",
  "?scopes=canary%0d%0aset-cookie:%20canary=1",
  "?scopes=a%22,%20error=%22canary",
  "?scopes=%E4%BD%A0canary",
  "?route=canary'--",
  "?owner_type=user&owner_id=canary'%20or%201=1--",
  "?__proto__=canary&constructor=canary",
  "?%ff=canary&a=%zz",
  `?a=${"canary".repeat(900)}`,
];

test("EL-01: no endpoint breaks, echoes or explains itself at a query of an attacker's making", async () => {
  const log = listenToLog();
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const admin = await givenAdminKey(isolate);
  for (const { method, path } of addressesOf(isolate, "x")) {
    // So many calls in one thread that one to Redis may have come too late: its rest is over before the next address.
    isolate.clock.advance(2000);
    for (const query of queries) {
      for (const credential of [admin, key, "gk_live_canary"]) {
        const answer = await isolate.fetch(path + query, {
          method: method === "ALL" ? "GET" : method,
          headers: withAdmin(credential),
        });
        const what = `${method} ${path} ${query.slice(0, 60)}`;
        await expectDiscreet(answer, what);
        expect(answer.status, what).toBeLessThan(500);
        // Signing out takes cookies away; a page with a form knows its browser by one; what was done is a word of ours.
        const set = answer.headers.getSetCookie().filter((cookie) => !/^[\w-]+=;/.test(cookie));
        for (const cookie of set)
          expect(cookie, what).toMatch(
            /^__Host-gatehouse-(?:form=[0-9A-Za-z]{32}|notice=[a-z-]+); Path=\/; /,
          );
      }
    }
  }
  expect(log()).toBe("");
});

test("EL-01: the scope that a challenge names is a scope token, whatever scopes a proxy was made to ask for", async () => {
  // RFC 6749 §3.3, RFC 6750 §3
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const ask = (scopes: string) =>
    isolate.fetch(`/v1/authenticate?scopes=${scopes}`, { headers: { "x-api-key": key } });
  const refused = await ask("orders.read,a:b");
  await expectProblem(refused, 403, "insufficient_scope");
  expect(refused.headers.get("www-authenticate")).toBe(
    'Bearer realm="gatehouse", error="insufficient_scope", scope="orders.read a:b"',
  );
  for (const bad of [
    "a%22b",
    "a%5Cb",
    "a%0Ab",
    "a%0D%0AX-Evil:%201",
    "%E4%BD%A0",
    "a%09b",
    "x".repeat(129),
  ]) {
    const answer = await ask(bad);
    await expectProblem(answer, 400, "invalid_request");
    expect([...answer.headers.keys()].filter((name) => /evil|www-auth/.test(name))).toEqual([]);
  }
});

const faults = [
  {
    kind: "status",
    status: 400,
    body: '{"message":"canary violates constraint \\"api_keys_pkey\\"","code":"23505"}',
  },
  { kind: "status", status: 400, body: '{"message":"canary: syntax error at or near","code":"42601"}' },
  { kind: "status", status: 500, body: "canary <html>" },
  { kind: "garble" },
] as const;

test.each(operationIds)(
  "EL-01: %s tells nothing of a database that refuses, breaks or babbles",
  async (id) => {
    const log = listenToLog();
    const isolate = await givenIsolate();
    const headers = withAdmin(await givenAdminKey(isolate));
    const targets = await givenTargets(isolate);
    // The caller is known already: what fails is the call itself.
    expect((await isolate.fetch("/admin/v1/keys?limit=1", { headers })).status).toBe(200);
    for (const fault of faults) {
      await isolate.settle();
      await isolate.postgresFault([fault]);
      const answer = await callOperation(isolate, id, sampleOf(id, targets), headers);
      await isolate.settle();
      await isolate.postgresFault([]);
      const error = await expectDiscreet(answer, `${id} ${JSON.stringify(fault)}`);
      expect([id, answer.status, error]).toEqual([
        id,
        answer.status,
        expect.stringMatching(/^(?:unavailable|internal|conflict)$/),
      ]);
      if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("1");
      // What babbles has carried the statement out; what refuses has not.
      if (fault.kind === "garble") continue;
      const { accounts, apiKeys, routeAdmin } = isolate.rooms;
      expect(await accounts.get(targets.user.id)).toEqual(targets.user);
      expect(await apiKeys.get(targets.key.id)).toEqual(targets.key.record);
      expect((await routeAdmin.get(targets.route.id)).version).toBe(targets.route.version);
    }
    expect(log()).not.toMatch(/canary|api_keys_pkey|syntax error/);
  },
);

test("EL-01: what the database itself would refuse is refused before it, or told in our words", async () => {
  const log = listenToLog();
  const isolate = await givenIsolate();
  const admin = withAdmin(await givenAdminKey(isolate));
  const owner = { type: "user", id: unique("owner") };
  const hash = "ab".repeat(32).replace(/^.{12}/, crypto.randomUUID().replaceAll("-", "").slice(0, 12));
  const imported = { keys: [{ name: "n", owner, sha256: hash, prefix: "legacy_" }] };
  const name = unique("route");
  const route = {
    name,
    match: { path: `/${name}` },
    upstream: { url: "https://upstream.example" },
    credentials: ["api-key"],
  };
  for (const [path, body] of [
    ["/admin/v1/keys/import", imported],
    ["/admin/v1/routes", route],
  ] as const) {
    expect((await isolate.fetch(path, json(body, admin))).status).toBe(201);
    const again = await isolate.fetch(path, json(body, admin));
    expect([path, again.status, await expectDiscreet(again, path)]).toEqual([path, 409, "conflict"]);
  }
  const huge = { ...route, name: unique("route"), match: { path: `/${"x".repeat(200)}` } };
  await expectProblem(await isolate.fetch("/admin/v1/routes", json(huge, admin)), 400, "invalid_request");
  for (const odd of ["a'; drop table api_keys; --", '"', "$1", "%s{{7*7}}", "\\x00"]) {
    const made = await isolate.fetch("/admin/v1/keys", json({ name: odd, owner }, admin));
    expect([made.status, ((await made.json()) as { name: string }).name]).toEqual([201, odd]);
  }
  expect(log()).toBe("");
});
