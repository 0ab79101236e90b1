import { describe, expect, test } from "vitest";
import { unique } from "../support/given.ts";
import { freshAddress } from "../support/given-people.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";

/** Stands in every wrong value that can hold text: it must never come back. */
const canary = "canary-4f1d";
const limit = { name: "a", limit: 1, window_seconds: 1 };
const words = (count: number) => Array.from({ length: count }, (_, at) => `w${at}`);

/** What no key may hold: the field that is named, and values that are wrong in it alone. */
const wrong: Record<string, unknown[]> = {
  name: ["", "   ", 7, null, "x".repeat(101), `${canary}\nb`, `${canary}\0`, `${canary}\ud800`, [canary]],
  scopes: ["read", null, {}, words(65), ["a", "a"]],
  "scopes.0": [
    [7],
    [`${canary} two`],
    [`${canary},b`],
    [`${canary}"`],
    [`é${canary}`],
    [""],
    ["x".repeat(129)],
  ],
  expires_at: [
    "tomorrow",
    canary,
    1_900_000_000,
    true,
    "2027-02-30",
    "2027-13-01T00:00:00Z",
    "2020-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "+275760-09-13T00:00:00Z",
  ],
  allowed_addresses: ["192.0.2.1", Array(65).fill("192.0.2.1")],
  "allowed_addresses.0": [
    [canary],
    ["10"],
    ["10.1/16"],
    ["192.0.2.1/33"],
    ["2001:db8::/129"],
    ["192.0.2.1/-1"],
    [""],
  ],
  limits: [{}, Array.from({ length: 9 }, (_, at) => ({ ...limit, name: `l${at}` })), [limit, limit]],
  "limits.0.name": [
    [{ ...limit, name: "Not A Word" }],
    [{ ...limit, name: "" }],
    [{ ...limit, name: `${canary}"` }],
  ],
  "limits.0.limit": [
    [{ ...limit, limit: 0 }],
    [{ ...limit, limit: -1 }],
    [{ ...limit, limit: 1.5 }],
    [{ ...limit, limit: "10" }],
    [{ ...limit, limit: 1e10 }],
    [{ name: "a", window_seconds: 1 }],
  ],
  "limits.0.window_seconds": [
    [{ ...limit, window_seconds: 0 }],
    [{ ...limit, window_seconds: 31 * 86_400 + 1 }],
  ],
  "limits.0.per": [[{ ...limit, per: "key" }]],
  metadata: [
    canary,
    [],
    [{ a: canary }],
    null,
    { note: canary.repeat(500) },
    { note: `${canary}\0` },
    { [`${canary}\0`]: 1 },
    { deep: [{ note: `${canary}\ud800` }] },
  ],
};

const cases = Object.entries(wrong).flatMap(([field, values]) =>
  values.map((value) => ({ field, value, shown: JSON.stringify(value).slice(0, 50) })),
);
const requestOf = (field: string, value: unknown) => ({ [field.split(".")[0] ?? ""]: value });

describe("a key", () => {
  test.each(cases)(
    "with $field = $shown is refused by that name and without the value",
    async ({ field, value }) => {
      const { ask, call, isolate } = await givenOperator();
      const owner = { type: "user", id: unique("refused") };
      const { key: _, ...known } = await ask<{ id: string; key: string }>(201, "POST", "/keys", {
        name: "known",
        owner,
      });

      const body = { name: "new", owner, ...requestOf(field, value) };
      const { detail } = await expectProblem(await call("POST", "/keys", body), 400, "invalid_request");
      expect(detail.startsWith(`${field}: `), detail).toBe(true);
      expect(detail).not.toContain(canary);

      const changed = await call("PATCH", `/keys/${known.id}`, requestOf(field, value));
      expect((await expectProblem(changed, 400, "invalid_request")).detail).toBe(detail);
      expect(
        await isolate.rooms.apiKeys.list({ owner: { type: "user", id: owner.id }, limit: 5 }),
      ).toHaveLength(1);
      expect(await ask(200, "GET", `/keys/${known.id}`)).toEqual(known);
    },
  );

  const createOnly: [field: string, more: Record<string, unknown>][] = [
    ["name", { name: undefined }],
    ["owner", { owner: undefined }],
    ["owner", { owner: canary }],
    ["owner.type", { owner: { type: canary, id: "x" } }],
    ["owner.type", { owner: { id: "x" } }],
    ["owner.id", { owner: { type: "user" } }],
    ["owner.id", { owner: { type: "user", id: "" } }],
    ["owner.id", { owner: { type: "user", id: `${canary} two` } }],
    ["owner.id", { owner: { type: "user", id: `${canary}é` } }],
    ["owner.id", { owner: { type: "user", id: "x".repeat(129) } }],
    ["owner.name", { owner: { type: "user", id: "x", name: canary } }],
    ["environment", { environment: canary }],
    ["environment", { environment: null }],
    ["secret", { secret: canary }],
    ["key", { key: canary }],
    ["id", { id: canary }],
    ["Name", { Name: canary }],
  ];
  test.each(createOnly)("cannot be created with a wrong %s: %j", async (field, more) => {
    const { call } = await givenOperator();
    const body = { name: "new", owner: { type: "user", id: unique("refused") }, ...more };
    const { detail } = await expectProblem(await call("POST", "/keys", body), 400, "invalid_request");
    expect(detail.startsWith(`${field}: `), detail).toBe(true);
    expect(detail).not.toContain(canary);
  });

  test("tells every wrong field at once, five at most", async () => {
    const { call } = await givenOperator();
    const body = { name: "", owner: {}, environment: "x", scopes: 1, limits: 1, metadata: 1, more: 1 };
    const { detail } = await expectProblem(await call("POST", "/keys", body), 400, "invalid_request");
    const fields = detail.split("; ").map((one) => one.split(":")[0]);
    expect(fields).toHaveLength(5);
    expect(fields).toEqual(expect.arrayContaining(["name", "owner.type", "owner.id", "environment"]));
  });

  test("may hold exactly what the limits allow: 4 KB of metadata, 64 scopes and ranges, 8 limits, 100 characters", async () => {
    const { ask } = await givenOperator();
    const metadata = { note: "x".repeat(4096 - '{"note":""}'.length) };
    const full = {
      name: "n".repeat(100),
      owner: { type: "user", id: "~".repeat(128) },
      scopes: words(63).concat("x".repeat(128)),
      allowed_addresses: Array.from({ length: 64 }, (_, at) => `192.0.2.${at}/32`),
      limits: Array.from({ length: 8 }, (_, at) => ({
        name: `l${at}`,
        limit: 1_000_000_000,
        window_seconds: 31 * 86_400,
      })),
      metadata,
    };
    expect(await ask(201, "POST", "/keys", full)).toMatchObject(full);
  });
});

test.each([
  [{ overlap_seconds: -1 }, "overlap_seconds"],
  [{ overlap_seconds: 30 * 86_400 + 1 }, "overlap_seconds"],
  [{ overlap_seconds: 1.5 }, "overlap_seconds"],
  [{ overlap_seconds: "60" }, "overlap_seconds"],
  [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
  [{ scopes: ["more"] }, "scopes"],
])("a rotation with %j is refused by name, and the key is not rotated", async (body, field) => {
  const { ask, call } = await givenOperator();
  const owner = { type: "user", id: unique("kept") };
  const { id } = await ask<{ id: string }>(201, "POST", "/keys", { name: "kept", owner });
  const refused = await call("POST", `/keys/${id}/rotate`, body);
  expect((await expectProblem(refused, 400, "invalid_request")).detail.startsWith(`${field}: `)).toBe(true);
  expect(await ask(200, "GET", `/keys/${id}`)).toMatchObject({ status: "active", replaced_by: null });
});

const users: [field: string, body: Record<string, unknown>, isForChange: boolean][] = [
  ["email", { email: undefined }, false],
  ["email", { email: 7 }, false],
  ["email", { email: canary }, false],
  ["email", { email: `${canary}@b.example, other@b.example` }, false],
  ["email", { email: `${canary}@b.example\r\nbcc: x@y.example` }, false],
  ["password", { password: 7 }, false],
  ["password", { password: canary.repeat(100) }, false],
  ["scopes", { scopes: canary }, true],
  ["scopes", { scopes: words(65) }, true],
  ["scopes.0", { scopes: [`${canary} two`] }, true],
  ["enabled", { enabled: canary }, true],
  ["state", { state: "active" }, true],
  ["id", { id: `usr_${"0".repeat(22)}` }, true],
  ["password_hash", { password_hash: canary }, true],
  ["email", { email: "new@b.example" }, true],
];
test.each(users)(
  "an account with a wrong %s is refused by name: %j (change: %s)",
  async (field, body, isForChange) => {
    const { ask, call } = await givenOperator();
    const email = freshAddress();
    const known = await ask<{ id: string }>(201, "POST", "/users", { email: freshAddress() });
    const answers = [
      ...(isForChange ? [await call("PATCH", `/users/${known.id}`, body)] : []),
      ...(isForChange && "email" in body ? [] : [await call("POST", "/users", { email, ...body })]),
    ];
    for (const answer of answers) {
      const { detail } = await expectProblem(answer, 400, "invalid_request");
      expect(detail.startsWith(`${field}: `), detail).toBe(true);
      expect(detail).not.toContain(canary);
    }
    expect(await ask(200, "GET", `/users/${known.id}`)).toEqual(known);
    expect((await ask<{ data: unknown[] }>(200, "GET", `/users?email=${email}`)).data).toEqual([]);
  },
);

test("a change of nothing is no change", async () => {
  const { ask, call } = await givenOperator();
  const { id } = await ask<{ id: string }>(201, "POST", "/users", { email: freshAddress() });
  const refused = await call("PATCH", `/users/${id}`, {});
  expect((await expectProblem(refused, 400, "invalid_request")).detail).toMatch(/at least one field/);
});

test.each([
  ["/keys", "limit", ["0", "201", "-1", "1.5", "ten", "1e2", " 5", "٣"]],
  ["/users", "limit", ["0", "201", "NaN"]],
  ["/users", "cursor", ["x".repeat(201), canary, "%00"]],
  ["/users", "state", ["gone", ""]],
  ["/users", "email", ["", canary, "%00", "a@b.example,c@d.example", `${"x".repeat(600)}@b.example`]],
  ["/users", "scopes", ["read"]],
  ["/audit", "limit", ["0", "201", "NaN"]],
  ["/keys", "cursor", ["x".repeat(201), canary, "%00"]],
  ["/keys", "environment", ["prod"]],
  ["/keys", "owner_type", ["robot&owner_id=x"]],
  ["/keys", "owner_id", ["%00&owner_type=user", "two%20words&owner_type=user"]],
  ["/keys", "page", ["2"]],
  ["/routes", "limit", ["5"]],
  ["/audit", "type", ["key.everything", ""]],
  ["/audit", "from", ["yesterday", "0000-01-01T00:00:00Z", "2027-01-31"]],
  ["/audit", "until", ["2027-99-99T00:00:00Z"]],
  ["/audit", "actor_id", ["%00", "", "x".repeat(1025)]],
  ["/audit", "subject_id", ["%00"]],
  ["/audit", "request_id", ["%0a"]],
  ["/audit", "reason", ["revoked"]],
])("GET %s refuses a wrong %s: %j", async (path, field, values) => {
  const { call } = await givenOperator();
  for (const value of values) {
    const refused = await call("GET", `${path}?${field}=${value}`);
    const { detail } = await expectProblem(refused, 400, "invalid_request");
    expect(detail.startsWith(`${field}: `), `${value}: ${detail}`).toBe(true);
    expect(detail).not.toContain(canary);
  }
});

test("half an owner is no filter: owner_type and owner_id go together", async () => {
  const { call } = await givenOperator();
  for (const query of ["owner_type=user", "owner_id=x"]) {
    const refused = await call("GET", `/keys?${query}`);
    expect((await expectProblem(refused, 400, "invalid_request")).detail).toMatch(/go together/);
  }
});
