// BI-02 as far as it applies without OAuth: a long value is kept exactly or refused, never cut.
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const tail = "-the-very-end";
const long = (length: number) => "x".repeat(length - tail.length) + tail;

test("BI-02: names, owners, scopes and metadata at their limits come back to the last character, and one more is refused", async () => {
  const isolate = await givenIsolate();
  const admin = withAdmin(await givenAdminKey(isolate));
  const longest = (more: number) => ({
    name: long(100 + more),
    owner: { type: "user", id: long(128) },
    scopes: [long(128)],
    metadata: { note: long(4096 - '{"note":""}'.length) },
  });
  const made = await isolate.fetch("/admin/v1/keys", json(longest(0), admin));
  expect(made.status).toBe(201);
  const { id, key } = (await made.json()) as { id: string; key: string };
  const kept = await isolate.fetch(`/admin/v1/keys/${id}`, { headers: admin });
  expect(await kept.json()).toMatchObject(longest(0));
  for (const over of [
    longest(1),
    { ...longest(0), owner: { type: "user", id: long(129) } },
    { ...longest(0), scopes: [long(129)] },
    { ...longest(0), metadata: { note: long(4097 - '{"note":""}'.length) } },
  ]) {
    await expectProblem(await isolate.fetch("/admin/v1/keys", json(over, admin)), 400, "invalid_request");
  }
  // To the upstream and in its token too: two owners that differ in their last character stay two.
  const route = await givenRoute(isolate, { scopes: [long(128)] });
  const echo = await echoOf(await isolate.fetch(route.url, { headers: { "x-api-key": key } }));
  expect(echo.headers).toMatchObject({ "x-user-id": long(128), "x-user-scopes": long(128) });
  expect(decodeJwt(echo.headers["x-gatehouse-identity"] ?? "")).toMatchObject({ sub: long(128) });
});

test("BI-02: a scope or an owner that agrees with another in all but its last character is another", async () => {
  const isolate = await givenIsolate();
  const stem = "s".repeat(127);
  const route = await givenRoute(isolate, { scopes: [`${stem}a`] });
  const near = await givenKey(isolate, { scopes: [`${stem}b`, stem] });
  const refused = await isolate.fetch(route.url, { headers: { "x-api-key": near.key } });
  await expectProblem(refused, 403, "insufficient_scope");
  expect(refused.headers.get("www-authenticate")).toContain(`scope="${stem}a"`);

  const owner = unique("o").padEnd(127, "o");
  const one = await givenKey(isolate, { owner: { type: "user", id: `${owner}1` } });
  const two = await givenKey(isolate, { owner: { type: "user", id: `${owner}2` } });
  const admin = withAdmin(await givenAdminKey(isolate));
  const revoked = await isolate.fetch(`/admin/v1/owners/user/${owner}1/revoke-keys`, json({}, admin));
  expect(await revoked.json()).toMatchObject({ key_ids: [one.id] });
  expect((await isolate.rooms.apiKeys.get(two.id)).revokedAt).toBeNull();
});

test("BI-02: queries and bodies of a thousand and more characters pass the gateway to the last byte", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  const state = `${"%2B+%26".repeat(300)}${tail}`;
  const body = long(60_000);
  const answer = await isolate.fetch(`${route.url}/cb?state=${state}&nonce=${long(384)}`, {
    method: "POST",
    headers: { "x-api-key": key },
    body,
  });
  const echo = await echoOf(answer);
  expect(echo.url).toBe(`/echo/cb?state=${state}&nonce=${long(384)}`);
  expect([echo.bytes, echo.body]).toEqual([60_000, body]);
});

test("BI-02: a request id that is too long is replaced whole, never cut to a part of what was sent", async () => {
  const isolate = await givenIsolate();
  for (const [given, kept] of [
    ["r".repeat(64), true],
    ["r".repeat(65), false],
    [`${"r".repeat(63)}\u00e9`, false],
    ["short", false],
  ] as const) {
    const answer = await isolate.fetch("/health/live", { headers: { "x-request-id": given } });
    const told = answer.headers.get("x-request-id") ?? "";
    if (kept) expect(told).toBe(given);
    else expect(told).toMatch(/^req_[0-9a-f]{32}$/);
  }
});
