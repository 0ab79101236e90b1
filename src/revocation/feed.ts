import type { ChangeKind } from "./ending.ts";
import { type Heard, numberOf, parseMember, type Span } from "./feed-member.ts";
import type { RevocationStore, Trip } from "./store.ts";

type Changed = (subjectId: string, span: Span | null) => void;

/** Enough to tell, for any store read that is still under way, which changes arrived during it. */
const appliedKept = 2000;

/**
 * One isolate's copy of the feed of changes. Two facts come out of it:
 * - `readBeganAt`: every change announced before this time is known here;
 * - `coverageOf`: a value read from the source is kept true by the feed from then on, because no change of it can
 *   have slipped in between its read and the feed's position.
 * Values only are shared between requests, never promises: an I/O object of one request must not be awaited by another.
 */
export function createFeed(options: { store: Pick<RevocationStore, "readSince">; now: () => number }) {
  const { store, now } = options;
  const listeners: { kind: ChangeKind; changed: Changed; lost(): void }[] = [];
  let position = { number: 0, member: "" };
  /** Grows with each new start, so that an answer to a question from before it is recognised. */
  let era = 0;
  let readBeganAt = Number.NEGATIVE_INFINITY;
  let applied: Heard[] = [];
  let appliedFrom = 0;

  function startAnew(member: string): void {
    era += 1;
    position = { number: numberOf(member), member };
    applied = [];
    appliedFrom = position.number;
    for (const listener of listeners) listener.lost();
  }

  function apply(members: readonly string[]): void {
    for (const member of members) {
      const change = parseMember(member);
      if (change.number <= position.number) continue;
      position = { number: change.number, member };
      applied.push(change);
      for (const { kind, changed } of listeners) {
        if (kind === change.kind) changed(change.subjectId, change.span);
      }
    }
    if (applied.length > appliedKept) {
      applied = applied.slice(-appliedKept / 2);
      appliedFrom = (applied[0]?.number ?? position.number) - 1;
    }
  }

  return {
    onChange(kind: ChangeKind, changed: Changed, lost: () => void): void {
      listeners.push({ kind, changed, lost });
    },

    readBeganAt: () => readBeganAt,

    /** A change made in this isolate: it need not wait until the feed brings it back. */
    tellHere(kind: ChangeKind, subjectId: string): void {
      for (const listener of listeners) if (listener.kind === kind) listener.changed(subjectId, null);
    },

    /** Reads increments with the given trip; false when Redis did not answer, and then nothing is newer than it was. */
    async refresh(trip: Trip): Promise<boolean> {
      const askedInEra = era;
      const asked = position;
      const beganAt = now();
      let members: string[];
      try {
        members = await store.readSince(trip, asked.number, asked.member);
      } catch {
        return false;
      }
      // Another request started anew meanwhile: this answer continues a position that no longer is.
      if (askedInEra !== era) return readBeganAt >= beganAt;
      const [first, newest] = members;
      if (first === "reset" && newest !== undefined) startAnew(newest);
      else if (first === asked.member) apply(members.slice(1));
      else return false;
      readBeganAt = Math.max(readBeganAt, beganAt);
      return true;
    },

    /** Taken before a value is read from the source; `keeps` tells afterwards whether the feed watches over that value. */
    coverageOf(kind: ChangeKind) {
      const from = { era, number: position.number, known: position.member !== "" };
      const continues = () => from.known && from.era === era;
      const isUnbroken = () => continues() && from.number >= appliedFrom;
      const heard = () => applied.filter((change) => change.number > from.number && change.kind === kind);
      return {
        /** Every change since then was told to the listeners. Enough for a copy that only ever grows. */
        continues,
        keeps: (subjectId: string): boolean =>
          isUnbroken() && !heard().some((change) => change.subjectId === subjectId),
        keepsAll: (): boolean => isUnbroken() && heard().length === 0,
      };
    },
  };
}

export type Feed = ReturnType<typeof createFeed>;
export type Coverage = ReturnType<Feed["coverageOf"]>;
