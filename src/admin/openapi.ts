import { toJsonSchema } from "@valibot/to-json-schema";
import { type GenericSchema, is } from "valibot";
import { codes } from "../errors/codes.ts";
import { type Operation, operations } from "./operations.ts";

/** What a caller sends, without what we do to it (`trim`, `transform`): JSON Schema cannot say those. */
const schemaOf = (schema: GenericSchema) => {
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    errorMode: "ignore",
    typeMode: "input",
    // The one shape of ours that the library has no schema for: an object of anything.
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? { type: "object" } : undefined),
  });
  return rest;
};

function parametersOf(operation: Operation) {
  const inPath = [...operation.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = schemaOf(operation.query) as { properties?: Record<string, unknown>; required?: string[] };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

/** A call whose body has nothing that must be said may come without one. */
function requestBodyOf(body: GenericSchema) {
  return { required: !is(body, {}), content: { "application/json": { schema: schemaOf(body) } } };
}

function describe(id: string, operation: Operation) {
  return {
    operationId: id,
    summary: operation.summary,
    parameters: parametersOf(operation),
    ...(operation.body ? { requestBody: requestBodyOf(operation.body) } : {}),
    responses: {
      [operation.status]: { description: operation.answer, content: { "application/json": {} } },
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

/** The management API as an OpenAPI 3.1 document, computed from its operations. */
export function openApiDocument(issuer: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [id, operation] of Object.entries(operations) as [string, Operation][]) {
    const path = `/admin/v1${operation.path.replaceAll(/:(\w+)/g, "{$1}")}`;
    paths[path] = { ...paths[path], [operation.method]: describe(id, operation) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Gatehouse management API", version: "1" },
    servers: [{ url: issuer }],
    security: [{ managementKey: [] }],
    paths,
    components: {
      securitySchemes: {
        managementKey: {
          type: "http",
          scheme: "bearer",
          description: "A key with the scope gatehouse:admin",
        },
      },
      responses: {
        Problem: {
          description: "Problem details (RFC 9457)",
          content: {
            "application/problem+json": {
              schema: {
                type: "object",
                required: ["error", "status", "detail", "request_id"],
                properties: {
                  error: { type: "string", examples: Object.keys(codes) },
                  type: { type: "string" },
                  title: { type: "string" },
                  status: { type: "integer" },
                  detail: { type: "string" },
                  request_id: { type: "string" },
                },
              },
            },
          },
        },
      },
    },
  };
}
