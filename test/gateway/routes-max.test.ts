import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createRouteAdmin } from "../../src/gateway/route-admin.ts";
import { createRouteStore } from "../../src/gateway/store.ts";
import { givenIsolate, givenRoute, unique } from "../support/given.ts";

test("a route above the bound is refused in a sentence of its own, and a taken name in another", async () => {
  const isolate = await givenIsolate();
  const { id: _, version: __, ...given } = await givenRoute(isolate);
  const { rooms } = isolate;
  const operator = {
    actor: { type: "operator", id: "given" } as const,
    origin: { requestId: "given", address: "192.0.2.1", country: null },
    background: isolate.background,
  };
  // A store whose bound is what the shared tables hold already.
  const create = (routesMax: number, draft: typeof given) =>
    createRouteAdmin({
      store: createRouteStore(rooms.database, { routesMax }),
      book: { forget: () => undefined },
      revocation: rooms.revocation,
      audit: rooms.audit,
      rules: { issuer: rooms.config.issuer, mayBePlainHttp: () => true, services: [] },
      now: rooms.now,
    }).create(draft, operator);
  const name = unique("above");
  await expect(create(1, { ...given, name, path: `/${name}` })).rejects.toMatchObject({
    code: "conflict",
    detail: "there are 1000 routes, and no more can be made; delete one",
  });
  await expect(create(100_000, given)).rejects.toMatchObject({
    code: "conflict",
    detail: "a route with this name, or with this host and path, exists already",
  });
  const { rows } = await rooms.database.execute(sql`select 1 from gateway_routes where name = ${name}`);
  expect(rows).toEqual([]);
});
