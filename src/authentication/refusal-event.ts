import type { EventReason, EventType, Origin, Party, SecurityEvent } from "../audit/events.ts";
import type { CredentialKind } from "./principal.ts";

/** Reasons that lie in the credential itself, by what was shown. */
const ofKeys: ReadonlySet<EventReason> = new Set<EventReason>([
  "malformed",
  "forged",
  "unknown",
  "revoked",
  "deleted",
  "expired",
  "disabled",
]);

const ofTokens: ReadonlySet<EventReason> = new Set<EventReason>([
  "malformed",
  "revoked",
  "expired",
  "not_yet_valid",
  "wrong_issuer",
  "wrong_audience",
  "wrong_type",
  "wrong_algorithm",
  "unknown_key",
  "bad_signature",
]);

/** As much of a verdict as audit is told. */
type Judged =
  | { readonly ok: true; readonly degraded: readonly string[] }
  | {
      readonly ok: false;
      readonly degraded: readonly string[];
      readonly refusal: {
        readonly reason: EventReason;
        readonly actor: Party;
        readonly credential?: CredentialKind | undefined;
      };
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
    const { reason, actor, credential } = verdict.refusal;
    events.push({ type: typeOf(reason, credential), outcome: "refused", reason, actor, subject, origin });
  }
  return events;
}

function typeOf(reason: EventReason, credential: CredentialKind | undefined): EventType {
  if (reason === "over_limit" || reason === "guessing") return "limit.exceeded";
  if (credential === "access-token") return ofTokens.has(reason) ? "token.refused" : "access.refused";
  return ofKeys.has(reason) ? "key.refused" : "access.refused";
}

/** Refusals that no credential would have changed: by code, or by outcome of a room. */
const wordless: Readonly<Partial<Record<string, EventReason>>> = {
  ambiguous_path: "ambiguous_path",
  method_not_allowed: "method_not_allowed",
  body_not_allowed: "body_not_allowed",
  content_too_large: "too_large",
  uri_too_long: "too_large",
  headers_too_large: "too_large",
  cross_site_request: "cross_site",
};

export function refusalEvent(reason: EventReason | null, origin: Origin): SecurityEvent {
  const actor = { type: "stranger", id: "" } as const;
  return { type: "access.refused", outcome: "refused", reason, actor, subject: null, origin };
}

export const eventsOfRefusal = (word: string, origin: Origin): SecurityEvent[] =>
  word in wordless ? [refusalEvent(wordless[word] ?? null, origin)] : [];
