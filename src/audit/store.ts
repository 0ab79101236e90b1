import { and, desc, eq, gte, lt, or, sql } from "drizzle-orm";
import type { Database } from "../storage/database.ts";
import { ask, createScript, type RedisStore } from "../storage/redis.ts";
import type { EventType, Party, StoredEvent } from "./events.ts";
import { auditEvents } from "./tables.ts";

export type EventFilter = {
  readonly type?: EventType | undefined;
  readonly actorId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  /** The last event of the page before, newest first. */
  readonly after?: { readonly at: Date; readonly id: string } | undefined;
  readonly limit: number;
};

const waitingKey = "audit:waiting";
/** What Redis holds at most while Postgres is away; what comes after goes to the platform's log. */
const waitingStandard = 100_000;

/** All of them or none. KEYS: the list. ARGV: 1 how many it may hold, 2… events. */
const keepScript = `
if redis.call('LLEN', KEYS[1]) + #ARGV - 1 > tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
return 1
`;

export async function createAuditStore(options: {
  database: Database;
  redis: RedisStore;
  waitingMax?: number;
}) {
  const { database, redis, waitingMax = waitingStandard } = options;
  const keep = await createScript(keepScript);

  return {
    /** Writing an event twice keeps one: a lost answer may be retried. */
    async insert(events: readonly StoredEvent[]): Promise<void> {
      await database.insert(auditEvents).values(events.map(rowOf)).onConflictDoNothing();
    },

    /** Keeps what Postgres would not take. Rejects when there is no room for it. */
    async keepWaiting(events: readonly StoredEvent[]): Promise<void> {
      const args = [waitingMax, ...events.map((event) => JSON.stringify(event))];
      const kept = await ask(redis, { verb: "script", script: keep, keys: [waitingKey], args });
      if (Number(kept) !== 1) throw new Error("audit_waiting_full");
    },

    async findWaiting(count: number): Promise<{ text: string; event: StoredEvent | null }[]> {
      const answer = await ask(redis, { verb: "head", key: waitingKey, count });
      if (!Array.isArray(answer)) throw new Error("redis_garbled");
      return answer.map(String).map((text) => ({ text, event: parseWaiting(text) }));
    },

    async forgetWaiting(texts: readonly string[]): Promise<void> {
      const trip = redis.trip();
      const answers = texts.map((value) => trip.add({ verb: "remove", key: waitingKey, value }));
      await trip.send();
      await Promise.all(answers);
    },

    async list(filter: EventFilter): Promise<StoredEvent[]> {
      const { after } = filter;
      const rows = await database
        .select()
        .from(auditEvents)
        .where(
          and(
            filter.type ? eq(auditEvents.type, filter.type) : undefined,
            filter.actorId ? eq(auditEvents.actorId, filter.actorId) : undefined,
            filter.subjectId ? eq(auditEvents.subjectId, filter.subjectId) : undefined,
            filter.requestId ? eq(auditEvents.requestId, filter.requestId) : undefined,
            filter.from ? gte(auditEvents.at, filter.from) : undefined,
            filter.until ? lt(auditEvents.at, filter.until) : undefined,
            after
              ? or(
                  lt(auditEvents.at, after.at),
                  and(eq(auditEvents.at, after.at), lt(auditEvents.id, after.id)),
                )
              : undefined,
          ),
        )
        .orderBy(desc(auditEvents.at), desc(auditEvents.id))
        .limit(filter.limit);
      return rows.map(eventOf);
    },

    async ping(): Promise<void> {
      await database.execute(sql`select 1`);
    },
  };
}

export type AuditStore = Awaited<ReturnType<typeof createAuditStore>>;

function rowOf(event: StoredEvent): typeof auditEvents.$inferInsert {
  return {
    id: event.id,
    at: event.at,
    type: event.type,
    outcome: event.outcome,
    reason: event.reason,
    actorType: event.actor.type,
    actorId: event.actor.id,
    subjectType: event.subject?.type ?? null,
    subjectId: event.subject?.id ?? null,
    requestId: event.origin.requestId,
    address: event.origin.address,
    country: event.origin.country,
    count: event.count,
  };
}

function eventOf(row: typeof auditEvents.$inferSelect): StoredEvent {
  return {
    id: row.id,
    at: row.at,
    type: row.type,
    outcome: row.outcome,
    reason: row.reason,
    actor: { type: row.actorType as Party["type"], id: row.actorId },
    subject: row.subjectId === null ? null : { type: row.subjectType as Party["type"], id: row.subjectId },
    origin: { requestId: row.requestId, address: row.address, country: row.country },
    count: row.count,
  };
}

/** Null when it is none of ours: one entry that can never be written must not keep all others waiting. */
function parseWaiting(text: string): StoredEvent | null {
  try {
    const event = JSON.parse(text) as StoredEvent;
    const at = new Date(event.at);
    rowOf({ ...event, at });
    return Number.isNaN(at.getTime()) || typeof event.id !== "string" ? null : { ...event, at };
  } catch {
    return null;
  }
}
