import type * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import { parseInput, readText } from "./body.ts";

/** A form of ours holds a few short fields. */
const formBytesMax = 16 * 1024;
const fieldsMax = 50;

/** A form's fields as they came. 415 for any other media type, 413; no two media types at once. */
export async function readPairs(request: Request, bytesMax = formBytesMax): Promise<URLSearchParams> {
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") throw new AuthError("unsupported_media_type");
  return new URLSearchParams(await readText(request, bytesMax));
}

/**
 * A form's fields as a typed value: one value for each name, since which of two counts would be a guess
 * (RFC 6749 §3.2). 415 for any other media type, 413, or 400 that names fields and never their values.
 */
export async function readForm<Schema extends v.GenericSchema>(
  request: Request,
  schema: Schema,
  bytesMax = formBytesMax,
): Promise<v.InferOutput<Schema>> {
  const fields: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, value] of await readPairs(request, bytesMax)) {
    count += 1;
    if (count > fieldsMax) throw new AuthError("invalid_request", "the form has too many fields");
    if (name in fields) throw new AuthError("invalid_request", "the form holds a field twice");
    fields[name] = value;
  }
  return parseInput(schema, { ...fields });
}
