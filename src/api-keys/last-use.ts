import type { ApiKeyStore, Use } from "./store.ts";

const grainMilliseconds = 60_000;
const keysMax = 10_000;

/** When and from where a key was last used, at minute grain: one write a minute for a key and isolate, behind an answer. */
export function createLastUse(options: { store: Pick<ApiKeyStore, "noteUse"> }) {
  const writtenAt = new Map<string, number>();
  return {
    note(use: Use, background: (work: Promise<unknown>) => void): void {
      const at = use.at.getTime();
      const last = writtenAt.get(use.keyId);
      if (last !== undefined && at - last < grainMilliseconds) return;
      writtenAt.delete(use.keyId);
      writtenAt.set(use.keyId, at);
      if (writtenAt.size > keysMax) writtenAt.delete(writtenAt.keys().next().value ?? "");
      // A lost note is a minute of precision: the next minute's use writes again.
      background(options.store.noteUse([use]).catch(() => writtenAt.delete(use.keyId)));
    },
  };
}
