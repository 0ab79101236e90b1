import type { Refusal, Reply } from "./authorization-request.ts";

/** What a client is sent, by name. */
export type Answer = Readonly<Record<string, string>>;

/** RFC 9207 §2: every answer says who it comes from, so that a client with several servers cannot be mixed up. */
export const answerOf = (
  reply: Reply,
  what: { readonly code: string } | Refusal,
  issuer: string,
): Answer => ({
  ...("code" in what ? { code: what.code } : { error: what.error, error_description: what.description }),
  ...(reply.state === null ? {} : { state: reply.state }),
  iss: issuer,
});

/** The address that carries the answer. What a registered URI says already stays as it is (RFC 6749 §3.1.2). */
export function addressOf({ redirect, mode }: Reply, answer: Answer): string {
  const fields = new URLSearchParams(answer).toString();
  if (fields === "") return redirect.uri;
  if (mode === "fragment") return `${redirect.uri}#${fields}`;
  return `${redirect.uri}${redirect.uri.includes("?") ? "&" : "?"}${fields}`;
}
