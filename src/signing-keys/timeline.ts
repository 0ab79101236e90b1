import type { Reach } from "../revocation/revocation.ts";
import {
  isPublished,
  type KeyDates,
  type Pair,
  publishedUntil,
  rotation,
  seenFrom,
  stateOf,
} from "./schedule.ts";

/** What a rotation did and what it breaks. */
export type Timeline = {
  readonly killed: (Killed & { readonly trustedElsewhereUntil: Date }) | null;
  /** Of each pair the key that signs and the one that follows. */
  readonly signing: readonly (Pair & {
    readonly kid: string;
    readonly signsFrom: Date;
    /** Verifiers with an older copy of the key set may refuse its tokens until then; null: all have seen it in time. */
    readonly mayBeRefusedUntil: Date | null;
  })[];
  /** Keys that sign no more, or soon: still published, so that what they signed verifies until it expires. */
  readonly leaving: readonly (Pair & {
    readonly kid: string;
    readonly signsUntil: Date;
    readonly publishedUntil: Date;
  })[];
};

export type Killed = Pair & { readonly kid: string; readonly killedAt: Date; readonly reach: Reach };

/** A verifier elsewhere that knows nothing but the key set trusts a killed key as long as it may keep its copy. */
const trustedElsewhereUntil = ({ reach }: Killed): Date =>
  new Date(reach.effectiveEverywhereBy.getTime() + rotation.keySetSeconds * 1000);

export function timelineOf(keys: readonly KeyDates[], killed: Killed | null, now: number): Timeline {
  const published = keys.filter((key) => isPublished(key, now));
  return {
    killed: killed && { ...killed, trustedElsewhereUntil: trustedElsewhereUntil(killed) },
    signing: published
      .filter((key) => stateOf(key, now) !== "retiring")
      .toSorted((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
      .map((key) => {
        const begins = Math.max(key.signsFrom.getTime(), now);
        const { kid, purpose, algorithm, signsFrom } = key;
        const mayBeRefusedUntil = seenFrom(key) > begins ? new Date(seenFrom(key)) : null;
        return { kid, purpose, algorithm, signsFrom, mayBeRefusedUntil };
      }),
    leaving: published.flatMap((key) => {
      const until = publishedUntil(key);
      if (key.signsUntil === null || until === null) return [];
      const { kid, purpose, algorithm, signsUntil } = key;
      return [{ kid, purpose, algorithm, signsUntil, publishedUntil: new Date(until) }];
    }),
  };
}
