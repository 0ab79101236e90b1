import { describe, expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { problemBody } from "../support/echo.ts";
import {
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  type IsolateOptions,
  unique,
} from "../support/given.ts";

const operator = {
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
};

/** Two edges that see the same stores and clock: one where routes are changed, one that serves. */
async function givenEdges(options: IsolateOptions = {}) {
  const clock = createClock();
  const office = await givenIsolate({ clock, ...options });
  const edge = await givenIsolate({ clock, ...options });
  const { key } = await givenKey(office, { scopes: ["read"] });
  const call = (url: string, on: Isolate = edge) => on.fetch(url, { headers: { "x-api-key": key } });
  const change = async (id: string, edits: Parameters<Isolate["rooms"]["routeAdmin"]["update"]>[1]) => {
    const { reach } = await office.rooms.routeAdmin.update(id, edits, {
      ...operator,
      background: office.background,
    });
    return reach;
  };
  const remove = (id: string) =>
    office.rooms.routeAdmin.remove(id, { ...operator, background: office.background });
  return { clock, office, edge, key, call, change, remove };
}

const boundZero = { environment: { REVOCATION_BOUND_SECONDS: "0" } };

type Edges = Awaited<ReturnType<typeof givenEdges>>;
const closings: [name: string, close: (edges: Edges, id: string) => Promise<unknown>, status: number][] = [
  ["disabled", ({ change }, id) => change(id, { enabled: false }), 404],
  ["deleted", ({ remove }, id) => remove(id), 404],
  ["tightened by a scope", ({ change }, id) => change(id, { scopes: ["admin"] }), 403],
  [
    "tightened to another credential",
    ({ change }, id) => change(id, { credentials: ["client-certificate"] }),
    403,
  ],
];

test.each(closings)(
  "with bound 0 a route that is %s elsewhere is felt by the next request",
  async (_, close, status) => {
    const edges = await givenEdges(boundZero);
    const route = await givenRoute(edges.office);
    expect((await edges.call(route.url)).status).toBe(200);
    await close(edges, route.id);
    edges.clock.advance(1);
    expect((await edges.call(route.url)).status).toBe(status);
  },
);

test.each(closings)(
  "with a bound of 10 s a route that is %s elsewhere is felt within it",
  async (_, close, status) => {
    const edges = await givenEdges();
    const route = await givenRoute(edges.office);
    expect((await edges.call(route.url)).status).toBe(200);
    await close(edges, route.id);
    edges.clock.advance(10_001);
    expect((await edges.call(route.url)).status).toBe(status);
  },
);

test.each(closings)("a route that is %s is felt at once where it was changed", async (_, close, status) => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office);
  expect((await edges.call(route.url, edges.office)).status).toBe(200);
  await close(edges, route.id);
  expect((await edges.call(route.url, edges.office)).status).toBe(status);
});

test("a change answers when it is felt everywhere, and by then it is", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office);
  expect((await edges.call(route.url)).status).toBe(200);
  const reach = await edges.change(route.id, { enabled: false });
  expect(reach.announced).toBe(true);
  edges.clock.advance(reach.effectiveEverywhereBy.getTime() - edges.clock.now() + 1);
  expect((await edges.call(route.url)).status).toBe(404);
});

test("a public route that is closed elsewhere is felt within the bound too, though no key is checked on it", async () => {
  for (const [options, milliseconds] of [
    [boundZero, 1],
    [{}, 10_001],
  ] as const) {
    const edges = await givenEdges(options);
    const route = await givenRoute(edges.office, { credentials: ["public"] });
    expect((await edges.edge.fetch(route.url)).status).toBe(200);
    await edges.change(route.id, { credentials: ["api-key"] });
    edges.clock.advance(milliseconds);
    expect((await edges.edge.fetch(route.url)).status).toBe(401);
  }
});

test("a route that is opened elsewhere opens within the bound, also for callers it refused so far", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office, { scopes: ["admin"] });
  expect((await edges.call(route.url)).status).toBe(403);
  await edges.change(route.id, { scopes: ["read"] });
  edges.clock.advance(10_001);
  expect((await edges.call(route.url)).status).toBe(200);
});

test("a new route, and a new hostname, answer within the bound on an edge that had its routes already", async () => {
  const edges = await givenEdges();
  const known = await givenRoute(edges.office);
  expect((await edges.call(known.url)).status).toBe(200);
  const host = `${unique("api")}.test`;
  expect((await edges.call(`https://${host}/x`)).status).toBe(404);
  const added = await givenRoute(edges.office);
  await givenRoute(edges.office, { host, path: "/x" });
  edges.clock.advance(10_001);
  expect((await edges.call(added.url)).status).toBe(200);
  expect((await edges.call(`https://${host}/x`)).status).toBe(200);
});

test("a new hostname answers at once where it was made", async () => {
  const edges = await givenEdges();
  const known = await givenRoute(edges.office);
  expect((await edges.call(known.url, edges.office)).status).toBe(200);
  const host = `${unique("api")}.test`;
  await givenRoute(edges.office, { host, path: "/x" });
  expect((await edges.call(`https://${host}/x`, edges.office)).status).toBe(200);
});

describe("a request that arrives as its route changes is counted once", () => {
  const limitOf = (permits: number) => ({ name: "own", limit: permits, windowSeconds: 3600 });
  const routeLimit = {
    name: "of-route",
    permits: 9,
    windowSeconds: 3600,
    per: "key",
    whenUnavailable: "closed",
  } as const;

  /** An edge that knows the route by its first version, and a key it has never seen. */
  async function givenChanged(draft: Parameters<typeof givenRoute>[1], permits: number) {
    const edges = await givenEdges(boundZero);
    const route = await givenRoute(edges.office, draft);
    const key = await givenKey(edges.office, { scopes: ["read"], limits: [limitOf(permits)] });
    expect((await edges.call(route.url)).status).toBe(200);
    const use = () => edges.edge.fetch(route.url, { headers: { "x-api-key": key.key } });
    const change = async (edits: Parameters<typeof edges.change>[1]) => {
      await edges.change(route.id, edits);
      edges.clock.advance(1);
    };
    return { use, change };
  }

  test("when the change asks nothing else of it: a limit of one grants its first use", async () => {
    const { use, change } = await givenChanged({}, 1);
    await change({ timeoutSeconds: 7 });
    const granted = await use();
    expect([granted.status, granted.headers.get("ratelimit")]).toEqual([
      200,
      expect.stringMatching(/^"own";r=0;/),
    ]);
    expect((await use()).status).toBe(429);
  });

  test("when the change asks for a scope it has, or another credential besides", async () => {
    const { use, change } = await givenChanged({ limits: [routeLimit] }, 5);
    await change({ scopes: ["read"] });
    expect((await use()).headers.get("ratelimit")).toMatch(/^"own";r=4;t=\d+, "of-route";r=8;t=\d+$/);
    await change({ credentials: ["api-key", "access-token"] });
    expect((await use()).headers.get("ratelimit")).toMatch(/^"own";r=3;t=\d+, "of-route";r=7;t=\d+$/);
  });

  test("and a limit that the change brings counts it from then on", async () => {
    const { use, change } = await givenChanged({ limits: [routeLimit] }, 5);
    await change({ limits: [routeLimit, { ...routeLimit, name: "new", permits: 1 }] });
    const granted = await use();
    expect(granted.status).toBe(200);
    expect(granted.headers.get("ratelimit")).toMatch(
      /^"own";r=4;t=\d+, "of-route";r=8;t=\d+, "new";r=0;t=\d+$/,
    );
    const refused = await use();
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ "violated-policies": ["new"] });
  });

  test("and one that the old version refused is taken by the new one alone", async () => {
    const { use, change } = await givenChanged({ limits: [{ ...routeLimit, permits: 1 }] }, 5);
    expect((await use()).status).toBe(200);
    expect((await use()).status).toBe(429);
    await change({ limits: [{ ...routeLimit, permits: 3 }] });
    const granted = await use();
    expect(granted.status).toBe(200);
    expect(granted.headers.get("ratelimit")).toMatch(/^"own";r=3;t=\d+, "of-route";r=1;t=\d+$/);
  });
});

test("an origin that is added to a route may send its preflight within the bound", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office);
  const origin = "https://app.example.test";
  const headers = { origin, "access-control-request-method": "GET" };
  const preflight = () => edges.edge.fetch(route.url, { method: "OPTIONS", headers });
  expect((await preflight()).status).toBe(401);
  await edges.change(route.id, { corsOrigins: [origin] });
  edges.clock.advance(10_001);
  expect((await preflight()).status).toBe(204);
  await edges.change(route.id, { corsOrigins: [] });
  edges.clock.advance(10_001);
  expect((await preflight()).status).toBe(401);
});

test("the last good copy of the routes serves on while Postgres is away, and a change is felt when it is back", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office);
  expect((await edges.call(route.url)).status).toBe(200);
  await edges.edge.settle();
  await edges.edge.postgresFault([{ kind: "refuse" }]);
  await edges.change(route.id, { enabled: false });
  edges.clock.advance(10_001);
  await edges.edge.forgetCalls();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    edges.clock.advance(100);
    expect((await edges.call(route.url)).status).toBe(200);
  }
  // One question a second: an outage must not cost each caller a deadline.
  expect(await edges.edge.calls()).toMatchObject({ postgres: 1 });
  await edges.edge.postgresFault([]);
  edges.clock.advance(1001);
  expect((await edges.call(route.url)).status).toBe(404);
});

test("the last good copy of the routes serves on while neither store answers", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office, { credentials: ["public"] });
  expect((await edges.edge.fetch(route.url)).status).toBe(200);
  await edges.edge.postgresFault([{ kind: "refuse" }]);
  await edges.edge.redisFault([{ kind: "refuse" }]);
  edges.clock.advance(3_600_000);
  expect((await edges.edge.fetch(route.url)).status).toBe(200);
});

test("an edge that has never read its routes answers 503 and Retry-After while Postgres is away, on hostnames too", async () => {
  const edges = await givenEdges();
  const route = await givenRoute(edges.office);
  const host = `${unique("api")}.test`;
  await givenRoute(edges.office, { host, path: "/x" });
  await edges.edge.postgresFault([{ kind: "refuse" }]);
  for (const url of [route.url, `https://${host}/x`]) {
    const answer = await edges.call(url);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect((await problemBody(answer)).error).toBe("unavailable");
  }
  await edges.edge.postgresFault([]);
  edges.clock.advance(1001);
  expect((await edges.call(route.url)).status).toBe(200);
});

test("a call that cannot be given its identity is 503, under a hostname of its own as well", async () => {
  const edges = await givenEdges();
  const host = `${unique("api")}.test`;
  const here = await givenRoute(edges.office, { credentials: ["public"] });
  await givenRoute(edges.office, { host, path: "/x", credentials: ["public"] });
  // The routes are read, the signing keys are not.
  expect((await edges.edge.fetch(`/gateway/${unique("nowhere")}`)).status).toBe(404);
  await edges.edge.postgresFault([{ kind: "refuse" }]);
  for (const url of [here.url, `https://${host}/x`]) {
    const answer = await edges.edge.fetch(url);
    expect(answer.status).toBe(503);
    expect((await problemBody(answer)).error).toBe("unavailable");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test("a stranger's refusal costs no call to a store, however often it is repeated", async () => {
  const edges = await givenEdges(boundZero);
  const route = await givenRoute(edges.office);
  expect((await edges.call(route.url)).status).toBe(200);
  await edges.edge.settle();
  await edges.edge.forgetCalls();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    edges.clock.advance(100);
    expect((await edges.edge.fetch(route.url)).status).toBe(401);
    expect((await edges.edge.fetch(route.url, { headers: { "x-api-key": "gk_live_x" } })).status).toBe(403);
  }
  expect(await edges.edge.calls()).toMatchObject({ redis: 0 });
});
