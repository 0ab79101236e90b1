import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";

/** Management and verification bodies: far above any honest one, far below a burden. */
export const bodyBytesMax = 64 * 1024;
const issuesShown = 5;

/** The body as text, or 413 as soon as it is too large: a lying or missing Content-Length changes nothing. */
export async function readText(request: Request, bytesMax: number): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw new AuthError("content_too_large");
  if (!request.body) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new AuthError("content_too_large");
    text += decodeOrRefuse(() => decoder.decode(chunk, { stream: true }));
  }
  return text + decodeOrRefuse(() => decoder.decode());
}

function decodeOrRefuse(decode: () => string): string {
  try {
    return decode();
  } catch (cause) {
    throw new AuthError("invalid_json", "the body is not UTF-8", { cause });
  }
}

/** A JSON body as a typed value. 415 without JSON's media type, 413, or 400 naming the fields that are wrong. */
export async function readJson<Schema extends v.GenericSchema>(
  request: Request,
  schema: Schema,
  options: { bytesMax?: number; emptyAs?: unknown } = {},
): Promise<v.InferOutput<Schema>> {
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  const text = await readText(request, options.bytesMax ?? bodyBytesMax);
  if (text === "" && "emptyAs" in options) return parseInput(schema, options.emptyAs);
  if (mediaType !== "application/json") throw new AuthError("unsupported_media_type");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AuthError("invalid_json", undefined, { cause });
  }
  // To the schema library a list is an object without fields, and would pass where every field is optional.
  if (Array.isArray(value)) throw new AuthError("invalid_request", "the body must be an object");
  return parseInput(schema, value);
}

/** Shaped like names of ours: a key sent as the name of a field is longer, and must not come back either. */
const tellablePath = /^[A-Za-z0-9_]{1,32}(?:\.[A-Za-z0-9_]{1,32}){0,8}$/;

/** Names the fields, never what was in them: a secret sent in the wrong field must not come back. */
export function parseInput<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const told = parsed.issues.slice(0, issuesShown).map((issue) => {
    const path = v.getDotPath(issue);
    if (!path) return sentence(issue);
    return `${tellablePath.test(path) ? path : "one field"}: ${sentence(issue)}`;
  });
  throw new AuthError("invalid_request", told.join("; "));
}

/** Messages of our schemas are written by us; the library's own would quote the value received. */
function sentence(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  if (issue.type === "strict_object")
    return issue.expected === "never" ? "is not a known field" : "is missing";
  if (issue.received === "undefined") return "is missing";
  return issue.expected ? `must be ${issue.expected}` : "is not acceptable";
}
