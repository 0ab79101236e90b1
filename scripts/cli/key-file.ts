import type { InferInput } from "valibot";
import type { importKeysInput } from "../../src/admin/input.ts";
import { refusal } from "../stack/refusal.ts";
import { nameOfFile, readGivenFile } from "./given-file.ts";

type KeysToImport = InferInput<typeof importKeysInput>;

/** A list of keys, or the API's own body around it; what stands in each entry, the API judges. */
export async function readKeysToImport(path: string): Promise<KeysToImport> {
  const name = nameOfFile(path);
  const value = parse(await readGivenFile(path), name);
  const keys = Array.isArray(value) ? value : (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw refusal(`${name} must hold a list of keys, or { "keys": list }.`);
  return { keys: keys as KeysToImport["keys"] };
}

function parse(written: string, name: string): unknown {
  try {
    return JSON.parse(written);
  } catch (error) {
    // The parser's own words would quote the file, which may hold keys.
    throw refusal(`${name} is not JSON.`, error);
  }
}
