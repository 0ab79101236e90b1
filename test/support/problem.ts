import { expect } from "vitest";

export type Problem = {
  readonly error: string;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly request_id: string;
};

/** An error of ours in full: status, stable word, problem+json's members (RFC 9457 §3), never kept by a cache. */
export async function expectProblem(response: Response, status: number, error: string): Promise<Problem> {
  const text = await response.text();
  expect([response.status, text.slice(0, 300)]).toEqual([
    status,
    expect.stringContaining(`"error":${JSON.stringify(error)}`),
  ]);
  const body = JSON.parse(text) as Problem;
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(body.status).toBe(status);
  expect(body.request_id).toBe(response.headers.get("x-request-id"));
  expect(Object.keys(body)).toEqual(expect.arrayContaining(["type", "title", "detail"]));
  return body;
}

/** Where a gateway route says who gives tokens for it (RFC 9728 §5.1); `test/oauth/metadata.test.ts` holds each refusal to it. */
const pointer =
  /, resource_metadata="https:\/\/auth\.gatehouse\.test\/\.well-known\/oauth-protected-resource\/gateway\/[\w/.~-]+"$/;

/** The whole challenge but for that. */
export const challengeOf = (response: Response): string =>
  (response.headers.get("www-authenticate") ?? "").replace(pointer, "");
