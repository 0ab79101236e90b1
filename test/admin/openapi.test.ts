import { expect, test } from "vitest";
import type { OperationId } from "../../src/admin/operations.ts";
import { codes } from "../../src/errors/codes.ts";
import { givenIsolate, issuer } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { matches, type Schema } from "./json-schema.ts";
import { givenOperator } from "./operator.ts";
import { callOperation, givenTargets, operationIds, operationOf, sampleOf } from "./samples.ts";

type Parameter = { name: string; in: string; required: boolean; schema: Schema };
type Described = {
  operationId: OperationId;
  summary: string;
  parameters: Parameter[];
  requestBody?: { required: boolean; content: { "application/json": { schema: Schema } } };
  responses: Record<string, unknown>;
};
type Document = {
  openapi: string;
  info: Record<string, string>;
  servers: { url: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, Record<string, Described>>;
  components: { securitySchemes: object; responses: Record<string, unknown> };
};

async function readDocument(): Promise<Document> {
  const answer = await (await givenIsolate()).fetch("/admin/v1/openapi.json");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  return (await answer.json()) as Document;
}

const describedIn = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method, described })),
  );

test("the document is OpenAPI 3.1, readable without a credential, and every reference in it leads somewhere", async () => {
  const document = await readDocument();
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  expect(document.servers).toEqual([{ url: issuer }]);
  expect(Object.keys(document.security[0] ?? {})).toEqual(Object.keys(document.components.securitySchemes));
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
  const targets = Array.from(references, ([, target]) => target ?? "");
  expect(targets.length).toBeGreaterThan(0);
  for (const target of new Set(targets)) {
    expect(target).toMatch(/^#\//);
    const steps = target.slice(2).split("/");
    expect(
      steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document),
    ).toBeDefined();
  }
});

test("it holds every operation once, with its method, path, parameters, status and body, and nothing that is not there", async () => {
  const document = await readDocument();
  const described = describedIn(document);
  expect(described.map(({ described: { operationId } }) => operationId).sort()).toEqual(
    [...operationIds].sort(),
  );
  for (const { path, method, described: one } of described) {
    const operation = operationOf(one.operationId);
    expect([method, path]).toEqual([
      operation.method,
      `/admin/v1${operation.path.replaceAll(/:(\w+)/g, "{$1}")}`,
    ]);
    const inPath = one.parameters.filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    expect(inPath.every(({ required }) => required)).toBe(true);
    expect(one.parameters.every((parameter) => ["path", "query"].includes(parameter.in))).toBe(true);
    expect(Object.keys(one.responses)).toEqual([String(operation.status), "default"]);
    expect(one.requestBody !== undefined).toBe(operation.body !== null);
    expect(["get", "delete"].includes(method) && one.requestBody !== undefined).toBe(false);
  }
});

test("every path of the document is answered by the API, with the methods it names and no others", async () => {
  const { isolate, call } = await givenOperator();
  const { paths } = await readDocument();
  for (const [path, methods] of Object.entries(paths)) {
    const address = path
      .replace("/admin/v1", "")
      .replace("{type}", "user")
      .replaceAll(/\{\w+\}/g, "x");
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const answer = await call(method.toUpperCase(), address);
      // Not always 405: `/keys/import` with another method is a key named `import`.
      if (!(method in methods)) expect(answer.ok, `${method} ${path}`).toBe(false);
      else expect(answer.status, `${method} ${path}`).not.toBe(405);
    }
  }
  await isolate.settle();
});

test("a problem of the API has the shape that the document gives problems, with a word of the closed table", async () => {
  const document = await readDocument();
  const { content } = document.components.responses["Problem"] as {
    content: Record<string, { schema: Schema & { properties: { error: { examples: string[] } } } }>;
  };
  const { schema } = content["application/problem+json"] ?? {
    schema: { properties: { error: { examples: [] } } },
  };
  expect(schema.properties.error.examples).toEqual(Object.keys(codes));
  const { call } = await givenOperator();
  const problem = await expectProblem(await call("GET", "/keys/none"), 404, "not_found");
  for (const name of schema["required"] as string[]) expect(problem).toHaveProperty(name);
});

const owner = { type: "user", id: "u" };
const route = {
  name: "r",
  match: { path: "/r" },
  upstream: { url: "https://u.example" },
  credentials: ["api-key"],
};
/** What the API refuses by shape alone: the schema must refuse it too, and take the sample of each operation. */
const refused: [OperationId, unknown][] = [
  ["createKey", {}],
  ["createKey", { name: "a" }],
  ["createKey", { name: "a", owner: { type: "robot", id: "u" } }],
  ["createKey", { name: "a", owner, environment: "prod" }],
  ["createKey", { name: "a", owner, more: 1 }],
  ["createKey", { name: "x".repeat(101), owner }],
  ["createKey", { name: "a", owner, metadata: [] }],
  ["createKey", { name: "a", owner, limits: [{ name: "a", limit: 0, window_seconds: 1 }] }],
  ["createKey", { name: "a", owner, scopes: Array(65).fill("a") }],
  ["createKey", { name: "a", owner, expires_at: "soon" }],
  ["importKeys", { keys: [] }],
  ["importKeys", { keys: [{ name: "a", owner, prefix: "legacy_", sha256: "short" }] }],
  ["updateKey", { enabled: "yes" }],
  ["updateKey", { owner }],
  ["rotateKey", { overlap_seconds: -1 }],
  ["revokeKey", { reason: "x" }],
  ["createRoute", { ...route, name: "Upper" }],
  ["createRoute", { ...route, credentials: [] }],
  ["createRoute", { ...route, upstream: {} }],
  ["createRoute", { ...route, timeout_seconds: 301 }],
  ["updateRoute", { keep_path: 1 }],
  ["createUser", {}],
  ["createUser", { email: 7 }],
  ["createUser", { email: "a@b.example", state: "active" }],
  ["createUser", { email: "a@b.example", password: 7 }],
  ["createUser", { email: "a@b.example", scopes: "read" }],
  ["updateUser", { enabled: "no" }],
  ["updateUser", { email: "a@b.example" }],
  ["updateUser", { password: "seven green kettles sing" }],
  ["logOutUser", { everywhere: true }],
  ["revokeTokens", {}],
  ["revokeTokens", { jti: "tok_short" }],
  ["revokeTokens", { jti: 7 }],
  ["revokeTokens", { expires_at: "2027-01-01T00:00:00Z" }],
  ["revokeTokens", { client_id: "two words" }],
  ["revokeTokens", { client_id: "a", token: "b" }],
  ["revokeTokens", { token: "a", expires_at: "2027-01-01T00:00:00Z" }],
];

test.each(refused)("%s refuses %j, by its schema as by its answer", async (id, body) => {
  const { isolate, key: admin } = await givenOperator();
  const targets = await givenTargets(isolate);
  const described = describedIn(await readDocument()).find(
    (one) => one.described.operationId === id,
  )?.described;
  const schema = described?.requestBody?.content["application/json"].schema ?? {};
  const sample = sampleOf(id, targets);
  const headers = { authorization: `Bearer ${admin}` };

  expect(matches(schema, sample.body)).toBe(true);
  expect(matches(schema, body)).toBe(false);

  const answer = await callOperation(isolate, id, { path: sample.path, body }, headers);
  await expectProblem(answer, 400, "invalid_request");
});

test("the schemas say which bodies and query parameters are needed, and what a page may be", async () => {
  const described = new Map(
    describedIn(await readDocument()).map((one) => [one.described.operationId, one.described]),
  );
  const needed = [...described.values()]
    .filter(({ requestBody }) => requestBody?.required)
    .map((one) => one.operationId);
  expect(needed.sort()).toEqual([
    "createClient",
    "createKey",
    "createRoute",
    "createUser",
    "importKeys",
    "revokeTokens",
  ]);
  const draft = described.get("createRoute")?.requestBody?.content["application/json"].schema;
  // Who sets a level must be told that it closes the route to no key.
  const fields = (draft?.["properties"] ?? {}) as Record<string, unknown>;
  expect(JSON.stringify(fields["level"])).toContain("prove no person and are not bound by it");
  expect(JSON.stringify(fields["max_age_seconds"])).toContain("Binds access tokens alone");
  const query = described.get("listKeys")?.parameters ?? [];
  expect(query.map(({ name }) => name)).toEqual(["limit", "cursor", "owner_type", "owner_id", "environment"]);
  const limit = query[0]?.schema ?? {};
  expect(["1", "50", "200"].map((text) => matches(limit, text))).toEqual([true, true, true]);
  expect(["0", "1000", "x"].map((text) => matches(limit, text))).toEqual([false, false, false]);
});
