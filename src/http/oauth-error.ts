import { AuthError } from "../errors/auth-error.ts";
import { type Code, sentenceOf, statusOf } from "../errors/codes.ts";

/** Where the words or statuses of OAuth are not ours (RFC 6749 §5.2). Everything else that is not here is told as it is. */
const spoken: Readonly<Partial<Record<Code, readonly [error: string, status: number]>>> = {
  invalid_grant: ["invalid_grant", 400],
  unsupported_media_type: ["invalid_request", 400],
  invalid_json: ["invalid_request", 400],
  content_too_large: ["invalid_request", 413],
  unavailable: ["temporarily_unavailable", 503],
  internal: ["server_error", 500],
};
/** What our own sentence for the word would say of something else. */
const sentences: Readonly<Partial<Record<Code, string>>> = {
  invalid_grant: "The grant is invalid, expired, was used already, or is not this client's.",
  unsupported_media_type: "Send the parameters as application/x-www-form-urlencoded.",
};

/**
 * What was thrown, in the voice of OAuth (RFC 6749 §5.2). `challenged`: the client tried the Authorization header, and is
 * told which scheme is taken there.
 */
export function oauthError(thrown: unknown, challenged: boolean): Response {
  const failure = thrown instanceof AuthError ? thrown : new AuthError("internal");
  const { code, detail } = failure;
  const [error, status] = spoken[code] ?? [code, statusOf(code)];
  const told = status < 500 ? detail : undefined;
  const description = told ?? sentences[code] ?? sentenceOf(code);
  const wait = failure.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  return new Response(JSON.stringify({ error, error_description: printable(description) }), {
    status,
    headers: {
      ...uncached,
      "content-type": "application/json",
      ...(wait === undefined ? {} : { "retry-after": String(wait) }),
      ...(code === "invalid_client" && challenged ? { "www-authenticate": 'Basic realm="gatehouse"' } : {}),
    },
  });
}

/** RFC 6749 §5.1, for caches of any age. */
export const uncached = { "cache-control": "no-store", pragma: "no-cache" } as const;

/** RFC 6749 §5.2: no quote, no backslash, ASCII alone. */
const printable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'");
