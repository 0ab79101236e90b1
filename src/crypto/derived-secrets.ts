import { type Bytes, utf8 } from "./bytes.ts";
import type { VersionedSecrets } from "./versioned-secrets.ts";

const salt = utf8("gatehouse derived secrets");

/**
 * One secret of 256 bits for each master key, for one use and no other (HKDF-SHA-256, RFC 5869 §2). A use is named by
 * its label: what one use leaks says nothing of another's secret, nor of the master key. A new master key gives a new
 * version of every derived secret, under the same number.
 */
export async function deriveSecrets(masters: VersionedSecrets, label: string): Promise<VersionedSecrets> {
  return await Promise.all(
    masters.map(async ({ version, secret }) => ({ version, secret: await derive(secret, label) })),
  );
}

async function derive(master: Bytes, label: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: utf8(`gatehouse ${label}`) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}
