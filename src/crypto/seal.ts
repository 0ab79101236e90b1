import { base64url, fromBase64url, utf8 } from "./bytes.ts";
import type { VersionedSecrets } from "./versioned-secrets.ts";

/**
 * An AES-256-GCM envelope: `version.nonce.ciphertext`, the newest master key seals, every known one opens.
 * `context` is authenticated, so that a sealed value cannot be moved to another row or another use.
 */
export function createSeal(masterKeys: VersionedSecrets) {
  const newest = masterKeys[0];
  if (!newest) throw new Error("a seal needs at least one master key");

  const keyOf = async (secret: Uint8Array<ArrayBuffer>, use: "encrypt" | "decrypt") =>
    crypto.subtle.importKey(
      "raw",
      await crypto.subtle.digest("SHA-256", secret),
      { name: "AES-GCM" },
      false,
      [use],
    );

  return {
    /** False for what a newer master key should seal anew. */
    isNewest: (sealed: string): boolean => sealed.startsWith(`${newest.version}.`),

    async seal(plaintext: string, context: string): Promise<string> {
      const nonce = crypto.getRandomValues(new Uint8Array(12));
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv: nonce, additionalData: utf8(context) },
        await keyOf(newest.secret, "encrypt"),
        utf8(plaintext),
      );
      return `${newest.version}.${base64url(nonce)}.${base64url(new Uint8Array(sealed))}`;
    },

    /** `unknown_version`: the master key was lost or not yet given; `broken`: altered, or from another context. */
    async open(
      sealed: string,
      context: string,
    ): Promise<{ ok: true; plaintext: string } | { ok: false; reason: "unknown_version" | "broken" }> {
      const [version, nonceText, cipherText] = sealed.split(".");
      const nonce = fromBase64url(nonceText ?? "");
      const cipher = fromBase64url(cipherText ?? "");
      if (!nonce || !cipher) return { ok: false, reason: "broken" };
      const master = masterKeys.find((key) => String(key.version) === version);
      if (!master) return { ok: false, reason: "unknown_version" };
      try {
        const plaintext = await crypto.subtle.decrypt(
          { name: "AES-GCM", iv: nonce, additionalData: utf8(context) },
          await keyOf(master.secret, "decrypt"),
          cipher,
        );
        return { ok: true, plaintext: new TextDecoder().decode(plaintext) };
      } catch {
        return { ok: false, reason: "broken" };
      }
    },
  };
}

export type Seal = ReturnType<typeof createSeal>;
