import { expect } from "vitest";

type Body = Readonly<Record<string, unknown>>;

/** What every answer of a back door carries (RFC 6749 §5.1), and its body. */
async function bodyOf(response: Response, status: number): Promise<Body> {
  const text = await response.text();
  expect([response.status, text.slice(0, 300)]).toEqual([status, expect.any(String)]);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "cache-control": "no-store",
    pragma: "no-cache",
    "content-type": "application/json",
    "x-content-type-options": "nosniff",
    "strict-transport-security": expect.stringContaining("max-age=63072000"),
  });
  return JSON.parse(text) as Body;
}

/** An error as RFC 6749 §5.2 has it: the word, one sentence in its alphabet, and nothing else. */
export async function expectOauthError(response: Response, status: number, error: string): Promise<string> {
  const body = await bodyOf(response, status);
  expect(body).toEqual({
    error,
    error_description: expect.stringMatching(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/),
  });
  return String(body["error_description"]);
}

/** Tokens, and never more than was asked for. */
export async function expectTokens(response: Response): Promise<Body & { readonly access_token: string }> {
  const body = await bodyOf(response, 200);
  expect(body).toMatchObject({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: expect.any(Number),
    scope: expect.any(String),
  });
  return body as Body & { access_token: string };
}
