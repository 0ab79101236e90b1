import type { AccessToken } from "./access-token.ts";

/** In one isolate. */
export const rememberedMax = 10_000;

/**
 * Tokens whose signature was right, by the SHA-256 of their text, until they expire: a signature is made once and stays
 * right. What was refused is not kept, or strangers would fill it. Bounded; the least recently asked leaves first.
 */
export function createTokenMemory(now: () => number) {
  const byHash = new Map<string, AccessToken>();
  return {
    find(hash: string): AccessToken | null {
      const token = byHash.get(hash);
      if (!token) return null;
      const isExpired = token.expiresAtSeconds * 1000 <= now();
      // While there is room for as many again nothing leaves, and the order says nothing yet.
      if (isExpired || byHash.size > rememberedMax / 2) byHash.delete(hash);
      if (isExpired) return null;
      byHash.set(hash, token);
      return token;
    },
    put(hash: string, token: AccessToken): void {
      byHash.set(hash, token);
      if (byHash.size > rememberedMax) byHash.delete(byHash.keys().next().value ?? "");
    },
    size: (): number => byHash.size,
  };
}

export type TokenMemory = ReturnType<typeof createTokenMemory>;
