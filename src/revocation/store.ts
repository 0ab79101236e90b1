import { and, desc, gt, inArray, isNull, lt } from "drizzle-orm";
import { randomBase62 } from "../crypto/base62.ts";
import type { Database } from "../storage/database.ts";
import { ask, createScript, type RedisStore, type Trip } from "../storage/redis.ts";
import { appendToFeed, feedKeys, readFeed } from "./feed-scripts.ts";
import { type changeKinds, changeOutbox } from "./tables.ts";

export type { Trip };
export type ChangeKind = (typeof changeKinds)[number];
export type Change = { readonly kind: ChangeKind; readonly subjectId: string };
export type PendingChange = Change & { readonly number: number };

/** The feed keeps this many changes; an isolate that missed more starts anew, which costs it its caches only. */
const membersKept = 5000;

export async function createRevocationStore(options: { database: Database; redis: RedisStore }) {
  const { database, redis } = options;
  const read = await createScript(readFeed);
  const append = await createScript(appendToFeed);

  return {
    openTrip: () => redis.trip(),

    /** Members since the known one, the known one first; or `reset` and the newest member. Leaves with the trip. */
    async readSince(trip: Trip, number: number, member: string): Promise<string[]> {
      const answer = await trip.add({
        verb: "script",
        script: read,
        keys: feedKeys,
        args: [number, member, randomBase62(16)],
      });
      if (!Array.isArray(answer)) throw new Error("redis_garbled");
      return answer.map(String);
    },

    /** One atomic step: every change is in the feed, or none is. */
    async announce(changes: readonly Change[]): Promise<void> {
      await ask(redis, {
        verb: "script",
        script: append,
        keys: feedKeys,
        args: [
          membersKept,
          randomBase62(16),
          ...changes.map((change) => `${change.kind}:${change.subjectId}`),
        ],
      });
    },

    async markAnnounced(numbers: readonly number[], at: Date): Promise<void> {
      await database
        .update(changeOutbox)
        .set({ announcedAt: at })
        .where(inArray(changeOutbox.number, [...numbers]));
    },

    async findPending(notedBefore: Date, limit: number): Promise<PendingChange[]> {
      return await database
        .select({ number: changeOutbox.number, kind: changeOutbox.kind, subjectId: changeOutbox.subjectId })
        .from(changeOutbox)
        .where(and(isNull(changeOutbox.announcedAt), lt(changeOutbox.notedAt, notedBefore)))
        .orderBy(changeOutbox.number)
        .limit(limit);
    },

    /** Announced within the span: announced once more, since a Redis that failed over may have lost the last second. */
    async findAnnouncedSince(since: Date, limit: number): Promise<PendingChange[]> {
      return await database
        .select({ number: changeOutbox.number, kind: changeOutbox.kind, subjectId: changeOutbox.subjectId })
        .from(changeOutbox)
        .where(gt(changeOutbox.announcedAt, since))
        .orderBy(desc(changeOutbox.number))
        .limit(limit);
    },

    async deleteAnnouncedBefore(before: Date): Promise<void> {
      await database.delete(changeOutbox).where(lt(changeOutbox.announcedAt, before));
    },
  };
}

export type RevocationStore = Awaited<ReturnType<typeof createRevocationStore>>;
