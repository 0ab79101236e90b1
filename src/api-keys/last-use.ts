import type { ApiKeyStore, Use } from "./store.ts";

const grainMilliseconds = 60_000;
const keysMax = 10_000;

/** When and from where a key was last used, at minute grain: one write a minute for a key and isolate, behind an answer. */
export function createLastUse(options: { store: Pick<ApiKeyStore, "noteUse">; now: () => number }) {
  const writtenAt = new Map<string, number>();
  return {
    /** `usedFrom` is looked at only when there is something to write. */
    note(
      keyId: string,
      usedFrom: Pick<Use, "address" | "country"> | null,
      background: (work: Promise<unknown>) => void,
    ): void {
      const at = options.now();
      const last = writtenAt.get(keyId);
      if (last !== undefined && at - last < grainMilliseconds) return;
      writtenAt.delete(keyId);
      writtenAt.set(keyId, at);
      if (writtenAt.size > keysMax) writtenAt.delete(writtenAt.keys().next().value ?? "");
      const { address, country } = usedFrom ?? { address: "", country: null };
      const use = { keyId, at: new Date(at), address, country };
      // A lost note is a minute of precision: the next minute's use writes again.
      background(options.store.noteUse([use]).catch(() => writtenAt.delete(keyId)));
    },
  };
}
