import { expect, test } from "vitest";
import { givenAdminKey, givenIsolate, givenKey, givenRoute, json, withAdmin } from "../support/given.ts";

test("a key made over the management API opens a route, and the upstream is told whose it is and nothing of the key", async () => {
  const isolate = await givenIsolate();
  const admin = await givenAdminKey(isolate);
  const created = await isolate.fetch(
    "/admin/v1/keys",
    json(
      { name: "first", owner: { type: "user", id: "u1" }, environment: "test", scopes: ["a", "b"] },
      withAdmin(admin),
    ),
  );
  expect(created.status).toBe(201);
  const { key, id } = (await created.json()) as { key: string; id: string };
  expect(key).toMatch(/^gk_test_[0-9A-Za-z]{60}$/);
  const route = await givenRoute(isolate);

  const answer = await isolate.fetch(`${route.url}/hello?x=1`, { headers: { "x-api-key": key } });

  expect(answer.status).toBe(200);
  const seen = (await answer.json()) as { url: string; headers: Record<string, string> };
  expect(seen.url).toBe("/echo/hello?x=1");
  expect(seen.headers["x-user-id"]).toBe("u1");
  expect(seen.headers["x-user-scopes"]).toBe("a,b");
  expect(seen.headers["x-client-id"]).toBe(id);
  expect(seen.headers["x-auth-method"]).toBe("api-key");
  expect(JSON.stringify(seen)).not.toContain(key);
});

test("a revoked key is refused at once where it was revoked", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const admin = await givenAdminKey(isolate);
  expect((await isolate.fetch(route.url, { headers: { "x-api-key": key } })).status).toBe(200);

  const revoked = await isolate.fetch(`/admin/v1/keys/${id}/revoke`, {
    method: "POST",
    headers: withAdmin(admin),
  });

  expect(revoked.status).toBe(200);
  expect(Object.keys((await revoked.json()) as object).sort()).toEqual([
    "effective_everywhere_by",
    "revoked_at",
  ]);
  const refused = await isolate.fetch(route.url, { headers: { "x-api-key": key } });
  expect(refused.status).toBe(403);
  expect(((await refused.json()) as { error: string }).error).toBe("Invalid API Key");
});
