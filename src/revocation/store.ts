import { and, desc, gt, inArray, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { randomBase62 } from "../crypto/base62.ts";
import { randomHex } from "../crypto/bytes.ts";
import type { Database } from "../storage/database.ts";
import { ask, createScript, type RedisStore, type Trip } from "../storage/redis.ts";
import { type Change, isEnding, type PendingChange, type TokenKind, tokenKinds } from "./ending.ts";
import { memberTextOf } from "./feed-member.ts";
import { appendToFeed, feedKeys, readFeed } from "./feed-scripts.ts";
import { changeOutbox, pendingChange } from "./tables.ts";

export type { Change, PendingChange, Trip };
export type LiveEnding = {
  readonly kind: TokenKind;
  readonly subjectId: string;
  readonly issuedBefore: number;
  readonly expiresAt: number;
};
/** One question to the source: is there an ending of this kind and subject, that ends a token issued then? */
export type EndingQuestion = {
  readonly kind: TokenKind;
  readonly subjectId: string;
  readonly issuedAt: Date | null;
};

/** The feed keeps this many changes; an isolate that missed more starts anew, which costs it its caches only. */
const membersKept = 5000;

const { number, kind, subjectId, notedAt, expiresAt, announcedAt } = changeOutbox;
const noted = { number, kind, subjectId, notedAt, expiresAt };

export async function createRevocationStore(options: { database: Database; redis: RedisStore }) {
  const { database, redis } = options;
  const read = await createScript(readFeed);
  const append = await createScript(appendToFeed);

  return {
    openTrip: () => redis.trip(),

    /** Members since the known one, the known one first; or `reset` and the newest member. Leaves with the trip. */
    async readSince(trip: Trip, after: number, member: string): Promise<string[]> {
      const answer = await trip.add({
        verb: "script",
        script: read,
        keys: feedKeys,
        args: [after, member, randomHex()],
      });
      if (!Array.isArray(answer)) throw new Error("redis_garbled");
      return answer.map(String);
    },

    /** One atomic step: every change is in the feed and under its `revoked:` key, or none is. */
    async announce(changes: readonly Change[], at: number): Promise<void> {
      const marks = changes.flatMap((change) => revokedMark(change, at));
      await ask(redis, {
        verb: "script",
        script: append,
        keys: [...feedKeys, ...marks.map(({ key }) => key)],
        args: [
          membersKept,
          randomBase62(16),
          ...marks.flatMap(({ issuedBefore, lifeMilliseconds }) => [issuedBefore, lifeMilliseconds]),
          ...changes.map(memberTextOf),
        ],
      });
    },

    async markAnnounced(numbers: readonly number[], at: Date): Promise<void> {
      await database
        .update(changeOutbox)
        .set({ announcedAt: at })
        .where(inArray(number, [...numbers]));
    },

    async findPending(notedBefore: Date, limit: number): Promise<PendingChange[]> {
      const rows = await database
        .select(noted)
        .from(changeOutbox)
        .where(and(isNull(announcedAt), lt(notedAt, notedBefore)))
        .orderBy(number)
        .limit(limit);
      return rows.map(pendingChange);
    },

    /** Announced within the span: announced once more, since a Redis that failed over may have lost the last second. */
    async findAnnouncedSince(since: Date, limit: number): Promise<PendingChange[]> {
      const rows = await database
        .select(noted)
        .from(changeOutbox)
        .where(gt(announcedAt, since))
        .orderBy(desc(number))
        .limit(limit);
      return rows.map(pendingChange);
    },

    /** What may still end a living token stays, whenever it was announced. */
    async deleteAnnouncedBefore(before: Date, now: Date): Promise<void> {
      await database
        .delete(changeOutbox)
        .where(and(lt(announcedAt, before), or(isNull(expiresAt), lt(expiresAt, now))));
    },

    /** The whole denylist, the latest of each; at most `limit` rows. */
    async findLive(now: Date, limit: number): Promise<LiveEnding[]> {
      const rows = await database
        .select({ kind, subjectId, issuedBefore: latest(notedAt), expiresAt: latest(expiresAt) })
        .from(changeOutbox)
        .where(and(gt(expiresAt, now), inArray(kind, [...tokenKinds])))
        .groupBy(kind, subjectId)
        .limit(limit);
      return rows.map((row) => ({ ...row, kind: row.kind as TokenKind }));
    },

    /** The first of these that is true now. */
    async findEnding(now: Date, questions: readonly EndingQuestion[]): Promise<TokenKind | null> {
      const [row] = await database
        .select({ kind })
        .from(changeOutbox)
        .where(and(gt(expiresAt, now), or(...questions.map(matches))))
        .limit(1);
      return row ? (row.kind as TokenKind) : null;
    },
  };
}

export type RevocationStore = Awaited<ReturnType<typeof createRevocationStore>>;

/** Milliseconds; rounded up, so that no token of before is taken for one of after. */
const latest = (column: typeof notedAt | typeof expiresAt): SQL<number> =>
  sql`ceil(extract(epoch from max(${column})) * 1000)`.mapWith(Number);

const matches = (asked: EndingQuestion): SQL | undefined =>
  and(
    sql`${kind} = ${asked.kind}`,
    sql`${subjectId} = ${asked.subjectId}`,
    asked.issuedAt ? gt(notedAt, asked.issuedAt) : undefined,
  );

/** A token's id stands plainly, as whoever verifies tokens against Redis expects it; every other kind is named. */
function revokedMark(change: Change, at: number) {
  const lifeMilliseconds = (change.expiresAt?.getTime() ?? 0) - at;
  if (lifeMilliseconds <= 0) return [];
  const key = change.kind === "jti" ? change.subjectId : `${change.kind}:${change.subjectId}`;
  const issuedBefore = isEnding(change) ? change.notedAt.getTime() : 1;
  return [{ key: `revoked:${key}`, issuedBefore, lifeMilliseconds: Math.ceil(lifeMilliseconds) }];
}
