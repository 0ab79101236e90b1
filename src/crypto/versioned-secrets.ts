import { type Bytes, fromBase64url } from "./bytes.ts";

/** Secrets by version: the newest makes, all of them open or accept. Newest first. */
export type VersionedSecrets = readonly { readonly version: number; readonly secret: Bytes }[];

export const secretBytesMin = 32;

/**
 * Parses `2:<base64url>,1:<base64url>`. Answers what is wrong as the end of a sentence that begins with the
 * variable's name; a value never appears in it.
 */
export function parseVersionedSecrets(
  text: string,
): { ok: true; secrets: VersionedSecrets } | { ok: false; reason: string } {
  const secrets: { version: number; secret: Bytes }[] = [];
  for (const entry of text.split(",")) {
    const match = /^\s*([1-9]\d{0,5}):(\S+)\s*$/.exec(entry);
    const secret = match?.[2] ? fromBase64url(match[2]) : null;
    if (!match || !secret) {
      return { ok: false, reason: "must be a list like 2:<base64url>,1:<base64url>" };
    }
    const version = Number(match[1]);
    if (secret.length < secretBytesMin || new Set(secret).size < 12) {
      return { ok: false, reason: `is too weak: version ${version} needs ${secretBytesMin} random bytes` };
    }
    if (secrets.some((known) => known.version === version)) {
      return { ok: false, reason: `names version ${version} twice` };
    }
    secrets.push({ version, secret });
  }
  return { ok: true, secrets: secrets.sort((a, b) => b.version - a.version) };
}
