import type { EventReason, EventType, Party, SecurityEvent } from "../audit/events.ts";

const ofKeys: ReadonlySet<EventReason> = new Set<EventReason>([
  "malformed",
  "forged",
  "unknown",
  "revoked",
  "deleted",
  "expired",
  "disabled",
]);

/** As much of a verdict as audit is told. */
type Judged =
  | { readonly ok: true; readonly degraded: readonly string[] }
  | {
      readonly ok: false;
      readonly degraded: readonly string[];
      readonly refusal: { readonly reason: EventReason; readonly actor: Party };
    };

/** What audit is told of a verdict: every refusal, and every limit that could not be counted exactly. */
export function eventsOf(
  verdict: Judged,
  origin: SecurityEvent["origin"],
  subject: Party | null,
): SecurityEvent[] {
  const events: SecurityEvent[] = [];
  if (verdict.degraded.length > 0) {
    const names = verdict.degraded.join(" ");
    events.push({
      type: "limit.degraded",
      outcome: "noticed",
      reason: "limit_unavailable",
      actor: { type: "system", id: "gatehouse" },
      subject: { type: "limit", id: names },
      origin: { ...origin, address: "" },
    });
  }
  if (!verdict.ok) {
    const { reason, actor } = verdict.refusal;
    events.push({ type: typeOf(reason), outcome: "refused", reason, actor, subject, origin });
  }
  return events;
}

function typeOf(reason: EventReason): EventType {
  if (reason === "over_limit" || reason === "guessing") return "limit.exceeded";
  return ofKeys.has(reason) ? "key.refused" : "access.refused";
}
