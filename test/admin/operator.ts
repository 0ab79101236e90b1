import { expect } from "vitest";
import { givenIsolate, givenKey, type IsolateOptions, withAdmin } from "../support/given.ts";

/** An isolate and an operator who calls its management API. */
export async function givenOperator(options: IsolateOptions = {}) {
  const isolate = await givenIsolate(options);
  const { key, id } = await givenKey(isolate, { scopes: ["gatehouse:admin"] });

  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    isolate.fetch(`/admin/v1${path}`, {
      method,
      headers: {
        ...withAdmin(key),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });

  return {
    isolate,
    key,
    keyId: id,
    call,
    /** The answer's body, once its status is as expected. */
    async ask<Shape = Record<string, unknown>>(
      status: number,
      method: string,
      path: string,
      body?: unknown,
    ): Promise<Shape> {
      const response = await call(method, path, body);
      const text = await response.text();
      expect([response.status, text.slice(0, 300)]).toEqual([status, expect.any(String)]);
      return JSON.parse(text) as Shape;
    },
  };
}

export type OperatorAtWork = Awaited<ReturnType<typeof givenOperator>>;
